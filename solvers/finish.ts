import { countTouches } from "../lib/placement/cost.js";
import { expertsOfChiplets, type Solution, type StoppedBy } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { verifyChiplets } from "../lib/placement/verify.js";

/**
 * Turns the seating a rule or a search arrived at into its answer: exact cost, or undecided where it breaks a limit.
 *
 * Every solver that proves nothing ends here.
 *
 * @param chipletOf Chiplet of every expert. Shape [numExperts].
 */
export function finish(
  problem: PlacementProblem,
  chipletOf: ArrayLike<number>,
  stoppedBy: StoppedBy,
): Solution {
  const chiplets = expertsOfChiplets(chipletOf, problem.numChiplets);
  if (verifyChiplets(problem, chiplets).length > 0) return { status: "undecided", stoppedBy };
  const cost = countTouches(problem.patterns, chipletOf) / problem.patterns.numTokens;
  return { status: "feasible", chiplets, cost, stoppedBy };
}
