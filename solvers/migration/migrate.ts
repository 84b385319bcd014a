import { InputError } from "../../lib/errors.js";
import { heldLimits } from "../../lib/placement/constraints.js";
import { countMoves } from "../../lib/placement/migration.js";
import type {
  Chiplets,
  LayerPlacement,
  Placement,
  Proved,
  Solution,
  StoppedBy,
} from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { relabelChiplets } from "../../lib/placement/relabel.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { countReplication, countTraffic } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { evenly } from "../constraints/even-slots.js";
import { annealReplicas } from "../replicas/annealing.js";
import { enumerateReplicas } from "../replicas/enumerate-replicas.js";
import { searchBoundedMoves } from "./bounded-moves-search.js";
import { keptChiplets, resizeChiplets } from "./resize.js";
import { largest } from "../../lib/statistics.js";

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
export function migrateFrom(solver: Solver, running: Placement, maxMoves: number): Solver {
  const bounded = (aim: Solver) =>
    evenly({
      ...aim,
      solve: (problem, { start = [], ...options }) =>
        moveWithin(problem, { solver: aim, running: start, maxMoves, options }),
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
    options,
  }: {
    readonly solver: Solver;
    readonly running: Chiplets;
    readonly maxMoves: number;
    readonly options: SolverOptions;
  },
): Promise<Solution> {
  const { numChiplets, slotsPerChiplet, layer } = problem;
  const isResized = running.length !== numChiplets || running.some(({ length }) => length > slotsPerChiplet);
  const chiplets = isResized ? resizeChiplets(running, problem) : running;
  const least = countMoves(keptChiplets(running, numChiplets), chiplets);
  if (least > maxMoves) {
    throw new InputError(
      `maxMoves: found ${maxMoves}, expected at least ${least}: so many experts of layer ${layer} have to leave their chiplet`,
      `Maybe raise maxMoves to ${least}.`,
    );
  }
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const target = await solver.solve(problem, options);
  if (target.status === "infeasible") return target;
  return limitMoves(problem, {
    running: chiplets,
    maxMoves: maxMoves - least,
    target,
    seed: options.seed,
    ...timeLeft(deadline),
  });
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

  const isCut = options.target.stoppedBy === "time limit" || options.target.stoppedBy === "interrupt";
  const stoppedBy: StoppedBy = isCut ? options.target.stoppedBy : "budget";
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
  const isSound = chiplets !== undefined && verifyChiplets(problem, chiplets).length === 0;
  const searched = isSound ? { ...claims(problem, chiplets, target), chiplets, stoppedBy } : undefined;
  const found = isReached && !(searched && searched.cost < target.cost) ? target : searched;
  if (found && (problem.numReplicas === 0 || problem.objective.minimise !== "traffic")) return found;
  return tryAllWithin(problem, options, found) ?? found ?? { status: "undecided", stoppedBy };
}

/** The best of all placements within the budget, or that there is none, where all can be tried. */
function tryAllWithin(
  problem: PlacementProblem,
  { running, maxMoves }: LimitMovesOptions,
  found: Extract<Solution, { chiplets: Chiplets }> | undefined,
): Solution | undefined {
  const tried = enumerateReplicas(problem, {
    mostCost: found?.cost ?? Infinity,
    isSound: (chiplets) =>
      countMoves(running, chiplets) <= maxMoves && verifyChiplets(problem, chiplets).length === 0,
    keepsNumbers: true,
  });
  if (!tried) return undefined;
  if (tried.chiplets) {
    const better = claims(problem, tried.chiplets, found);
    return { ...better, chiplets: tried.chiplets, stoppedBy: found?.stoppedBy ?? "budget" };
  }
  if (found || !tried.isComplete) return undefined;
  const reason = `no placement within ${maxMoves} moves of the running one respects all limits: all were tried`;
  return { status: "infeasible", reason };
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
  problem: PlacementProblem,
  chiplets: Chiplets,
  target: Pick<LayerPlacement, "bound" | "groups"> | undefined,
): Proved & Pick<LayerPlacement, "groups"> {
  const { tokenReplication, groupReplication } = countReplication(problem.patterns, chiplets, problem);
  return {
    status: "feasible",
    cost: tokenReplication,
    ...(target?.bound !== undefined && { bound: target.bound }),
    ...(target?.groups && { groups: { status: "feasible", cost: groupReplication } }),
  };
}

/** A placement that a solver answered with. */
type Found = Extract<Solution, Proved>;

/**
 * The same columns under chiplet numbers that move as few experts as possible. Engines choose among replicas by the numbers
 * of ranks, so that with replicas costs are counted anew, and the numbers stay where other ones would break a limit.
 */
function relabelled(problem: PlacementProblem, target: Found, running: Chiplets): Found {
  const { chipletsPerGroup, pins, routerGroups, numChiplets, evenSlots, numReplicas } = problem;
  const chipletsPerRun = Math.max(1, routerGroups === 1 ? 1 : numChiplets / routerGroups);
  const kept = { chipletsPerGroup, chipletsPerRun, pins, keepsSizes: evenSlots };
  const chiplets = relabelChiplets(target.chiplets, running, kept);
  if (numReplicas === 0) return { ...target, chiplets };
  if (verifyChiplets(problem, chiplets).length > 0) return target;
  const { load } = target;
  return {
    ...target,
    ...claims(problem, chiplets, target),
    chiplets,
    ...(load && { load: { ...load, status: "feasible", cost: loadMaxOverMean(problem, chiplets) } }),
  };
}

function loadMaxOverMean(problem: PlacementProblem, chiplets: Chiplets): number {
  const { chipletLoad } = countTraffic(problem.patterns, chiplets, problem);
  return largest(chipletLoad) / meanChipletLoad(problem);
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
