import { InputError } from "../lib/errors.js";
import { countTouches } from "../lib/placement/cost.js";
import { countMoves } from "../lib/placement/migration.js";
import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type FoundPlacement,
  type Seating,
  type Solution,
} from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { relabelChiplets } from "../lib/placement/relabel.js";
import type { Solver } from "../lib/placement/solver.js";
import { createRandom } from "../lib/random.js";
import { isAdmissible } from "./finish.js";
import { MoveBall } from "./move-ball.js";
import { keyOf, recombineWithinReach, type SeatedFilling } from "./reach-partition.js";

/** Kicks of each of the two searches. */
const KICKS = 200;
/** Swaps of a kick for each occupant: enough to leave the valley, which the way back into reach would lead to again. */
const SWAPS_PER_OCCUPANT = 0.2;
/** A kicked and descended seating is gone on from if it costs at most this much more than the best. */
const ACCEPTED_LOSS = 0.01;

/**
 * Makes a solver that stays within some expert moves of a running placement.
 *
 * The answer of the solver is renamed, chiplet by chiplet, to move as few experts as possible; where that is still too
 * many, {@link limitMoves} looks for the best seating within reach. A proved bound stays one: it holds for every seating.
 *
 * @param running Without replicas, of the same experts and chiplets, with every layer that is to be solved.
 * @param maxMoves Most experts of a layer that may sit on another chiplet than in the running placement.
 * @throws InputError on solving, if the running placement does not fit the problem.
 */
export function migrateFrom(solver: Solver, running: Seating, maxMoves: number): Solver {
  return {
    name: solver.name,
    summary: `${solver.summary}; at most ${maxMoves} experts of a layer moved`,
    async solve(problem, options) {
      const chiplets = runningLayer(running, problem);
      const target = await solver.solve(problem, options);
      if (target.status === "infeasible") return target;
      const { seed, timeLimitMs } = options;
      return limitMoves(problem, { running: chiplets, maxMoves, target, seed, timeLimitMs });
    },
  };
}

/** Options of {@link limitMoves}. */
export interface LimitMovesOptions {
  /** Without replicas, within the slots of the problem. */
  readonly running: Chiplets;
  /** Most experts that may sit on another chiplet than in the running seating. */
  readonly maxMoves: number;
  /** What to aim for, if anything was found. */
  readonly target: Solution;
  readonly seed: number;
  /** For the integer programme. Default none. */
  readonly timeLimitMs?: number | undefined;
}

/**
 * Finds the best seating within some expert moves of a running one.
 *
 * Iterated local search among the seatings within reach, once from the running seating and once from the target, whose
 * experts go back home for as long as too many are away, those first that cost least. Then set partitioning over all
 * chiplet fillings met on the way.
 *
 * @example
 * const found = await limitMoves(problem, { running, maxMoves: 8, target, seed: 1 });
 * if ("chiplets" in found) countMoves(running, found.chiplets); // at most 8
 */
export async function limitMoves(problem: PlacementProblem, options: LimitMovesOptions): Promise<Solution> {
  const { running, maxMoves } = options;
  const target = "chiplets" in options.target ? renameChiplets(problem, options.target, running) : undefined;
  const isReached = target !== undefined && countMoves(running, target.chiplets) <= maxMoves;
  if (isReached && (target.status === "optimal" || maxMoves >= problem.numExperts)) return target;

  const starts = target ? [running, target.chiplets] : [running];
  const { best, fillings } = searchWithinReach(problem, starts, options);
  if (!best) return { status: "undecided", stoppedBy: "budget" };
  const recombined = await recombineWithinReach(problem, fillings, { ...options, incumbent: best });
  const candidates = [seatingOf(problem, recombined), seatingOf(problem, best)];
  // Limits of chiplet groups are not in the model, so the choice may break one; the search keeps them all.
  const found = answer(problem, candidates[isAdmissible(problem, candidates[0]) ? 0 : 1], target);
  return isReached && target.cost <= found.cost ? target : found;
}

function seatingOf({ numExperts }: PlacementProblem, fillings: readonly SeatedFilling[]): Uint16Array {
  const chipletOf = new Uint16Array(numExperts);
  for (const { chiplet, experts } of fillings) for (const expert of experts) chipletOf[expert] = chiplet;
  return chipletOf;
}

/** Searches from every admissible start; the fillings of the best seating by chiplet, and those of all local optima. */
function searchWithinReach(
  problem: PlacementProblem,
  starts: readonly Chiplets[],
  { running, maxMoves, seed }: LimitMovesOptions,
): { best: SeatedFilling[] | undefined; fillings: SeatedFilling[] } {
  const random = createRandom(seed, problem.layer);
  const ball = new MoveBall(problem, running, maxMoves);
  const swapsPerKick = Math.ceil(SWAPS_PER_OCCUPANT * problem.numChiplets * problem.slotsPerChiplet);
  const pool = new Map<string, SeatedFilling>();
  let best: SeatedFilling[] | undefined;
  let bestTouches = Infinity;
  const keep = () => {
    const fillings = ball.fillings();
    for (const filling of fillings) pool.set(keyOf(filling), filling);
    if (ball.touches >= bestTouches) return;
    bestTouches = ball.touches;
    best = fillings;
  };
  for (const start of starts) {
    const chipletOf = chipletOfExperts(start, problem.numExperts);
    if (!isAdmissible(problem, chipletOf)) continue;
    ball.seat(chipletOf);
    if (!ball.retreat()) continue;
    ball.descend();
    keep();
    for (let kick = 0; kick < KICKS; kick++) {
      ball.save();
      ball.kick(random, swapsPerKick);
      if (ball.retreat()) {
        ball.descend();
        keep();
        if (ball.touches <= bestTouches * (1 + ACCEPTED_LOSS)) continue;
      }
      ball.restore();
    }
  }
  return { best, fillings: [...pool.values()] };
}

function answer(
  problem: PlacementProblem,
  chipletOf: Uint16Array,
  target: FoundPlacement | undefined,
): FoundPlacement {
  const { patterns, numChiplets, chipletsPerGroup } = problem;
  const groupOf = chipletOf.map((chiplet) => Math.floor(chiplet / chipletsPerGroup));
  return {
    status: "feasible",
    chiplets: expertsOfChiplets(chipletOf, numChiplets),
    cost: countTouches(patterns, chipletOf) / patterns.numTokens,
    ...(target?.bound !== undefined && { bound: target.bound }),
    ...(target?.groups && {
      groups: { status: "feasible", cost: countTouches(patterns, groupOf) / patterns.numTokens },
    }),
    stoppedBy: "budget",
  };
}

function renameChiplets(
  { chipletsPerGroup, pins }: PlacementProblem,
  target: FoundPlacement,
  running: Chiplets,
): FoundPlacement {
  return { ...target, chiplets: relabelChiplets(target.chiplets, running, { chipletsPerGroup, pins }) };
}

/** The running seating of the problem's layer. */
function runningLayer(running: Seating, problem: PlacementProblem): Chiplets {
  const { numExperts, numChiplets, slotsPerChiplet, layer } = problem;
  if (running.numExperts !== numExperts || running.numChiplets !== numChiplets) {
    throw new InputError(
      `--from: found ${running.numExperts} experts on ${running.numChiplets} chiplets, ` +
        `expected ${numExperts} on ${numChiplets}`,
    );
  }
  const found = running.layers.find((candidate) => candidate.layer === layer);
  if (!found) throw new InputError(`--from: found no layer ${layer}, expected every layer of the trace`);
  if (found.chiplets.flat().length > numExperts) {
    throw new InputError(`--from: layer ${layer}: found replicas, expected every expert on one chiplet`);
  }
  const full = Math.max(...found.chiplets.map((experts) => experts.length));
  if (full > slotsPerChiplet) {
    throw new InputError(
      `--from: layer ${layer}: found ${full} experts on a chiplet, expected at most ${slotsPerChiplet}, its slots`,
    );
  }
  return found.chiplets;
}
