import { countMoves, type MigrationBudget } from "../../lib/placement/migration.js";
import type { Objective } from "../../lib/placement/objective.js";
import type { Chiplets, Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { balanceWithinMoves } from "./balance-within-moves.js";
import { fastestWithinMoves } from "./fastest-within-moves.js";
import { relabelled } from "./renamed.js";
import { trafficWithinMoves, type WithinMoves } from "./traffic-within-moves.js";

/** Options of {@link limitMoves}. */
export interface LimitMovesOptions extends MigrationBudget {
  /** Within slots and replicas of the problem. */
  readonly running: Chiplets;
  /** What to aim for, if anything was found. */
  readonly target: Exclude<Solution, { status: "infeasible" }>;
  readonly seed: number;
  readonly timeLimitMs?: number | undefined;
}

/**
 * Finds the best placement within some expert moves of a running one: of least C_T, of least load or of least modelled time,
 * whichever the problem minimises.
 *
 * The target, renamed, where it is within the budget and nothing can be better; else the better of it and what a search finds
 * that never leaves the budget. No answer is worse than the running placement, where that respects the limits.
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
  const { running, maxMoves, seed, timeLimitMs = Infinity } = options;
  const { stoppedBy } = options.target;
  const target = "chiplets" in options.target ? relabelled(problem, options.target, running) : undefined;
  const isReached = target !== undefined && countMoves(running, target.chiplets) <= maxMoves;
  const { minimise } = problem.objective;
  // Of the time nothing is proved: what is optimal is of least C_T.
  const isBest = target?.status === "optimal" && minimise !== "time";
  if (isReached && (isBest || maxMoves === Infinity)) return target;
  return SEARCHES[minimise](problem, {
    running,
    maxMoves,
    target,
    seed,
    deadline: performance.now() + timeLimitMs,
    stoppedBy: stoppedBy === "time limit" || stoppedBy === "interrupt" ? stoppedBy : "budget",
  });
}

/** What looks for the best placement within the budget, by what is minimised. */
const SEARCHES: Record<
  Objective["minimise"],
  (problem: PlacementProblem, within: WithinMoves) => Promise<Solution>
> = {
  traffic: trafficWithinMoves,
  load: balanceWithinMoves,
  time: fastestWithinMoves,
};
