import type { PlacementProblem } from "../../lib/placement/problem.js";
import { blendPrices, pricesOfRows } from "./column-generation.js";
import type { Column, ColumnPool } from "./column-pool.js";
import { createColumnPricer } from "./heuristic-pricing.js";
import type { Prices } from "./column-table.js";
import { createLpSession } from "../milp/lp-session.js";
import { binaryColumns } from "../milp/milp-model.js";
import { partitionRows, rowsOfColumn } from "./partition-model.js";
import { firstMultipliers } from "../bounds/lagrangian-bound.js";

const MOST_ROUNDS = 10;
/** Rounds that do not lower the LP, one after another, before pricing is given up. */
const PATIENCE = 3;
/** Columns that each round begins to improve from. */
const STARTS = 32;
/** Tokens by which an LP is lower for more reasons than rounding. */
const LEAST_GAIN = 1e-6;
/** Weight of the prices so far against those of the last LP, which are any of very many at first. */
const SMOOTHING = 0.9;

/** Options of {@link priceIntoPool}. */
export interface PricingOptions {
  /** Chiplet of every expert in a good placement, whose shares of visits are the first prices. Shape [numExperts]. */
  readonly chipletOf: ArrayLike<number>;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/**
 * Adds columns to a pool that lower the LP relaxation of set partitioning over it: column generation, priced by search.
 *
 * The columns of least reduced cost are changed, one expert at a time, into ones that are worth more than their prices,
 * until there are none. The pool's columns come from local optima, which no swap improves; so it gets columns that
 * are good in other company.
 *
 * @returns Tokens of the LP over the pool: an estimate of the least cost, never a bound, because pricing is heuristic.
 */
export async function priceIntoPool(
  problem: PlacementProblem,
  pool: ColumnPool,
  { chipletOf, deadline }: PricingOptions,
): Promise<number> {
  const improve = createColumnPricer(problem);
  const session = await createLpSession(partitionRows(problem));
  const columns: Column[] = [];
  const add = (added: readonly Column[]) => {
    const rowsOf = added.map(({ experts }) => rowsOfColumn(problem, experts));
    session.addColumns(binaryColumns({ rowsOf, cost: added.map(({ tokens }) => tokens) }, Infinity));
    columns.push(...added);
  };
  let estimate = Infinity;
  try {
    add(pool.columns);
    let prices: Prices = { expert: firstMultipliers(problem, chipletOf), chiplet: 0 };
    for (let round = 0, stalled = 0; round < MOST_ROUNDS && performance.now() < deadline; round++) {
      const lp = session.solve();
      // The pool seats every expert in at least one way: the LP solver is lost, and what is there must do.
      if (!lp) break;
      stalled = lp.objective < estimate - LEAST_GAIN ? 0 : stalled + 1;
      estimate = Math.min(estimate, lp.objective);
      if (stalled === PATIENCE) break;
      const latest = pricesOfRows(problem, lp.rowDuals);
      prices = blendPrices(prices, latest, SMOOTHING);
      const starts = cheapest(columns, prices);
      const found = starts.map((column) => improve(column, prices)).filter((column) => pool.add(column));
      // Smoothed prices may see nothing that the LP lacks: its own are next.
      if (found.length === 0) prices = latest;
      else add(found);
    }
  } finally {
    session.dispose();
  }
  return estimate;
}

/** The columns of least reduced cost. */
function cheapest(columns: readonly Column[], { expert }: Prices): Column[] {
  return columns
    .map((column) => ({
      column,
      reducedCost: column.experts.reduce((cost, one) => cost - expert[one], column.tokens),
    }))
    .sort((one, other) => one.reducedCost - other.reducedCost)
    .slice(0, STARTS)
    .map(({ column }) => column);
}
