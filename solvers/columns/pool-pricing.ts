import type { PlacementProblem } from "../../lib/placement/problem.js";
import { blendPrices, pricesOfRows } from "./column-generation.js";
import type { Filling, FillingPool } from "./column-pool.js";
import { createFillingPricer } from "./heuristic-pricing.js";
import type { Prices } from "./column-table.js";
import { createLpSession } from "../milp/lp-session.js";
import { binaryColumns } from "../milp/milp-model.js";
import { partitionRows, rowsOfFilling } from "./partition-model.js";
import { visitsOwed } from "../bounds/lagrangian-bound.js";

const MOST_ROUNDS = 10;
/** Rounds that do not lower the LP, one after another, before pricing is given up. */
const PATIENCE = 3;
/** Fillings that each round begins to improve from. */
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
 * Adds fillings to a pool that lower the LP relaxation of set partitioning over it: column generation, priced by search.
 *
 * The fillings of least reduced cost are changed, one expert at a time, into ones that are worth more than their prices,
 * until there are none. The pool's fillings come from local optima, which no swap improves; so it gets fillings that
 * are good in other company.
 *
 * @returns Tokens of the LP over the pool: an estimate of the least cost, never a bound, because pricing is heuristic.
 */
export async function priceIntoPool(
  problem: PlacementProblem,
  pool: FillingPool,
  { chipletOf, deadline }: PricingOptions,
): Promise<number> {
  const improve = createFillingPricer(problem);
  const session = await createLpSession(partitionRows(problem));
  const columns: Filling[] = [];
  const add = (fillings: readonly Filling[]) => {
    const rowsOf = fillings.map(({ experts }) => rowsOfFilling(problem, experts));
    session.addColumns(binaryColumns({ rowsOf, cost: fillings.map(({ tokens }) => tokens) }, Infinity));
    columns.push(...fillings);
  };
  let estimate = Infinity;
  try {
    add(pool.fillings);
    let prices: Prices = { expert: visitsOwed(problem, chipletOf), chiplet: 0 };
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
      const found = starts.map((filling) => improve(filling, prices)).filter((filling) => pool.add(filling));
      // Smoothed prices may see nothing that the LP lacks: its own are next.
      if (found.length === 0) prices = latest;
      else add(found);
    }
  } finally {
    session.dispose();
  }
  return estimate;
}

/** The fillings of least reduced cost. */
function cheapest(fillings: readonly Filling[], { expert }: Prices): Filling[] {
  return fillings
    .map((filling) => ({
      filling,
      reducedCost: filling.experts.reduce((cost, one) => cost - expert[one], filling.tokens),
    }))
    .sort((one, other) => one.reducedCost - other.reducedCost)
    .slice(0, STARTS)
    .map(({ filling }) => filling);
}
