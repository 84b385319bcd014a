import { countMoves } from "../../lib/placement/migration.js";
import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type Solution,
} from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { OPTIMALITY_GAP } from "../../lib/placement/tolerance.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { largest, smallest } from "../../lib/statistics.js";
import { balancePlacement, leastLargestLoad, loadsOf, withLoad } from "../objectives/balance.js";
import { peakLoad } from "../replicas/cap-ladder.js";
import { evenReplicas } from "./even-replicas.js";
import { withFewerMoves } from "./fewer-moves.js";
import { claims } from "./renamed.js";
import { fewestCopies, tryAllWithin, type WithinMoves } from "./traffic-within-moves.js";

/**
 * Finds the placement of least largest chiplet load within some moves of a running one, and of those one of few token copies.
 *
 * @returns Undecided where none was found that respects all limits.
 */
export async function balanceWithinMoves(problem: PlacementProblem, given: WithinMoves): Promise<Solution> {
  // What the searches within tell of has few copies, and need not be even.
  const { onBetter, ...within } = given;
  const { running, maxMoves, target, seed, deadline, stoppedBy } = within;
  const { numExperts, numChiplets, numReplicas, patterns, limits } = problem;
  const isSound = (chiplets: Chiplets) => verifyChiplets(problem, chiplets).length === 0;
  const begun = isSound(running) ? running : await fewestCopies(problem, within, { isHurried: true });
  if (!begun) return tryAllWithin(problem, within, undefined) ?? { status: "undecided", stoppedBy };
  const isReached = target !== undefined && countMoves(running, target.chiplets) <= maxMoves;
  const starts = isReached ? [begun, target.chiplets] : [begun];
  // Tokens of one expert make one copy each wherever that is: then moves that even nothing are moves for nothing.
  const copiesDiffer = patterns.experts.length > patterns.numPatterns;
  const asEven = (even: Chiplets, peak: number) =>
    copiesDiffer
      ? even
      : withFewerMoves(running, even, (next) => peakLoad(problem, next) <= peak && isSound(next));
  if (numReplicas > 0) {
    const even = evenReplicas(problem, starts.filter(isSound), within);
    const chiplets = asEven(even, peakLoad(problem, even));
    const cost = peakLoad(problem, chiplets) / meanChipletLoad(problem);
    const load = { status: cost <= 1 + OPTIMALITY_GAP ? "optimal" : "feasible", cost, bound: 1 } as const;
    return { ...claims(problem, chiplets, undefined), chiplets, stoppedBy, load };
  }
  const evened = starts.map((chiplets) =>
    balancePlacement(problem, chipletOfExperts(chiplets, numExperts), {
      seed,
      deadline,
      budget: { running, maxMoves },
    }),
  );
  const peaks = evened.map((chipletOf) => largest(loadsOf(problem, chipletOf)));
  const cap = smallest(peaks);
  const even = asEven(expertsOfChiplets(evened[peaks.indexOf(cap)], numChiplets), cap);
  onBetter?.(even);
  const capped = { ...problem, limits: { ...limits, chipletLoad: cap } };
  const from = [even, running, ...(target ? [target.chiplets] : [])];
  const chiplets = (copiesDiffer && (await fewestCopies(capped, within, { starts: from }))) || even;
  return withLoad(
    capped,
    { ...claims(problem, chiplets, undefined), chiplets, stoppedBy },
    { mean: meanChipletLoad(problem), bound: leastLargestLoad(problem) },
  );
}
