import type { BackendName } from "../../lib/placement/backend-choice.js";
import { solveMilp } from "../milp/solve-milp.js";
import { sumTokens, type Column } from "./column.js";
import type { PartitionShape } from "./column-model.js";
import { createMasterLp, partitionRows, rowsOfColumn, sparseColumns } from "./master-lp.js";
import { lagrangianBound, reducedCostOf } from "./multipliers.js";
import { smallest } from "../../lib/statistics.js";

/** The backend whose word is believed as a proof; the other has called choices optimal that were not. */
const PROVING_BACKEND: BackendName = "highs";

/** What a choice among given columns came to. Tokens are summed over columns, as in C_T times tokens. */
export interface PartitionChoice {
  /** One column a chiplet in use, each expert in exactly one. */
  readonly columns: readonly Column[];
  readonly tokens: number;
  /** No choice among the given columns sums to less; unset where that was not settled, or not by HiGHS. */
  readonly bound?: number;
}

/** Options of {@link choosePartition}. */
export interface PartitionOptions {
  readonly backend: BackendName;
  /** A choice to beat; what comes back is never worse. */
  readonly incumbent?: readonly Column[] | undefined;
  readonly timeLimitMs?: number | undefined;
  /** Simplex iterations, a budget that is the same on every machine. HiGHS only. */
  readonly maxIterations?: number | undefined;
  /** Told if the LP solver failed, which leaves more columns to the integer programme. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Chooses columns that cover every expert once at the least sum of tokens: set partitioning by integer programming.
 *
 * Columns that cannot be in a choice better than the incumbent are left out first, by reduced-cost fixing. Source:
 * Garfinkel and Nemhauser, The set-partitioning problem, Operations Research 17 (1969).
 *
 * @returns Undefined where no choice was found, which proves nothing unless the backend settled it.
 */
export async function choosePartition(
  shape: PartitionShape,
  columns: readonly Column[],
  { backend, incumbent, timeLimitMs, maxIterations, onNote }: PartitionOptions,
): Promise<PartitionChoice | undefined> {
  const left = incumbent ? await fixByReducedCost(shape, columns, { incumbent, onNote }) : columns;
  // None of the columns can be in anything better: nothing is left to be chosen.
  if (incumbent && left.length === 0) {
    return { columns: incumbent, tokens: sumTokens(incumbent), bound: sumTokens(incumbent) };
  }
  const chosen = new Set((incumbent ?? []).map(({ experts }) => experts.join()));
  const candidates = [...(incumbent ?? []), ...left.filter(({ experts }) => !chosen.has(experts.join()))];
  const rowsOf = (experts: readonly number[]) => rowsOfColumn(shape, experts);
  const start = Float64Array.from(candidates, (_, index) => (index < chosen.size ? 1 : 0));
  const solution = await solveMilp(
    {
      ...sparseColumns(candidates, { rowsOf, upper: 1 }),
      ...partitionRows(shape),
      integer: new Uint8Array(candidates.length).fill(1),
    },
    {
      backend,
      ...(incumbent && { start }),
      ...(timeLimitMs !== undefined && { timeLimitMs }),
      ...(maxIterations !== undefined && { maxIterations }),
    },
  );
  if (solution.status === "infeasible" || solution.status === "undecided") {
    return incumbent && { columns: incumbent, tokens: sumTokens(incumbent) };
  }
  const picked = candidates.filter((_, index) => solution.values[index] === 1);
  return {
    columns: picked,
    tokens: sumTokens(picked),
    ...(solution.status === "optimal" && backend === PROVING_BACKEND && { bound: sumTokens(picked) }),
  };
}

/** Leaves out columns whose reduced cost shows that no choice with them has fewer tokens than the incumbent. */
async function fixByReducedCost(
  shape: PartitionShape,
  columns: readonly Column[],
  { incumbent, onNote }: Pick<PartitionOptions, "onNote"> & { incumbent: readonly Column[] },
): Promise<readonly Column[]> {
  const master = await createMasterLp(shape);
  try {
    master.add(columns);
    const lp = master.solve();
    if (!lp) {
      onNote?.(
        `no column was fixed by its reduced cost: the LP over ${columns.length} columns was not solved`,
      );
      return columns;
    }
    const reducedCosts = columns.map((column) => reducedCostOf(column, lp.multipliers));
    const least = smallest(reducedCosts, 0);
    // Costs are integers: a better choice has at least one token less.
    const threshold = sumTokens(incumbent) - 1 - lagrangianBound(lp.multipliers, shape, { least }).base;
    return columns.filter((_, index) => reducedCosts[index] <= threshold);
  } finally {
    master.dispose();
  }
}
