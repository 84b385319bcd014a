import { InputError } from "../../lib/errors.js";
import { countMoves } from "../../lib/placement/migration.js";
import { chipletOfExperts, expertsOfChiplets, type Solution } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { largest, smallest } from "../../lib/statistics.js";
import { balancePlacement, leastLargestLoad, loadsOf, withLoad } from "../objectives/balance.js";
import { claims } from "./renamed.js";
import { fewestCopies, tryAllWithin, type WithinMoves } from "./traffic-within-moves.js";

/**
 * Finds the placement of least largest chiplet load within some moves of a running one, and of those one of few token copies.
 *
 * @returns Undecided where none was found that respects all limits.
 * @throws InputError if there are replicas, whose loads no swap of two experts evens.
 */
export async function balanceWithinMoves(problem: PlacementProblem, within: WithinMoves): Promise<Solution> {
  const { running, maxMoves, target, seed, deadline, stoppedBy } = within;
  const { numExperts, numChiplets, numReplicas, patterns, limits } = problem;
  if (numReplicas > 0) {
    throw new InputError(
      `maxMoves: found ${numReplicas} replicas where loads are evened, expected none, or any number of moves`,
    );
  }
  const isSound = verifyChiplets(problem, running).length === 0;
  const begun = isSound ? running : await fewestCopies(problem, within, { isHurried: true });
  if (!begun) return tryAllWithin(problem, within, undefined) ?? { status: "undecided", stoppedBy };
  const isReached = target !== undefined && countMoves(running, target.chiplets) <= maxMoves;
  const evened = (isReached ? [begun, target.chiplets] : [begun]).map((chiplets) =>
    balancePlacement(problem, chipletOfExperts(chiplets, numExperts), {
      seed,
      deadline,
      budget: { running, maxMoves },
    }),
  );
  const peaks = evened.map((chipletOf) => largest(loadsOf(problem, chipletOf)));
  const cap = smallest(peaks);
  const even = expertsOfChiplets(evened[peaks.indexOf(cap)], numChiplets);
  const capped = { ...problem, limits: { ...limits, chipletLoad: cap } };
  // Tokens of one expert make one copy each wherever that is.
  const copiesDiffer = patterns.experts.length > patterns.numPatterns;
  const starts = [even, running, ...(target ? [target.chiplets] : [])];
  const chiplets = (copiesDiffer && (await fewestCopies(capped, within, { starts }))) || even;
  return withLoad(
    capped,
    { ...claims(problem, chiplets, undefined), chiplets, stoppedBy },
    { mean: meanChipletLoad(problem), bound: leastLargestLoad(problem) },
  );
}
