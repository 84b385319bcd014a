import { cheapestColumns, sumTokens, type Column, type PricedColumn } from "../columns/column.js";
import { generateColumns, type GeneratedColumns } from "../columns/column-generation.js";
import type { PartitionShape } from "../columns/column-model.js";
import type { ColumnTable } from "../columns/column-table.js";
import { reducedCostOf, zeroMultipliers, type Multipliers } from "../columns/multipliers.js";

/** What every chiplet is to serve at most, in expert choices, and to be visited by, in tokens. */
export interface Thresholds {
  readonly load: number;
  readonly tokens: number;
}

/** Options of {@link createPeakProver}. */
export interface ProverOptions {
  readonly shape: PartitionShape;
  /** Every column there is. */
  readonly table: ColumnTable;
  /** Tokens that chose each expert. Shape [numExperts]. */
  readonly load: Float64Array;
  /** Columns of a placement. */
  readonly known: readonly Column[];
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/** Says what holds of placements that keep thresholds, by the LP over the columns that do. */
export interface PeakProver {
  /** The most tokens found, from `low` on, that no placement keeps together with the load; none keeps the low ones. */
  mostImpossible(load: number, between: { readonly low: number; readonly high: number }): Promise<number>;
  /** Proved: a placement that keeps thresholds makes so many copies, in tokens. */
  leastCopies(thresholds: Thresholds): Promise<number>;
  /** Columns that the LP likes best. */
  promising(thresholds: Thresholds): Promise<Column[]>;
}

/** Part of the tokens of a chiplet within which a threshold on them is found. */
const TOKEN_PRECISION = 0.004;
/** Sets of columns that are kept. */
const MOST_RECENT = 4;
/** Columns of earlier LPs that the next one begins with. */
const MOST_POOLED = 1500;
/** Columns that are listed at most, and their reduced cost, as a part of what all columns of the LP cost. */
const MOST_LISTED = 4000;
const LISTED_PART = 0.002;

/**
 * Makes a prover that goes on from what its LPs have found so far.
 *
 * Where no column above thresholds is allowed, set partitioning has an LP over fewer columns, so a larger least sum of tokens;
 * where that is more than all chiplets may be visited by together, no placement keeps them.
 */
export function createPeakProver({ shape, table, load, known, deadline }: ProverOptions): PeakProver {
  const { numChiplets, numExperts } = shape;
  const copies = sumTokens(known);
  // Whatever the thresholds, the LP has a solution: one column of all experts that costs more than any placement.
  const cover: Column = { experts: [...Array(numExperts).keys()], tokens: 16 * copies };
  const pool = new Map<string, Column>();
  let from: Multipliers = zeroMultipliers(shape);
  const remember = (columns: readonly Column[]) => {
    for (const column of columns) if (column !== cover) pool.set(column.experts.join(), column);
  };
  remember(known);
  /** Columns within the thresholds of late: those of narrower ones are among them. */
  const recent: { readonly thresholds: Thresholds; readonly columns: ColumnTable }[] = [];
  const within = (thresholds: Thresholds) => {
    const wider = recent.find(
      ({ thresholds: of }) => of.load >= thresholds.load && of.tokens >= thresholds.tokens,
    );
    const columns = (wider?.columns ?? table).within({
      load,
      maxLoad: thresholds.load,
      maxTokens: thresholds.tokens,
    });
    if (wider === undefined) recent.unshift({ thresholds, columns });
    recent.splice(MOST_RECENT);
    return columns;
  };
  const generate = async (
    columnsWithin: ColumnTable,
    thresholds: Thresholds,
    until: { readonly cutoff: number; readonly enough?: number },
  ): Promise<GeneratedColumns> => {
    const priced = [...pool.values()].flatMap((column) =>
      column.tokens <= thresholds.tokens && loadOf(column, load) <= thresholds.load
        ? [{ column, reducedCost: reducedCostOf(column, from) }]
        : [],
    );
    const columns = [...cheapestColumns(priced, MOST_POOLED), cover];
    const generated = await generateColumns(shape, columnsWithin, { ...until, columns, from, deadline });
    remember(generated.columns);
    from = generated.multipliers;
    return generated;
  };
  const isImpossible = async (thresholds: Thresholds) => {
    const most = numChiplets * thresholds.tokens;
    const { bound } = await generate(within(thresholds), thresholds, { cutoff: most + 1, enough: most });
    return Math.ceil(bound) > most;
  };
  return {
    async mostImpossible(maxLoad, { low, high }) {
      const precision = Math.max(1, (TOKEN_PRECISION * copies) / numChiplets);
      let [none, some] = [low, high];
      while (some - none > precision && performance.now() < deadline) {
        const tokens = Math.round((none + some) / 2);
        if (await isImpossible({ load: maxLoad, tokens })) none = tokens;
        else some = tokens;
      }
      return none;
    },
    async leastCopies(thresholds) {
      const { bound } = await generate(within(thresholds), thresholds, { cutoff: cover.tokens });
      return bound;
    },
    async promising(thresholds) {
      const columns = within(thresholds);
      const { multipliers, base, bound } = await generate(columns, thresholds, { cutoff: cover.tokens });
      const listed: PricedColumn[] = [];
      const limit = Math.min(numChiplets * thresholds.tokens - base, LISTED_PART * bound);
      columns.walk(multipliers, limit, (experts, tokens, reducedCost) => {
        listed.push({ column: { experts: [...experts], tokens }, reducedCost });
      });
      return cheapestColumns(listed, MOST_LISTED);
    },
  };
}

/** Expert choices that a column serves. */
export function loadOf({ experts }: Column, load: Float64Array): number {
  return experts.reduce((served, expert) => served + load[expert], 0);
}
