import { checkModelSizes } from "../plausible-size.js";
import type { Chiplets, Placement } from "../placement/placement.js";
import { countExperts, isIdList, requireRanks } from "./foreign-content.js";
import type { ReadOptions, Report } from "./placement-format.js";

/** The physical slots of one layer as a file gives them. */
export interface SlotRow {
  readonly layer: number;
  /** Meant to be the expert of every slot. */
  readonly slots: unknown;
}

/**
 * Experts in the order of the physical slots: rank by rank, as engines number them. EP rank r is chiplet r.
 *
 * @param chiplets All with the same number of experts.
 * @returns Expert of every slot. Shape [numChiplets * slotsPerChiplet].
 */
export function expertsOfSlots(chiplets: Chiplets): number[] {
  return chiplets.flat();
}

/**
 * Places rows of physical slots: slot p belongs to EP rank floor(p / (P / R)).
 *
 * @param format Name of the format, for messages.
 * @param report Told of ids that are none, rows of another length than the first, slots that do not divide by the ranks.
 * @returns Undefined where something was reported.
 * @throws InputError if the options do not tell the number of ranks.
 */
export function fillSlots(
  rows: readonly SlotRow[],
  options: ReadOptions & { format: string },
  report: Report,
): Placement | undefined {
  const sound = rows.flatMap(({ layer, slots }) =>
    isIdList(slots, `layer ${layer}`, report) ? [{ layer, slots }] : [],
  );
  if (sound.length < rows.length) return undefined;
  const numChiplets = requireRanks(options, options.format);
  const { numExperts } = options;
  checkModelSizes(options.format, { numChiplets, numExperts, numLayers: rows.length || undefined });
  const numSlots = sound.length > 0 ? sound[0].slots.length : 0;
  const uneven = sound.filter(({ slots }) => slots.length !== numSlots);
  for (const { layer, slots } of uneven) {
    report(`layer ${layer}: found ${slots.length} slots, expected ${numSlots} as in layer ${sound[0].layer}`);
  }
  if (numSlots === 0) report("found no slots, expected at least one a rank");
  else if (numSlots % numChiplets !== 0) {
    report(`found ${numSlots} slots over ${numChiplets} ranks, expected a multiple of the ranks`);
  }
  if (numSlots === 0 || uneven.length > 0 || numSlots % numChiplets !== 0) return undefined;
  return {
    model: options.model,
    numExperts: countExperts(options, sound.map(({ slots }) => slots).flat()),
    numChiplets,
    layers: sound.map(({ layer, slots }) => ({ layer, chiplets: chipletsOfSlots(slots, numChiplets) })),
  };
}

/**
 * Experts of every rank where an engine splits the ids into runs: where they do not divide, one more on the first ranks.
 *
 * @returns Shape [numRanks].
 *
 * @example
 * runLengths(60, 16).slice(10, 14); // [4, 4, 3, 3]
 */
export function runLengths(numExperts: number, numRanks: number): number[] {
  const least = Math.floor(numExperts / numRanks);
  const numLong = numExperts % numRanks;
  return Array.from({ length: numRanks }, (_, rank) => (rank < numLong ? least + 1 : least));
}

function chipletsOfSlots(slots: readonly number[], numChiplets: number): number[][] {
  const slotsPerChiplet = slots.length / numChiplets;
  return Array.from({ length: numChiplets }, (_, chiplet) =>
    slots.slice(chiplet * slotsPerChiplet, (chiplet + 1) * slotsPerChiplet).sort((a, b) => a - b),
  );
}
