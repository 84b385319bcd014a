import type { BackendChoice } from "./backend-choice.js";
import type { PlacementProblem } from "./problem.js";
import type { Chiplets, Solution } from "./placement.js";

/** What every solver is told besides the problem. */
export interface SolverOptions {
  /** Same problem, options and seed: same solution, on any number of threads. */
  readonly seed: number;
  readonly backends: BackendChoice;
  /** An admissible placement to begin with; solvers that search never answer with more than it costs. */
  readonly start?: Chiplets | undefined;
  /** A safety net, in milliseconds for one layer; a result it cut says so. Default none. */
  readonly timeLimitMs?: number;
  /** Once aborted, a solver in a worker thread is cut off and answers with the best so far. */
  readonly signal?: AbortSignal;
  /** Told of every better placement or bound found: for a person to watch, and to keep if the solver is killed. */
  readonly onProgress?: (progress: SolverProgress) => void;
}

/**
 * What is left of a time limit for the next stage of a solver; nothing where there is no limit.
 *
 * @param deadline Clock of `performance.now()`, Infinity for none.
 */
export function timeLeft(deadline: number): Pick<SolverOptions, "timeLimitMs"> {
  return deadline === Infinity ? {} : { timeLimitMs: Math.max(1, deadline - performance.now()) };
}

/** Timers of the system hold no more milliseconds, 24 days: longer ones would be over at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a solver has so far. */
export interface SolverProgress {
  readonly chiplets: Chiplets;
  readonly cost: number;
  readonly bound?: number;
  /** What the solver is at: a search, the bound by columns, cuts, the choice of columns. */
  readonly phase?: string;
  /** What failed on the way without ending it, an LP for instance: one sentence for a person who looks into the run. */
  readonly note?: string;
}

export const DEFAULT_SOLVER_OPTIONS: SolverOptions = {
  seed: 1,
  backends: { columns: "highs", groups: "highs" },
};

/**
 * A way to find a placement. Whatever it answers is verified by `verifyChiplets` before anybody uses it; all solvers
 * meet the same contract suite (test/solvers/contract.test.ts).
 */
export interface Solver {
  readonly name: string;
  /** One line for people who choose. */
  readonly summary: string;
  /**
   * `baseline`: answers by a rule of its own, whatever the objective. `search`: minimises the objective. `proof`: proves
   * its answer best where it can. `portfolio`: does as one of the others, whichever suits the problem.
   */
  readonly kind: "baseline" | "search" | "proof" | "portfolio";
  /** Whether its answers come with a bound. */
  readonly proves: boolean;
  /** Whether the numbers of chiplets belong to its answer, as those that engines give; default false: others may do better. */
  readonly keepsNumbers?: boolean;
  /** Whether it does all that a problem asks for, or else what of it it passes over. Default true. */
  supports?(problem: PlacementProblem): true | string;
  /** Name of the solver whose answer it gives to a problem that it has no way of its own for. Default its own name. */
  answersAs?(problem: PlacementProblem): string;
  solve(problem: PlacementProblem, options: SolverOptions): Promise<Solution>;
  /**
   * Goes on from admissible placements of all layers to ones that are better together, or no worse, where numbers of chiplets
   * are free; a layer that stays as it is, is the one given. Default: all stay. They are verified like any answer.
   */
  improveStep?(
    placed: readonly Chiplets[],
    problems: readonly PlacementProblem[],
    options: Pick<SolverOptions, "seed" | "timeLimitMs" | "signal">,
  ): readonly Chiplets[];
}
