import { InputError } from "../errors.js";
import type { Placement } from "../placement/placement.js";
import { verifyPlacement } from "../placement/verify-placement.js";
import { lookAt } from "./foreign-content.js";
import { placementFormats } from "./formats.js";
import type { ForeignContent, PlacementFormat, ReadOptions } from "./placement-format.js";

/** What a file made by someone else holds, and everything that is wrong with it. */
export interface ForeignReading {
  /** Name of the format, found by content. */
  readonly format: string;
  /** Undefined where the file is too broken to hold one. */
  readonly placement: Placement | undefined;
  /** One sentence a violation; empty if nothing is wrong. */
  readonly violations: readonly string[];
}

/**
 * Checks a placement file of an engine harder than the engine does, and lists every violation.
 *
 * Without `numExperts` the largest id found counts as the last expert: an absent last expert cannot be missed then.
 *
 * @param where Name of the file, for messages.
 * @throws InputError if the format is not known, or the options lack what the file does not say.
 *
 * @example
 * const reading = await verifyForeign(await readFile("map.json"), "map.json", { numChiplets: 16, numExperts: 64 });
 * reading.violations; // [], it is sound
 */
export async function verifyForeign(
  bytes: Uint8Array,
  where: string,
  options: ReadOptions = {},
): Promise<ForeignReading> {
  const content = lookAt(bytes);
  const format = placementFormats.find((candidate) => candidate.recognises(content));
  if (format === undefined) {
    const names = placementFormats.map(({ name }) => name).join(", ");
    throw new InputError(`${where}: found no placement, expected a file of one of the formats ${names}`);
  }
  if (format.read === undefined) {
    throw new InputError(`${where}: found ${format.summary}, expected a placement`);
  }
  return readForeign(content, format, options);
}

/**
 * Reads the placement file of an engine.
 *
 * @param where Name of the file, for messages.
 * @throws InputError if the format is not known or {@link verifyForeign} finds anything.
 *
 * @example
 * const placement = await importPlacement(await readFile("map.json"), "map.json", { numChiplets: 16 });
 */
export async function importPlacement(
  bytes: Uint8Array,
  where: string,
  options: ReadOptions = {},
): Promise<Placement> {
  const { format, placement, violations } = await verifyForeign(bytes, where, options);
  if (violations.length > 0) {
    throw new InputError(
      `${where}: ${format}: ${violations[0]}${violations.length > 1 ? `, and ${violations.length - 1} more` : ""}`,
      `Maybe run "moeplace verify ${where}" for the whole list.`,
    );
  }
  if (placement === undefined) throw new Error(`${format}: read nothing and reported nothing`);
  return placement;
}

/** Reads content of a known format and judges the placement in it. */
export async function readForeign(
  content: ForeignContent,
  format: PlacementFormat,
  options: ReadOptions,
): Promise<ForeignReading> {
  const violations: string[] = [];
  const placement = await format.read?.(content, options, (violation) => violations.push(violation));
  if (placement !== undefined) {
    violations.push(...verifyPlacement(placement));
    if (format.needs.equalSlots) violations.push(...unequalSlots(placement));
    if (format.needs.noReplicas) violations.push(...replicas(placement));
  }
  return { format: format.name, placement, violations };
}

function unequalSlots({ layers }: Placement): string[] {
  return layers.flatMap(({ layer, chiplets }) =>
    chiplets.flatMap((experts, chiplet) =>
      experts.length === chiplets[0].length
        ? []
        : [
            `layer ${layer}: chiplet ${chiplet} holds ${experts.length} experts, ` +
              `expected ${chiplets[0].length} as on the first`,
          ],
    ),
  );
}

function replicas({ layers, numExperts }: Placement): string[] {
  return layers
    .filter(({ chiplets }) => chiplets.flat().length > numExperts)
    .map(({ layer }) => `layer ${layer}: found replicas, expected every expert on one chiplet`);
}
