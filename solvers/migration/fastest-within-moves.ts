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
import { constraintModelOf } from "../constraints/constraint-model.js";
import { balancePlacement } from "../objectives/balance.js";
import { createAdmissibility, SwapTraffic } from "../objectives/swap-traffic.js";
import { estimatedTime, scheduledTime } from "../objectives/modelled-time.js";
import { peakLoad } from "../replicas/cap-ladder.js";
import { annealWithinMoves } from "./anneal-within-moves.js";
import { claims } from "./renamed.js";
import { fewestCopies, searchCopies, tryAllWithin, type WithinMoves } from "./traffic-within-moves.js";

/** Candidates that annealing begins from. */
const MOST_ANNEALED = 2;
/** Every number of moves up to it is a step of its own on the way to more; beyond, steps are a quarter apart. */
const EVERY_STEP = 8;
const STEP_GROWTH = 1.25;

/**
 * Finds the placement of least modelled time within some moves of a running one.
 *
 * Goes through fewer moves first, and hands on what was found: which searches are made depends on the number of moves only by how many of
 * them are, so that more moves are never slower. The schedule decides; of equally fast placements the one of fewest moves is the answer.
 *
 * @returns Undecided where none was found that respects all limits. The running placement is told as a candidate, since the
 *   step of all layers may be faster where one of them stays.
 */
export async function fastestWithinMoves(problem: PlacementProblem, given: WithinMoves): Promise<Solution> {
  // What the searches within tell of has few copies, and need not be fast.
  const { onBetter, ...within } = given;
  const { running, maxMoves, target, stoppedBy, deadline } = within;
  const isSound = (chiplets: Chiplets) => verifyChiplets(problem, chiplets).length === 0;
  const timeOf = scheduledTime(problem);
  const found: Judged[] = [];
  const seen = new Set<string>();
  const add = (placements: readonly Chiplets[]) => {
    for (const chiplets of placements) {
      const key = JSON.stringify(chiplets);
      if (seen.has(key)) continue;
      seen.add(key);
      if (!isSound(chiplets)) continue;
      found.push({
        chiplets,
        ns: timeOf(countTraffic(problem.patterns, chiplets, problem)),
        moves: countMoves(running, chiplets),
      });
    }
  };
  add([running, ...(target ? [target.chiplets] : [])]);
  for (const moves of stepsTo(Math.min(maxMoves, running.flat().length))) {
    if (performance.now() >= deadline) break;
    const known = fastestOf(found, moves);
    if (known) onBetter?.(known.chiplets);
    add(await candidatesWithin(problem, { ...within, maxMoves: moves }, known ? [known.chiplets] : []));
  }
  const best = fastestOf(found, maxMoves);
  if (!best) return tryAllWithin(problem, within, undefined) ?? { status: "undecided", stoppedBy };
  const told = isSound(running) && {
    candidates: { running: { chiplets: running, cost: claims(problem, running, undefined).cost } },
  };
  return { ...claims(problem, best.chiplets, target), chiplets: best.chiplets, stoppedBy, ...told };
}

/** A placement and its schedule's time. */
interface Judged {
  readonly chiplets: Chiplets;
  readonly ns: number;
  readonly moves: number;
}

/** The fastest within some moves, of equally fast ones that of fewest moves. */
function fastestOf(found: readonly Judged[], maxMoves: number): Judged | undefined {
  return found
    .filter(({ moves }) => moves <= maxMoves)
    .sort((a, b) => a.ns - b.ns || a.moves - b.moves)
    .at(0);
}

/** Numbers of moves that are gone through on the way to some, ascending. */
function stepsTo(maxMoves: number): number[] {
  const steps: number[] = [];
  for (let moves = 1; moves <= maxMoves;) {
    steps.push(moves);
    moves = moves < EVERY_STEP ? moves + 1 : Math.floor(moves * STEP_GROWTH);
  }
  return steps;
}

/**
 * Placements within the moves: what lowers the surrogates of time, which are the fewest token copies, under several caps on the load and with
 * fewer moves, and the least load; and what annealing on the estimate itself makes of the best of them and of those known.
 */
async function candidatesWithin(
  problem: PlacementProblem,
  within: WithinMoves,
  known: readonly Chiplets[],
): Promise<Chiplets[]> {
  const made = await surrogates(problem, within, known);
  return [...made, ...annealed(problem, within, [...known, ...made])];
}

/** Placements within the moves that lower what stands for the time. */
async function surrogates(
  problem: PlacementProblem,
  within: WithinMoves,
  known: readonly Chiplets[],
): Promise<Chiplets[]> {
  const { running, target, deadline } = within;
  const isHurried = true;
  const starts = [running, ...known, ...(target ? [target.chiplets] : [])];
  const cheapest = await fewestCopies(problem, within, { starts, isHurried });
  if (cheapest === undefined) return [];
  const found = [cheapest];
  for (const { problem: variant, starts } of underLoadCaps(problem, within, cheapest)) {
    if (performance.now() >= deadline) break;
    // What keeps the limits of the problem is of use even where it is above this cap.
    const chiplets = await searchCopies(variant, within, { starts, isHurried });
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
  const [least, most] = [peakLoad(problem, even), peakLoad(problem, cheapest)];
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
    .filter((chiplets) => verifyChiplets(problem, chiplets).length === 0)
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
