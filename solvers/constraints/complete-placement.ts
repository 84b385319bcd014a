import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type Solution,
  type StoppedBy,
} from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { decideFeasibility } from "./feasibility.js";
import { repairPlacement } from "./repair.js";

/** How the placement came about, and what is left to put it right. */
export interface FinishOptions {
  readonly stoppedBy: StoppedBy;
  readonly seed: number;
  readonly timeLimitMs?: number;
}

/**
 * Turns the placement a rule or a search arrived at into its answer, with the exact cost.
 *
 * Rules know nothing of pins and constraints: a placement that breaks one is repaired, and where that fails,
 * integer programming finds an admissible one or proves that there is none. Every solver that proves nothing ends here.
 *
 * @param chipletOf Chiplet of every expert, at most `slotsPerChiplet` on each. Shape [numExperts].
 */
export function finish(
  problem: PlacementProblem,
  chipletOf: ArrayLike<number>,
  options: FinishOptions,
): Promise<Solution> {
  return completePlacement(problem, expertsOfChiplets(chipletOf, problem.numChiplets), options);
}

/** Does as {@link finish} for a placement that may have replicas; what is repaired has none. */
export async function completePlacement(
  problem: PlacementProblem,
  chiplets: Chiplets,
  { stoppedBy, seed, timeLimitMs = Infinity }: FinishOptions,
): Promise<Solution> {
  const { patterns, chipletsPerGroup, dispatch, numChiplets, numExperts } = problem;
  const answer = (placement: Chiplets): Solution => {
    const { chipletTokens } = countTraffic(patterns, placement, { chipletsPerGroup, dispatch });
    const cost = chipletTokens.reduce((sum, tokens) => sum + tokens, 0) / patterns.numTokens;
    return { status: "feasible", chiplets: placement, cost, stoppedBy };
  };
  if (verifyChiplets(problem, chiplets).length === 0) return answer(chiplets);
  const random = createRandom(seed, problem.layer);
  const repaired = repairPlacement(problem, chipletOfExperts(chiplets, numExperts), { random });
  if (repaired) return answer(expertsOfChiplets(repaired, numChiplets));
  const feasibility = await decideFeasibility(problem, timeLimitMs);
  if (feasibility.status === "feasible") return answer(expertsOfChiplets(feasibility.chipletOf, numChiplets));
  return feasibility.status === "infeasible" ? feasibility : { status: "undecided", stoppedBy };
}
