import { InputError } from "../../lib/errors.js";
import { countMoves } from "../../lib/placement/migration.js";
import type { Chiplets, Placement, Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { largest } from "../../lib/statistics.js";
import { evenly } from "../constraints/even-slots.js";
import { limitMoves } from "./limit-moves.js";
import { relabelled } from "./renamed.js";
import { keptChiplets, resizeChiplets } from "./resize.js";

/** Options of {@link migrateFrom}. */
export interface MigrateOptions {
  /** What looks for the best within the budget, in a worker thread for instance. Default `limitMoves` in this one. */
  readonly limit?: typeof limitMoves;
}

/**
 * Makes a solver that stays within some expert moves of a running placement.
 *
 * The answer of the solver is renamed, chiplet by chiplet, to move as few experts as possible; where that is still too
 * many, `limitMoves` looks for the best placement within the budget. A proved bound stays one: it holds for every placement.
 *
 * On another number of chiplets the moves that cannot be avoided come first (`resizeChiplets`), and count.
 *
 * @param running Of the same experts, with every layer that is to be solved.
 * @param maxMoves Most slots of a layer that may be filled from elsewhere; `Infinity` only renames.
 * @throws InputError on solving, if the running placement does not fit the problem.
 */
export function migrateFrom(
  solver: Solver,
  running: Placement,
  maxMoves: number,
  { limit = limitMoves }: MigrateOptions = {},
): Solver {
  const bounded = (aim: Solver) =>
    evenly({
      ...aim,
      solve: (problem, { start = [], ...options }) =>
        moveWithin(problem, { solver: aim, running: start, maxMoves, limit, options }),
    });
  return {
    ...solver,
    summary: `${solver.summary}, close to a running placement`,
    async solve(problem, options) {
      const start = runningLayer(running, problem);
      if (maxMoves < Infinity) {
        if (problem.routerGroups === 1) return bounded(solver).solve(problem, { ...options, start });
        throw new InputError(
          `maxMoves: found ${maxMoves} where groups of the router are kept, expected any number of moves`,
        );
      }
      const target = await solver.solve(problem, options);
      if ("chiplets" in target) {
        return relabelled(problem, target, keptChiplets(start, problem.numChiplets));
      }
      if (target.status === "infeasible" || problem.routerGroups > 1) return target;
      // Nothing was found from nothing: perhaps from where it runs.
      const aimless = { ...solver, solve: () => Promise.resolve(target) };
      return bounded(aimless).solve(problem, { ...options, start });
    },
  };
}

/** The best placement found within some moves of a running one, from which those that cannot be avoided are made first. */
async function moveWithin(
  problem: PlacementProblem,
  {
    solver,
    running,
    maxMoves,
    limit,
    options,
  }: {
    readonly solver: Solver;
    readonly running: Chiplets;
    readonly maxMoves: number;
    readonly limit: typeof limitMoves;
    readonly options: SolverOptions;
  },
): Promise<Solution> {
  const { numChiplets, slotsPerChiplet, layer } = problem;
  const isResized = running.length !== numChiplets || running.some(({ length }) => length > slotsPerChiplet);
  const chiplets = isResized ? resizeChiplets(running, problem) : running;
  const leaving = countMoves(keptChiplets(running, numChiplets), chiplets);
  // Replicas that are asked for and do not run are made of moves, too.
  const missing = Math.max(0, problem.numExperts + problem.numReplicas - chiplets.flat().length);
  const least = leaving + missing;
  if (least > maxMoves) {
    const why = missing > 0 ? " or are replicas that it lacks of those asked for" : "";
    throw new InputError(
      `maxMoves: found ${maxMoves}, expected at least ${least}: so many experts of layer ${layer} have to leave their chiplet${why}`,
      `Maybe raise maxMoves to ${least}.`,
    );
  }
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const target = await solver.solve(problem, options);
  if (target.status === "infeasible") return target;
  const { seed, signal, onProgress } = options;
  return limit(problem, {
    running: chiplets,
    maxMoves: maxMoves - leaving,
    target,
    seed,
    ...timeLeft(deadline),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
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
