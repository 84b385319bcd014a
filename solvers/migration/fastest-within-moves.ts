import { countMoves } from "../../lib/placement/migration.js";
import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type Solution,
} from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { largest } from "../../lib/statistics.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { balancePlacement } from "../objectives/balance.js";
import { createAdmissibility, SwapTraffic } from "../objectives/swap-traffic.js";
import { estimatedTime, scheduledTime } from "../objectives/time.js";
import { annealWithinMoves } from "./anneal-within-moves.js";
import { claims } from "./renamed.js";
import { fewestCopies, tryAllWithin, type WithinMoves } from "./traffic-within-moves.js";

/** Candidates that annealing begins from. */
const MOST_ANNEALED = 2;
/** Parts of the moves allowed that C_T is lowered with, too: what lowers it most need not be the fastest. */
const FEWER_MOVES = [0.5, 0.25];

/**
 * Finds the placement of least modelled time within some moves of a running one.
 *
 * Candidates are the running placement, the target where it is within the moves, and what lowers the surrogates of time within
 * them: the fewest token copies, under several caps on the load and with fewer moves, and the least load. The best are annealed on
 * the estimate itself. The schedule decides; of equally fast ones the one of fewest moves is the answer.
 *
 * @returns Undecided where none was found that respects all limits. The running placement is told as a candidate, since the
 *   step of all layers may be faster where one of them stays.
 */
export async function fastestWithinMoves(problem: PlacementProblem, within: WithinMoves): Promise<Solution> {
  const { running, maxMoves, target, stoppedBy } = within;
  const isWithin = (chiplets: Chiplets) =>
    countMoves(running, chiplets) <= maxMoves && verifyChiplets(problem, chiplets).length === 0;
  const made = await surrogates(problem, within);
  const candidates = [running, ...(target ? [target.chiplets] : []), ...made].filter(isWithin);
  if (candidates.length === 0)
    return tryAllWithin(problem, within, undefined) ?? { status: "undecided", stoppedBy };
  const timeOf = scheduledTime(problem);
  const judged = [...candidates, ...annealed(problem, within, candidates)].map((chiplets) => ({
    chiplets,
    ns: timeOf(countTraffic(problem.patterns, chiplets, problem)),
    moves: countMoves(running, chiplets),
  }));
  const { chiplets } = judged.reduce((best, next) =>
    next.ns < best.ns || (next.ns === best.ns && next.moves < best.moves) ? next : best,
  );
  const told = candidates.includes(running) && {
    candidates: { running: { chiplets: running, cost: claims(problem, running, undefined).cost } },
  };
  return { ...claims(problem, chiplets, target), chiplets, stoppedBy, ...told };
}

/** Placements within the moves that lower what stands for the time. */
async function surrogates(problem: PlacementProblem, within: WithinMoves): Promise<Chiplets[]> {
  const { maxMoves, deadline } = within;
  const cheapest = await fewestCopies(problem, within);
  if (cheapest === undefined) return [];
  const found = [cheapest];
  const isHurried = true;
  const asked = [
    ...FEWER_MOVES.map((part) => ({ problem, moves: Math.floor(part * maxMoves), starts: [within.running] })),
    ...underLoadCaps(problem, within, cheapest).map((capped) => ({ ...capped, moves: maxMoves })),
  ];
  for (const { problem: variant, moves, starts } of asked) {
    if (performance.now() >= deadline) break;
    const chiplets = await fewestCopies(variant, { ...within, maxMoves: moves }, { starts, isHurried });
    if (chiplets) found.push(chiplets);
    // The evenest itself may be faster than all that have fewer copies.
    for (const start of starts) if (!found.includes(start)) found.push(start);
  }
  return found;
}

/** The problem under caps between the least load within the moves and that of the fewest copies, with where to begin. */
function underLoadCaps(
  problem: PlacementProblem,
  { running, maxMoves, seed, deadline }: WithinMoves,
  cheapest: Chiplets,
): { readonly problem: PlacementProblem; readonly starts: readonly Chiplets[] }[] {
  const { limits, numExperts, numChiplets, numReplicas } = problem;
  const peakOf = (chiplets: Chiplets) =>
    largest(countTraffic(problem.patterns, chiplets, problem).chipletLoad);
  const begun = verifyChiplets(problem, running).length === 0 ? running : cheapest;
  const even =
    numReplicas > 0
      ? begun
      : expertsOfChiplets(
          balancePlacement(problem, chipletOfExperts(begun, numExperts), {
            seed,
            deadline,
            budget: { running, maxMoves },
          }),
          numChiplets,
        );
  const [least, most] = [peakOf(even), peakOf(cheapest)];
  return [least, (least + most) / 2]
    .filter((chipletLoad) => chipletLoad < most)
    .map((chipletLoad) => ({
      problem: { ...problem, limits: { ...limits, chipletLoad } },
      starts: [even, cheapest],
    }));
}

/** What annealing on the estimate makes of the best candidates; nothing where a swap changes the loads of replicas elsewhere. */
function annealed(
  problem: PlacementProblem,
  { running, maxMoves, seed, deadline }: WithinMoves,
  candidates: readonly Chiplets[],
): Chiplets[] {
  if (problem.numReplicas > 0) return [];
  const { patterns, load, layer } = problem;
  const estimate = estimatedTime(problem);
  const starts = candidates
    .map((chiplets) => ({ chiplets, ns: estimate(countTraffic(patterns, chiplets, problem)) }))
    .sort((a, b) => a.ns - b.ns)
    .slice(0, MOST_ANNEALED)
    .map(({ chiplets }) => chiplets);
  const state = new SwapTraffic(patterns, load, problem);
  return annealWithinMoves(state, starts, {
    running,
    maxMoves,
    estimate,
    respects: createAdmissibility(constraintModelOf(problem), state),
    random: createRandom(seed, layer, ANNEALING_STREAM),
    deadline,
  });
}

/** Tells the random stream of annealing from those of other searches. */
const ANNEALING_STREAM = 960;
