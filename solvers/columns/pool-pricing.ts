import { TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { costSharesOf } from "../bounds/cost-shares.js";
import { cheapestColumns } from "./column.js";
import type { ColumnModel } from "./column-model.js";
import type { ColumnPool } from "./column-pool.js";
import { createColumnPricer } from "./heuristic-pricing.js";
import { createMasterLp } from "./master-lp.js";
import { reducedCostOf, smoothMultipliers, type Multipliers } from "./multipliers.js";

const MOST_ROUNDS = 10;
/** Rounds that do not lower the LP, one after another, before pricing is given up. */
const PATIENCE = 3;
/** Columns that each round begins to improve from. */
const STARTS = 32;
/** Weight of the multipliers so far against the duals of the last LP, which are any of very many at first. */
const SMOOTHING = 0.9;

/** Options of {@link priceIntoPool}. */
export interface PricingOptions {
  /** Chiplet of every expert in a good placement, whose cost shares are the first multipliers. Shape [numExperts]. */
  readonly chipletOf: ArrayLike<number>;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
  /** Told if the LP solver failed, which ends pricing early. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Adds columns to a pool that lower the LP relaxation of set partitioning over it: heuristic column generation.
 *
 * The columns of least reduced cost are improved, one expert at a time, until no exchange lowers their reduced cost;
 * rounds go on while that finds columns that the pool lacks. The pool's columns come from local optima, which no swap
 * improves; so it gets columns that complement those of other placements.
 *
 * @returns Tokens of the LP over the pool: an estimate of the least cost, never a bound, because pricing is heuristic.
 */
export async function priceIntoPool(
  model: ColumnModel,
  pool: ColumnPool,
  { chipletOf, deadline, onNote }: PricingOptions,
): Promise<number> {
  const { improve } = createColumnPricer(model);
  const master = await createMasterLp(model);
  let estimate = Infinity;
  try {
    master.add(pool.columns);
    let multipliers: Multipliers = { expert: costSharesOf(model.patterns, chipletOf), chiplet: 0 };
    for (let round = 0, stalled = 0; round < MOST_ROUNDS && performance.now() < deadline; round++) {
      const lp = master.solve();
      if (!lp) {
        // The pool covers every expert in at least one way, so the LP is feasible: the failure is numerical.
        onNote?.(
          `pricing stopped after ${round} rounds: the LP failed numerically; the columns so far are kept`,
        );
        break;
      }
      stalled = lp.objective < estimate - TOKEN_ROUNDING ? 0 : stalled + 1;
      estimate = Math.min(estimate, lp.objective);
      if (stalled === PATIENCE) break;
      multipliers = smoothMultipliers(multipliers, lp.multipliers, SMOOTHING);
      const priced = master.columns.map((column) => ({
        column,
        reducedCost: reducedCostOf(column, multipliers),
      }));
      const improved = cheapestColumns(priced, STARTS).map((column) => improve(column, multipliers));
      const added = improved.filter((column) => pool.add(column));
      // Smoothed multipliers may see nothing that the LP lacks: its own are next.
      if (added.length === 0) multipliers = lp.multipliers;
      else master.add(added);
    }
  } finally {
    master.dispose();
  }
  return estimate;
}
