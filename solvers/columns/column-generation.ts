import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { Column } from "./column-pool.js";
import type { ColumnTable, Prices } from "./column-table.js";
import { createLpSession } from "../milp/lp-session.js";
import { binaryColumns } from "../milp/milp-model.js";
import { partitionRows, rowsOfColumn } from "./partition-model.js";

/** Prices with what they prove. */
export interface ProvedPrices {
  readonly prices: Prices;
  /**
   * What every admissible placement costs at least, in tokens, before the reduced costs of its columns: a column of
   * reduced cost r is in no placement that costs less than `base` + r.
   */
  readonly base: number;
  /** Every admissible placement costs at least so many tokens. */
  readonly bound: number;
}

/** Weight of the best prices so far against those of the last LP, which swing wildly at first. */
const SMOOTHING = 0.7;
const MOST_NEW_COLUMNS = 300;

/**
 * Finds prices of experts under which the LP relaxation of set partitioning over all columns is (nearly) solved.
 *
 * Column generation with every column priced exactly, over the table. Prices are smoothed towards the best so far.
 * Any prices prove a bound, sum of prices + numChiplets * least reduced cost, so that it holds whatever the LP solver
 * says; rounding is covered by giving away a millionth of a token.
 * Source: Pessoa, Sadykov, Uchoa and Vanderbeck, Automation and combination of linear-programming based stabilization
 * techniques in column generation, INFORMS Journal on Computing 30 (2018).
 *
 * @param columns To begin with; they seat every expert in at least one way.
 * @param options.enough A bound at which more is of no use.
 */
export async function generateColumns(
  problem: PlacementProblem,
  table: ColumnTable,
  { columns, enough, deadline }: { columns: readonly Column[]; enough: number; deadline: number },
): Promise<ProvedPrices> {
  const session = await createLpSession(partitionRows(problem));
  const add = (columns: readonly Column[]) => {
    const rowsOf = columns.map(({ experts }) => rowsOfColumn(problem, experts));
    session.addColumns(binaryColumns({ rowsOf, cost: columns.map(({ tokens }) => tokens) }, Infinity));
  };
  try {
    add(columns);
    let best = prove(problem, table, zeroPrices(problem));
    let smoothing = 0;
    while (performance.now() < deadline) {
      const lp = session.solve();
      if (!lp)
        throw new Error("the LP over the incumbent's columns has a solution, the LP solver found none");
      if (lp.objective - best.bound < 0.5 || Math.ceil(best.bound) >= enough) break;
      const prices = blendPrices(best.prices, pricesOfRows(problem, lp.rowDuals), smoothing);
      const proved = prove(problem, table, prices);
      if (proved.bound > best.bound) best = proved;
      const columns = cheapestColumns(problem, table, prices);
      // Prices smoothed too much see no column that the LP lacks: try its own.
      if (columns.length === 0 && smoothing === 0) break;
      smoothing = columns.length === 0 ? 0 : SMOOTHING;
      add(columns);
    }
    return best;
  } finally {
    session.dispose();
  }
}

function prove({ numChiplets }: PlacementProblem, table: ColumnTable, prices: Prices): ProvedPrices {
  const least = Math.min(0, table.leastReducedCost(prices));
  const sum = prices.expert.reduce((total, price) => total + price, 0) + numChiplets * prices.chiplet;
  return {
    prices,
    base: sum + (numChiplets - 1) * least - 1e-6,
    bound: sum + numChiplets * least - 1e-6,
  };
}

/** The columns of least reduced cost, at most one for each two largest experts, so that they differ. */
function cheapestColumns({ numExperts }: PlacementProblem, table: ColumnTable, prices: Prices): Column[] {
  const cheapest = new Map<number, { column: Column; reducedCost: number }>();
  const limit = Math.min(-1e-6, 0.2 * table.leastReducedCost(prices));
  table.walk(prices, limit, (experts, tokens, reducedCost) => {
    const pair = (experts.at(-1) ?? 0) * numExperts + (experts.at(-2) ?? 0);
    const known = cheapest.get(pair);
    if (known && known.reducedCost <= reducedCost) return;
    cheapest.set(pair, { column: { experts: [...experts], tokens }, reducedCost });
  });
  return [...cheapest.values()]
    .sort((one, other) => one.reducedCost - other.reducedCost)
    .slice(0, MOST_NEW_COLUMNS)
    .map(({ column }) => column);
}

/** The prices in an LP's row duals. */
export function pricesOfRows({ numExperts }: PlacementProblem, rowDuals: Float64Array): Prices {
  // A row left out has price 0; a price above 0 for a chiplet can only be a rounding error.
  return { expert: rowDuals.slice(0, numExperts), chiplet: Math.min(0, rowDuals.at(numExperts) ?? 0) };
}

function zeroPrices({ numExperts }: PlacementProblem): Prices {
  return { expert: new Float64Array(numExperts), chiplet: 0 };
}

/** Prices between old and fresh ones, the old by `weight`. */
export function blendPrices(old: Prices, fresh: Prices, weight: number): Prices {
  return {
    expert: fresh.expert.map((price, expert) => weight * old.expert[expert] + (1 - weight) * price),
    chiplet: weight * old.chiplet + (1 - weight) * fresh.chiplet,
  };
}
