import { expertsOfChiplets, type Solution } from "../../lib/placement/placement.js";
import type { ConstraintModel } from "./constraint-model.js";
import { createAdmissibility } from "./violations.js";

/**
 * Puts all experts on one chiplet, where its slots, pins and every constraint allow it: C_T is 1, and never less.
 *
 * Whoever proves or prices columns asks here first: of such problems there are more columns than can be walked.
 *
 * @returns Undefined where it is not allowed.
 */
export function placeOnOneChiplet(model: ConstraintModel): Solution | undefined {
  const { numExperts, numChiplets, chipletsPerGroup, slotsPerChiplet, pins } = model;
  if (slotsPerChiplet < numExperts) return undefined;
  const chipletOf = new Uint16Array(numExperts).fill(pins.at(0)?.chiplet ?? 0);
  if (!createAdmissibility(model)(chipletOf)) return undefined;
  const proved = { status: "optimal", cost: 1, bound: 1 } as const;
  const hasGroups = chipletsPerGroup > 1 && chipletsPerGroup < numChiplets;
  return {
    ...proved,
    chiplets: expertsOfChiplets(chipletOf, numChiplets),
    ...(hasGroups && { groups: proved }),
    stoppedBy: "proof",
  };
}
