import { countTouches } from "../lib/placement/cost.js";
import { expertsOfChiplets, type Solution, type StoppedBy } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { createRandom } from "../lib/random.js";
import { decideFeasibility } from "./feasibility.js";
import { repairSeating } from "./repair.js";

/**
 * Turns the seating a rule or a search arrived at into its answer, with the exact cost.
 *
 * Rules know nothing of limits, pins and separations: a seating that breaks one is repaired, and where that fails,
 * integer programming finds an admissible one or proves that there is none. Every solver that proves nothing ends here.
 *
 * @param chipletOf Chiplet of every expert, at most `slotsPerChiplet` on each. Shape [numExperts].
 */
export async function finish(
  problem: PlacementProblem,
  chipletOf: ArrayLike<number>,
  { stoppedBy, seed, timeLimitMs }: { stoppedBy: StoppedBy; seed: number; timeLimitMs?: number | undefined },
): Promise<Solution> {
  const answer = (seating: ArrayLike<number>): Solution => {
    const chiplets = expertsOfChiplets(seating, problem.numChiplets);
    const cost = countTouches(problem.patterns, seating) / problem.patterns.numTokens;
    return { status: "feasible", chiplets, cost, stoppedBy };
  };
  if (isAdmissible(problem, chipletOf)) return answer(chipletOf);
  const repaired = repairSeating(problem, chipletOf, { random: createRandom(seed, problem.layer) });
  if (repaired) return answer(repaired);
  const feasibility = await decideFeasibility(problem, timeLimitMs);
  if (feasibility.status === "feasible") return answer(feasibility.chipletOf);
  return feasibility.status === "infeasible" ? feasibility : { status: "undecided", stoppedBy };
}

/** Whether a seating respects slots, pins, separations and every limit. */
export function isAdmissible(problem: PlacementProblem, chipletOf: ArrayLike<number>): boolean {
  return verifyChiplets(problem, expertsOfChiplets(chipletOf, problem.numChiplets)).length === 0;
}
