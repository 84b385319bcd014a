import { InputError } from "../../lib/errors.js";
import { heldLimits } from "../../lib/placement/constraints.js";
import { countMoves } from "../../lib/placement/migration.js";
import type { Chiplets, LayerPlacement, Placement, Proved, Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { relabelChiplets } from "../../lib/placement/relabel.js";
import { timeLeft, type Solver } from "../../lib/placement/solver.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { annealReplicas } from "../replicas/annealing.js";
import { searchBoundedMoves } from "./bounded-moves-search.js";
import { keptChiplets, resizeChiplets } from "./resize.js";
import { largest, sum } from "../../lib/statistics.js";

/**
 * Makes a solver that stays within some expert moves of a running placement.
 *
 * The answer of the solver is renamed, chiplet by chiplet, to move as few experts as possible; where that is still too
 * many, `limitMoves` looks for the best placement within the budget. A proved bound stays one: it holds for every placement.
 *
 * On another number of chiplets the moves that cannot be avoided come first (`resizeChiplets`), and
 * count.
 *
 * @param running Of the same experts, with every layer that is to be solved.
 * @param maxMoves Most slots of a layer that may be filled from elsewhere; `Infinity` only renames.
 * @throws InputError on solving, if the running placement does not fit the problem.
 */
export function migrateFrom(solver: Solver, running: Placement, maxMoves: number): Solver {
  return {
    ...solver,
    summary: `${solver.summary}, close to a running placement`,
    async solve(problem, options) {
      if (problem.routerGroups > 1) {
        throw new InputError("routerGroups: found a running placement too, expected one made from nothing");
      }
      const before = runningLayer(running, problem);
      const isResized = running.numChiplets !== problem.numChiplets;
      const chiplets = isResized ? resizeChiplets(before, problem) : before;
      const least = isResized ? countMoves(keptChiplets(before, problem.numChiplets), chiplets) : 0;
      if (least > maxMoves) {
        throw new InputError(
          `maxMoves: found ${maxMoves}, expected at least ${least}: so many experts of layer ${problem.layer} have to ` +
            `leave their chiplet`,
          `Maybe raise maxMoves to ${least}.`,
        );
      }
      const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
      const target = await solver.solve(problem, options);
      if (target.status === "infeasible") return target;
      const { seed } = options;
      return limitMoves(problem, {
        running: chiplets,
        maxMoves: maxMoves - least,
        target,
        seed,
        ...timeLeft(deadline),
      });
    },
  };
}

/** Options of `limitMoves`. */
export interface LimitMovesOptions {
  /** Within slots and replicas of the problem. */
  readonly running: Chiplets;
  /** Most slots that may be filled from elsewhere: experts on another chiplet, and replicas that are new. */
  readonly maxMoves: number;
  /** What to aim for, if anything was found. */
  readonly target: Exclude<Solution, { status: "infeasible" }>;
  readonly seed: number;
  readonly timeLimitMs?: number | undefined;
}

/**
 * Finds the best placement within some expert moves of a running one.
 *
 * The target, renamed, where it is within the budget and nothing can be better; else what {@link searchBoundedMoves} finds, or
 * with replicas the annealing over replicas and slots, kept within the migration budget.
 *
 * @returns Undecided where no placement within the budget was found that respects all limits.
 *
 * @example
 * const running = [[0, 2], [1, 3]];
 * const target = await exact.solve(problem, DEFAULT_SOLVER_OPTIONS);
 * const { chiplets } = await limitMoves(problem, { running, maxMoves: 2, target, seed: 1 });
 * countMoves(running, chiplets); // 2
 */
export async function limitMoves(problem: PlacementProblem, options: LimitMovesOptions): Promise<Solution> {
  const { running, maxMoves } = options;
  const target = "chiplets" in options.target ? relabelled(problem, options.target, running) : undefined;
  const isReached = target !== undefined && countMoves(running, target.chiplets) <= maxMoves;
  if (isReached && (target.status === "optimal" || maxMoves === Infinity)) return target;

  const isCut = ["time limit", "interrupt", "lost thread"].includes(options.target.stoppedBy);
  const stoppedBy = isCut ? options.target.stoppedBy : "budget";
  const chiplets =
    problem.numReplicas > 0
      ? moveCopies(problem, options)
      : await searchBoundedMoves(
          constraintModelOf(problem),
          target ? [running, target.chiplets] : [running],
          {
            ...options,
            random: createRandom(options.seed, problem.layer),
            isHurried: stoppedBy === "interrupt",
          },
        );
  if (!chiplets || verifyChiplets(problem, chiplets).length > 0) return { status: "undecided", stoppedBy };
  const found = claims(problem, chiplets, target);
  return isReached && target.cost <= found.cost ? target : { ...found, chiplets, stoppedBy };
}

/** Moves experts and replicas away from the running placement, if that is one but for the loads. */
function moveCopies(
  problem: PlacementProblem,
  { running, maxMoves, seed, timeLimitMs = Infinity }: LimitMovesOptions,
): Chiplets | undefined {
  const unloaded = { ...problem, limits: heldLimits(problem.limits) };
  if (verifyChiplets(unloaded, running).length > 0) return undefined;
  return annealReplicas(problem, running, {
    random: createRandom(seed, problem.layer),
    maxLoad: problem.limits.chipletLoad,
    deadline: performance.now() + timeLimitMs,
    budget: { running, maxMoves },
  }).chiplets;
}

/** What is known of a placement within the budget: its costs, and what was proved for the target. */
function claims(
  { patterns, chipletsPerGroup, dispatch }: PlacementProblem,
  chiplets: Chiplets,
  target: Pick<LayerPlacement, "bound" | "groups"> | undefined,
): Proved & Pick<LayerPlacement, "groups"> {
  const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch });
  const perToken = (tokens: Float64Array) => sum(tokens) / patterns.numTokens;
  return {
    status: "feasible",
    cost: perToken(traffic.chipletTokens),
    ...(target?.bound !== undefined && { bound: target.bound }),
    ...(target?.groups && { groups: { status: "feasible", cost: perToken(traffic.groupTokens) } }),
  };
}

/** The same columns under chiplet numbers that move as few experts as possible. */
function relabelled<Target extends { readonly chiplets: Chiplets }>(
  { chipletsPerGroup, pins }: PlacementProblem,
  target: Target,
  running: Chiplets,
): Target {
  return { ...target, chiplets: relabelChiplets(target.chiplets, running, { chipletsPerGroup, pins }) };
}

/** The running placement of the problem's layer. */
function runningLayer(running: Placement, problem: PlacementProblem): Chiplets {
  const { numExperts, numChiplets, slotsPerChiplet, layer } = problem;
  if (running.numExperts !== numExperts) {
    throw new InputError(
      `from: found ${running.numExperts} experts on ${running.numChiplets} chiplets, ` +
        `expected ${numExperts} on ${numChiplets}`,
    );
  }
  const found = running.layers.find((candidate) => candidate.layer === layer);
  if (!found) throw new InputError(`from: found no layer ${layer}, expected every layer of the trace`);
  if (running.numChiplets !== numChiplets) return found.chiplets;
  const numReplicas = found.chiplets.flat().length - numExperts;
  if (numReplicas > problem.numReplicas) {
    throw new InputError(
      `from: layer ${layer}: found ${numReplicas} replicas, expected at most ${problem.numReplicas}`,
      "Maybe raise numReplicas.",
    );
  }
  const full = largest(found.chiplets.map((experts) => experts.length));
  if (full > slotsPerChiplet) {
    throw new InputError(
      `from: layer ${layer}: found ${full} experts on a chiplet, expected at most ${slotsPerChiplet}, its slots`,
    );
  }
  return found.chiplets;
}
