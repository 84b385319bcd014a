import { expertsOfChiplets, type Solution, type StoppedBy } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../lib/placement/solver.js";
import { columnModelOf } from "./columns/admissible-columns.js";
import { sumTokens, type Column } from "./columns/column.js";
import type { ColumnModel } from "./columns/column-model.js";
import type { ColumnPool } from "./columns/column-pool.js";
import { choosePartition } from "./columns/partition-model.js";
import { priceIntoPool } from "./columns/pool-pricing.js";
import { finish } from "./constraints/complete-placement.js";
import { placeOnOneChiplet } from "./constraints/single-chiplet.js";
import { contiguousPlacement } from "./contiguous.js";
import { placeColumns } from "./groups/assign-groups.js";
import { QUICK_SEARCH } from "./local-search.js";
import { startSearch, type SearchBudget } from "./search/iterated-local-search.js";
import { swapModelOf } from "./search/swap-model.js";

/** More local optima to take columns from. */
const DEEP_SEARCH: SearchBudget = { starts: 60, restarts: 6, kicks: 100 };
/** Simplex iterations of the integer programme, the budget that makes its answer the same on every machine. */
const MAX_ITERATIONS = 200_000;

/**
 * Communities, then search, then recombination: the best choice among the chiplet columns of many local optima, and
 * those that column generation, priced by search, adds to them.
 *
 * Begins with what `local-search` does, so it never answers with more. The choice is optimal among the columns at
 * hand, which proves nothing about the rest: no bound is claimed.
 */
export const ilp: Solver = {
  name: "ilp",
  kind: "search",
  proves: false,
  summary: "communities, local search, then an ILP that recombines the columns of all local optima",
  solve: (problem, options) => recombine(problem, options),
};

/** What a search has found before its columns are recombined. */
export interface SearchedPool {
  readonly model: ColumnModel;
  readonly pool: ColumnPool;
  /** Chiplet of every expert in the best placement. Shape [numExperts]. */
  readonly chipletOf: Uint16Array;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
  readonly onNote: (note: string) => void;
}

/** How recombination gets more columns, and what it proves of its choice. */
export interface Recombination {
  /** Adds columns to the pool. */
  generate(): Promise<unknown>;
  /** Proves what every placement costs at least, and may find a better choice. */
  prove?(columns: readonly Column[]): Promise<ProvedChoice>;
}

/** A choice of columns and what is proved of it. */
export interface ProvedChoice {
  readonly columns: readonly Column[];
  readonly tokensBound: number;
  /** What ended the proof; undefined where only a bound was sought. */
  readonly stoppedBy?: StoppedBy;
}

/**
 * Searches and recombines.
 *
 * @param recombination Made once the search is done; by default columns are priced by search and nothing is proved.
 */
export async function recombine(
  problem: PlacementProblem,
  options: SolverOptions,
  recombination: (found: SearchedPool) => Recombination = priceByImprovement,
): Promise<Solution> {
  const trivial = placeOnOneChiplet(problem);
  if (trivial) return trivial;
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const search = startSearch(swapModelOf(problem), options);
  search.run(QUICK_SEARCH);
  const best = search.run(DEEP_SEARCH);
  if (!best) return finish(problem, contiguousPlacement(problem), { ...options, stoppedBy: "budget" });
  const incumbent = search.columnsOf(best);
  const model = columnModelOf(problem);
  const onNote = (note: string) => {
    const chiplets = expertsOfChiplets(best, problem.numChiplets);
    options.onProgress?.({ chiplets, cost: sumTokens(incumbent) / problem.patterns.numTokens, note });
  };
  const recombining = recombination({ model, pool: search.pool, chipletOf: best, deadline, onNote });
  const choose = async () => {
    await recombining.generate();
    return choosePartition(model, search.pool.columns, {
      backend: options.backends.columns,
      incumbent,
      maxIterations: MAX_ITERATIONS,
      onNote,
      ...timeLeft(deadline),
    });
  };
  // No stage begins that the clock would cut at once.
  const choice = performance.now() < deadline ? await choose() : undefined;
  const chosen = choice?.columns ?? incumbent;
  const proved = performance.now() < deadline ? await recombining.prove?.(chosen) : undefined;
  const stoppedBy = proved?.stoppedBy ?? (performance.now() >= deadline ? "time limit" : search.stoppedBy);
  const claim = { ...options, stoppedBy, ...(proved && { tokensBound: proved.tokensBound }) };
  const answer = await placeColumns(problem, proved?.columns ?? chosen, { ...claim, ...timeLeft(deadline) });
  // Limits of chiplet groups may forbid the best columns; the search has respected them all along.
  return answer.status === "undecided"
    ? placeColumns(problem, incumbent, {
        ...claim,
        ...timeLeft(deadline),
        stoppedBy: performance.now() < deadline ? search.stoppedBy : "time limit",
      })
    : answer;
}

function priceByImprovement({ model, pool, ...options }: SearchedPool): Recombination {
  return { generate: () => priceIntoPool(model, pool, options) };
}
