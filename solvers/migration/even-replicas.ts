import type { Chiplets } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { OPTIMALITY_GAP } from "../../lib/placement/tolerance.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { smallest } from "../../lib/statistics.js";
import { annealReplicas } from "../replicas/annealing.js";
import { isAboveCap, peakLoad, replicationOf } from "../replicas/cap-ladder.js";
import type { WithinMoves } from "./traffic-within-moves.js";

/** Caps on the load that are tried, each halfway between what is met and what is not known to be. */
const MOST_CAPS = 5;
/** A search within few moves has little to look for. */
const EFFORT = 0.25;
/** Tells the random streams of evening from those of other searches. */
const EVENING_STREAM = 970;

/**
 * Lowers the largest load of a chiplet within some moves of a running placement with replicas, and then the token copies under it.
 *
 * @param starts Placements that respect all limits, within the moves; at least one.
 * @returns One no less even than any of them.
 */
export function evenReplicas(
  problem: PlacementProblem,
  starts: readonly Chiplets[],
  { running, maxMoves, seed, deadline }: WithinMoves,
): Chiplets {
  const peaks = starts.map((chiplets) => peakLoad(problem, chiplets));
  let peak = smallest(peaks);
  let best = starts[peaks.indexOf(peak)];
  const search = (maxLoad: number, stream: number) =>
    annealReplicas(problem, best, {
      random: createRandom(seed, problem.layer, EVENING_STREAM, stream),
      maxLoad,
      budget: { running, maxMoves },
      effort: EFFORT,
      deadline,
    }).chiplets;
  const isSound = (chiplets: Chiplets) => verifyChiplets(problem, chiplets).length === 0;
  let [unmet, cap] = [meanChipletLoad(problem), meanChipletLoad(problem)];
  for (let tried = 0; tried < MOST_CAPS && peak > unmet * (1 + OPTIMALITY_GAP); tried++) {
    const found = search(cap, tried);
    const reached = peakLoad(problem, found);
    if (isAboveCap(reached, cap)) unmet = cap;
    if (reached < peak && isSound(found)) [best, peak] = [found, reached];
    cap = (unmet + peak) / 2;
  }
  const cheapest = search(peak, MOST_CAPS);
  const isBetter =
    !isAboveCap(peakLoad(problem, cheapest), peak) &&
    replicationOf(problem, cheapest) < replicationOf(problem, best) &&
    isSound(cheapest);
  return isBetter ? cheapest : best;
}
