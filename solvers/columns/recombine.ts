import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { timeLeft, type SolverOptions } from "../../lib/placement/solver.js";
import { sumTokens, type Column } from "./column.js";
import { choosePartition } from "./partition-model.js";
import type { ColumnChoice, SearchedColumns } from "./place-by-columns.js";
import { priceIntoPool } from "./pool-pricing.js";

/**
 * Simplex iterations of the integer programme, the budget that makes its answer the same on every machine: what is found is found
 * early, and of 384 experts the rest of a larger budget takes longer than all else.
 */
const MAX_ITERATIONS = 20_000;

/** What of a solver's options concerns the choice of columns. */
export type ChoiceOptions = Pick<SolverOptions, "backends" | "onProgress">;

/** How recombination gets more columns, and what it proves of its choice. */
export interface Recombination {
  /** Adds columns to the pool; undefined where it has no way to. By default columns are priced by search. */
  readonly generate?: (() => Promise<unknown>) | undefined;
  /** Proves what every placement costs at least, and may find a better choice. By default nothing is proved. */
  readonly prove?: (columns: readonly Column[]) => Promise<ColumnChoice>;
}

/** Chooses the best placement made of columns that a search met and of columns that are generated. */
export async function recombine(
  { model, pool, incumbent, chipletOf, deadline }: SearchedColumns,
  options: ChoiceOptions,
  { generate, prove }: Recombination = {},
): Promise<ColumnChoice> {
  const onNote = (note: string) => {
    const chiplets = expertsOfChiplets(chipletOf, model.numChiplets);
    options.onProgress?.({ chiplets, cost: sumTokens(incumbent) / model.patterns.numTokens, note });
  };
  const choose = async () => {
    await (generate ? generate() : priceIntoPool(model, pool, { chipletOf, deadline, onNote }));
    return choosePartition(model, pool.columns, {
      backend: options.backends.columns,
      incumbent,
      maxIterations: MAX_ITERATIONS,
      onNote,
      ...timeLeft(deadline),
    });
  };
  // No stage begins that the clock would cut at once.
  const choice = performance.now() < deadline ? await choose() : undefined;
  const columns = choice?.columns ?? incumbent;
  return prove && performance.now() < deadline ? prove(columns) : { columns };
}
