import { TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { cheapestColumns, type Column, type PricedColumn } from "./column.js";
import type { PartitionShape } from "./column-model.js";
import type { ColumnTable } from "./column-table.js";
import { createMasterLp } from "./master-lp.js";
import {
  lagrangianBound,
  smoothMultipliers,
  zeroMultipliers,
  type LagrangianBound,
  type Multipliers,
} from "./multipliers.js";

/** Multipliers with what they prove. */
export interface ProvedMultipliers extends LagrangianBound {
  readonly multipliers: Multipliers;
}

/** What column generation ends with. */
export interface GeneratedColumns extends ProvedMultipliers {
  /** Those to begin with and those found since. */
  readonly columns: readonly Column[];
}

/** Options of {@link generateColumns}. */
export interface GenerationOptions {
  /** To begin with; they can cover every expert in at least one way. */
  readonly columns: readonly Column[];
  /** A bound at which more is of no use: the cost of the incumbent, in tokens. */
  readonly cutoff: number;
  /** A cost of the LP at which more is of no use; default none. */
  readonly enough?: number;
  /** Multipliers that prove something already; default none. */
  readonly from?: Multipliers;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/** Weight of the best multipliers so far against the duals of the last LP, which swing wildly at first. */
const SMOOTHING = 0.7;
const MOST_NEW_COLUMNS = 300;
/** Of columns with negative reduced cost, those are added that have at least this part of the least. */
const PART_OF_LEAST = 0.2;

/**
 * Finds multipliers of experts that (nearly) solve the LP relaxation of set partitioning over all columns.
 *
 * Column generation with every column priced exactly, over the table, and duals smoothed towards the best multipliers
 * so far. Source: Pessoa, Sadykov, Uchoa and Vanderbeck, Automation and combination of linear-programming based
 * stabilization techniques in column generation, INFORMS Journal on Computing 30 (2018).
 */
export async function generateColumns(
  shape: PartitionShape,
  table: ColumnTable,
  { columns, cutoff, deadline, enough = -Infinity, from = zeroMultipliers(shape) }: GenerationOptions,
): Promise<GeneratedColumns> {
  const prove = (multipliers: Multipliers, least: number): ProvedMultipliers => ({
    multipliers,
    ...lagrangianBound(multipliers, shape, { least }),
  });
  const master = await createMasterLp(shape);
  try {
    master.add(columns);
    let best = prove(from, table.leastReducedCost(from));
    let smoothing = 0;
    while (performance.now() < deadline) {
      const lp = master.solve();
      if (!lp)
        throw new Error("the LP over the incumbent's columns is feasible; the LP solver failed numerically");
      if (lp.objective - best.bound < 0.5 || Math.ceil(best.bound) >= cutoff || lp.objective <= enough) break;
      const multipliers = smoothMultipliers(best.multipliers, lp.multipliers, smoothing);
      const least = table.leastReducedCost(multipliers);
      const proved = prove(multipliers, least);
      if (proved.bound > best.bound) best = proved;
      const added = priceColumns(shape, table, { multipliers, least });
      // Multipliers smoothed too much see no column that the LP lacks: try its own.
      if (added.length === 0 && smoothing === 0) break;
      smoothing = added.length === 0 ? 0 : SMOOTHING;
      master.add(added);
    }
    return { ...best, columns: master.columns };
  } finally {
    master.dispose();
  }
}

/** The columns of least reduced cost, at most one for each two largest experts, so that they differ. */
function priceColumns(
  { numExperts }: PartitionShape,
  table: ColumnTable,
  { multipliers, least }: { readonly multipliers: Multipliers; readonly least: number },
): Column[] {
  const cheapest = new Map<number, PricedColumn>();
  const limit = Math.min(-TOKEN_ROUNDING, PART_OF_LEAST * least);
  table.walk(multipliers, limit, (experts, tokens, reducedCost) => {
    const pair = (experts.at(-1) ?? 0) * numExperts + (experts.at(-2) ?? 0);
    const known = cheapest.get(pair);
    if (known && known.reducedCost <= reducedCost) return;
    cheapest.set(pair, { column: { experts: [...experts], tokens }, reducedCost });
  });
  return cheapestColumns([...cheapest.values()], MOST_NEW_COLUMNS);
}
