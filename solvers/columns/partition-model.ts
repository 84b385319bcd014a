import type { BackendName } from "../../lib/placement/solver.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { sumTokens, type Column } from "./column-pool.js";
import { createLpSession } from "../milp/lp-session.js";
import { binaryColumns, type RowBounds } from "../milp/milp-model.js";
import { solveMilp } from "../milp/solve-milp.js";

/** What a choice among given columns came to. Tokens are summed over columns, as in C_T times tokens. */
export interface PartitionChoice {
  /** One column a chiplet in use, each expert in exactly one. */
  readonly columns: readonly Column[];
  readonly tokens: number;
  /** No choice among the given columns sums to less; unset where that was not settled. */
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
}

/**
 * Rows of the set-partitioning model: every expert in exactly one column, at most as many columns as chiplets.
 *
 * The last row is left out where the slots are exactly filled, because it follows from the others.
 */
export function partitionRows({ numExperts, numChiplets, slotsPerChiplet }: PlacementProblem): RowBounds {
  const rows = numExperts === numChiplets * slotsPerChiplet ? numExperts : numExperts + 1;
  const rowLower = new Float64Array(rows).fill(1);
  const rowUpper = new Float64Array(rows).fill(1);
  if (rows > numExperts) {
    rowLower[numExperts] = -Infinity;
    rowUpper[numExperts] = numChiplets;
  }
  return { rowLower, rowUpper };
}

/** Rows that a column has a 1 in. */
export function rowsOfColumn(
  { numExperts, numChiplets, slotsPerChiplet }: PlacementProblem,
  experts: readonly number[],
): readonly number[] {
  return numExperts === numChiplets * slotsPerChiplet ? experts : [...experts, numExperts];
}

/**
 * Chooses columns that seat every expert once at the least sum of tokens: set partitioning by integer programming.
 *
 * Columns that cannot be in a choice better than the incumbent, by their reduced cost in the LP relaxation, are left
 * out first. Source: Garfinkel and Nemhauser, The set-partitioning problem, Operations Research 17 (1969).
 *
 * @returns Undefined where no choice was found, which proves nothing unless the backend settled it.
 */
export async function choosePartition(
  problem: PlacementProblem,
  columns: readonly Column[],
  { backend, incumbent, timeLimitMs, maxIterations }: PartitionOptions,
): Promise<PartitionChoice | undefined> {
  const incumbentTokens = incumbent && sumTokens(incumbent);
  const left = await fixByReducedCost(problem, columns, incumbentTokens ?? Infinity);
  const chosen = new Set((incumbent ?? []).map(({ experts }) => experts.join()));
  const candidates = [...(incumbent ?? []), ...left.filter(({ experts }) => !chosen.has(experts.join()))];
  const milpColumns = binaryColumns(
    {
      rowsOf: candidates.map(({ experts }) => rowsOfColumn(problem, experts)),
      cost: candidates.map(({ tokens }) => tokens),
    },
    1,
  );
  const start = Float64Array.from(candidates, (_, index) => (index < chosen.size ? 1 : 0));
  const solution = await solveMilp(
    { ...milpColumns, ...partitionRows(problem), integer: new Uint8Array(candidates.length).fill(1) },
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
    ...(solution.status === "optimal" && { bound: sumTokens(picked) }),
  };
}

/** Leaves out columns whose reduced cost shows that no choice with them has fewer tokens than `tokensToBeat`. */
async function fixByReducedCost(
  problem: PlacementProblem,
  columns: readonly Column[],
  tokensToBeat: number,
): Promise<readonly Column[]> {
  if (tokensToBeat === Infinity) return columns;
  const rows = partitionRows(problem);
  const session = await createLpSession(rows);
  try {
    const rowsOf = columns.map(({ experts }) => rowsOfColumn(problem, experts));
    session.addColumns(binaryColumns({ rowsOf, cost: columns.map(({ tokens }) => tokens) }, Infinity));
    const lp = session.solve();
    if (!lp) return columns;
    // Costs are integers: a better choice has at least one token less. The LP value is given away by a hair.
    const slack = tokensToBeat - 1 - lp.objective * (1 - 1e-9) + 1e-6;
    return columns.filter((column, index) => {
      const price = rowsOf[index].reduce((sum, row) => sum + lp.rowDuals[row], 0);
      return column.tokens - price <= slack;
    });
  } finally {
    session.dispose();
  }
}
