import { countMoves, type MigrationBudget } from "../../lib/placement/migration.js";
import type { Objective } from "../../lib/placement/objective.js";
import type { Chiplets, Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { bestAnswer, QUICK_MS, type CutOff } from "../objectives/quick-answer.js";
import { balanceWithinMoves } from "./balance-within-moves.js";
import { fastestWithinMoves } from "./fastest-within-moves.js";
import { claims, relabelled, type Found } from "./renamed.js";
import { fewestCopies, trafficWithinMoves, type WithinMoves } from "./traffic-within-moves.js";

/** Options of {@link limitMoves}. */
export interface LimitMovesOptions
  extends MigrationBudget, Pick<SolverOptions, "seed" | "timeLimitMs" | "signal" | "onProgress"> {
  /** Within slots and replicas of the problem. */
  readonly running: Chiplets;
  /** What to aim for, if anything was found. */
  readonly target: Exclude<Solution, { status: "infeasible" }>;
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
  const { running, maxMoves, seed, timeLimitMs = Infinity, onProgress } = options;
  const { stoppedBy } = options.target;
  const { target, isBest } = aimOf(problem, options);
  if (target && isBest) return target;
  if (options.signal?.aborted)
    return quickMoves(problem, options, { best: undefined, stoppedBy: "interrupt" });
  return SEARCHES[problem.objective.minimise](problem, {
    running,
    maxMoves,
    target,
    seed,
    deadline: performance.now() + timeLimitMs,
    stoppedBy: stoppedBy === "time limit" || stoppedBy === "interrupt" ? stoppedBy : "budget",
    onBetter(chiplets) {
      onProgress?.({ chiplets, cost: claims(problem, chiplets, target).cost, phase: "moves" });
    },
  });
}

/**
 * Answers at once in place of {@link limitMoves} that was cut off: with the best within the moves of what it had told of, the target, what
 * runs, and what a short search for few token copies finds.
 */
export async function quickMoves(
  problem: PlacementProblem,
  options: LimitMovesOptions,
  { best, stoppedBy }: Pick<CutOff, "best" | "stoppedBy">,
): Promise<Solution> {
  const { running, maxMoves, seed } = options;
  const { target, isBest } = aimOf(problem, options);
  if (target && isBest) return target;
  const within = { running, maxMoves, target, seed, deadline: performance.now() + QUICK_MS, stoppedBy };
  const searched = await fewestCopies(problem, within, { isHurried: true });
  const answers = [running, target?.chiplets, best?.chiplets, searched]
    .filter((chiplets) => chiplets !== undefined)
    .filter((chiplets) => countMoves(running, chiplets) <= maxMoves)
    .filter((chiplets) => verifyChiplets(problem, chiplets).length === 0)
    .map((chiplets) => ({ ...claims(problem, chiplets, target), chiplets, stoppedBy }));
  return bestAnswer(problem, answers) ?? { status: "undecided", stoppedBy };
}

/** The target under the numbers of chiplets that ask for the fewest moves, and whether it is within them and nothing can be better. */
function aimOf(
  problem: PlacementProblem,
  { target, running, maxMoves }: LimitMovesOptions,
): { readonly target: Found | undefined; readonly isBest: boolean } {
  const found = "chiplets" in target ? relabelled(problem, target, running) : undefined;
  const isReached = found !== undefined && countMoves(running, found.chiplets) <= maxMoves;
  // Of the time nothing is proved: what is optimal is of least C_T.
  const isOptimal = found?.status === "optimal" && problem.objective.minimise !== "time";
  return { target: found, isBest: isReached && (isOptimal || maxMoves === Infinity) };
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
