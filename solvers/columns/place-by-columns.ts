import type { Solution, StoppedBy } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type SolverOptions } from "../../lib/placement/solver.js";
import { finish } from "../constraints/complete-placement.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { placeOnOneChiplet } from "../constraints/single-chiplet.js";
import { placeColumns } from "../groups/place-columns.js";
import { startSearch, type SearchBudget } from "../search/iterated-local-search.js";
import { swapModelOf } from "../search/swap-model.js";
import { contiguousPlacement } from "../starts/contiguous-placement.js";
import { columnModelOf } from "./admissible-columns.js";
import type { Column } from "./column.js";
import type { ColumnModel } from "./column-model.js";
import type { ColumnPool } from "./column-pool.js";

/** What a search has found, for a better choice of columns to begin from. */
export interface SearchedColumns {
  readonly model: ColumnModel;
  /** Every column of every local optimum met. */
  readonly pool: ColumnPool;
  /** The columns of the best placement. */
  readonly incumbent: readonly Column[];
  /** Chiplet of every expert in the best placement. Shape [numExperts]. */
  readonly chipletOf: Uint16Array;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/** A choice of columns, and what is proved of it. */
export interface ColumnChoice {
  readonly columns: readonly Column[];
  /** Proved: no admissible choice of columns sums to fewer tokens. */
  readonly tokensBound?: number;
  /** What ended the choice; where it does not say, what ended the search, or the clock. */
  readonly stoppedBy?: StoppedBy;
}

/** How a layer is placed by columns. */
export interface ColumnPlan {
  /** Run one after the other; what they meet adds up. */
  readonly searches: readonly SearchBudget[];
  /** Chooses columns that cost no more than the incumbent. Default the incumbent. */
  readonly choose?: (searched: SearchedColumns) => Promise<ColumnChoice>;
}

/**
 * Places a layer by columns, the possible contents of a chiplet: a search meets them, a choice of them is made, and those
 * chosen are assigned to chiplet groups.
 *
 * The one room between a solver and what it is made of that sees the whole problem: it makes the models of constraints,
 * swaps and columns, and all that is deeper takes those.
 */
export async function placeByColumns(
  problem: PlacementProblem,
  options: SolverOptions,
  { searches, choose }: ColumnPlan,
): Promise<Solution> {
  const { layer, numReplicas } = problem;
  const model = constraintModelOf(problem);
  const trivial = choose && numReplicas === 0 ? placeOnOneChiplet(model) : undefined;
  if (trivial) return trivial;
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const search = startSearch(swapModelOf(model, layer), options);
  let best: Uint16Array | undefined;
  for (const budget of searches) best = search.run(budget);
  // Without an admissible placement met, the question is whether there is any.
  if (!best) return finish(problem, contiguousPlacement(model), { ...options, stoppedBy: "budget" });
  const incumbent = search.columnsOf(best);
  const stoppedBy = () => (performance.now() >= deadline ? "time limit" : search.stoppedBy);
  const place = (choice: ColumnChoice) =>
    placeColumns(model, choice.columns, {
      ...options,
      stoppedBy: choose ? stoppedBy() : search.stoppedBy,
      ...choice,
      ...timeLeft(deadline),
      layer,
    });
  if (!choose) return place({ columns: incumbent });
  const choice = await choose({
    model: columnModelOf(model),
    pool: search.pool,
    incumbent,
    chipletOf: best,
    deadline,
  });
  const answer = await place(choice);
  // Limits of chiplet groups may forbid the best columns; the search has respected them all along.
  return answer.status === "undecided"
    ? place({ ...choice, columns: incumbent, stoppedBy: stoppedBy() })
    : answer;
}
