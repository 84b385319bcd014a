import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { Random } from "../../lib/random.js";
import { repairPlacement } from "../constraints/repair.js";
import { createAdmissibility } from "../constraints/violations.js";
import { createSwapRule } from "./feasible-swaps.js";
import type { SwapGains, SwapRule, SwapShape } from "./swap-gains.js";

/** All that a search by swaps knows of a placement problem. */
export interface SwapModel extends SwapShape {
  /** Keeps the random numbers of layers apart. */
  readonly layer: number;
  /** Makes the rule by which swaps keep an admissible placement admissible; undefined where all do. */
  readonly createRule: (gains: SwapGains) => SwapRule | undefined;
  /** Makes a placement admissible where it is not; undefined where that fails. Shape [numExperts]. */
  readonly admit: (chipletOf: Uint16Array, random: Random) => Uint16Array | undefined;
}

/** Poses the search for a placement problem: what its limits, pins and separations mean for swaps. */
export function swapModelOf(problem: PlacementProblem): SwapModel {
  const { layer, patterns, numChiplets, slotsPerChiplet } = problem;
  const isAdmissible = createAdmissibility(problem);
  return {
    layer,
    patterns,
    numChiplets,
    slotsPerChiplet,
    createRule: (gains) => createSwapRule(problem, gains),
    admit: (chipletOf, random) =>
      isAdmissible(chipletOf) ? chipletOf : repairPlacement(problem, chipletOf, { random }),
  };
}
