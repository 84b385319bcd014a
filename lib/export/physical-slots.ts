import type { Chiplets, SeatedLayer } from "../placement/placement.js";

/**
 * Experts in the order of the physical slots: rank by rank, as engines number them.
 *
 * @param chiplets All with the same number of experts. EP rank r is chiplet r.
 * @returns Expert of every slot. Shape [numChiplets * slotsPerChiplet].
 */
export function expertsOfSlots(chiplets: Chiplets): number[] {
  return chiplets.flat();
}

/**
 * Cuts physical slots into chiplets: slot p belongs to EP rank floor(p / (P / R)).
 *
 * @param numChiplets Divides the number of slots.
 */
export function chipletsOfSlots(slots: readonly number[], numChiplets: number): number[][] {
  const slotsPerChiplet = slots.length / numChiplets;
  return Array.from({ length: numChiplets }, (_, chiplet) =>
    slots.slice(chiplet * slotsPerChiplet, (chiplet + 1) * slotsPerChiplet).sort((one, other) => one - other),
  );
}

/** Rows of physical slots with the layer each is of. */
export interface SlotRow {
  readonly layer: number;
  readonly slots: readonly number[];
}

/**
 * Turns rows of physical slots into seated layers, once all rows are as long as the first and divide by the ranks.
 *
 * @param report Told what is wrong with the lengths.
 * @returns Undefined where something was.
 */
export function seatSlotRows(
  rows: readonly SlotRow[],
  numChiplets: number,
  report: (violation: string) => void,
): SeatedLayer[] | undefined {
  const numSlots = rows[0]?.slots.length ?? 0;
  const uneven = rows.filter(({ slots }) => slots.length !== numSlots);
  for (const { layer, slots } of uneven) {
    report(`layer ${layer}: found ${slots.length} slots, expected ${numSlots} as in layer ${rows[0].layer}`);
  }
  if (numSlots === 0) report("found no slots, expected at least one a rank");
  else if (numSlots % numChiplets !== 0) {
    report(`found ${numSlots} slots over ${numChiplets} ranks, expected a multiple of the ranks`);
  }
  if (numSlots === 0 || uneven.length > 0 || numSlots % numChiplets !== 0) return undefined;
  return rows.map(({ layer, slots }) => ({ layer, chiplets: chipletsOfSlots(slots, numChiplets) }));
}
