import type { Random } from "../../lib/random.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { repairPlacement } from "../constraints/repair.js";
import { createAdmissibility } from "../constraints/violations.js";
import { createSwapRule } from "./feasible-swaps.js";
import type { SwapShape } from "./gain-tables.js";
import type { SwapGains, SwapRule } from "./swap-gains.js";

/** All that a search by swaps knows of a placement problem. */
export interface SwapModel extends SwapShape {
  /** Keeps the random numbers of layers apart. */
  readonly layer: number;
  /** Makes the rule by which swaps keep an admissible placement admissible; undefined where all do. */
  readonly createRule: (gains: SwapGains) => SwapRule | undefined;
  /** Makes a placement admissible where it is not; undefined where that fails. Shape [numExperts]. */
  readonly admit: (chipletOf: Uint16Array, random: Random) => Uint16Array | undefined;
}

/** Poses the search of a layer: what limits, pins and separations mean for swaps. */
export function swapModelOf(model: ConstraintModel, layer: number): SwapModel {
  const { patterns, numChiplets, slotsPerChiplet } = model;
  const isAdmissible = createAdmissibility(model);
  return {
    layer,
    patterns,
    numChiplets,
    slotsPerChiplet,
    createRule: (gains) => createSwapRule(model, gains),
    admit: (chipletOf, random) =>
      isAdmissible(chipletOf) ? chipletOf : repairPlacement(model, chipletOf, { random }),
  };
}
