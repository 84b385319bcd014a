import type { BackendName } from "../../lib/placement/solver.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { sumTokens, type Filling } from "./column-pool.js";
import { createLpSession } from "../milp/lp-session.js";
import { binaryColumns, type RowBounds } from "../milp/milp-model.js";
import { solveMilp } from "../milp/solve-milp.js";

/** What a choice among given fillings came to. Tokens are summed over fillings, as in C_T times tokens. */
export interface PartitionChoice {
  /** One filling a chiplet in use, each expert in exactly one. */
  readonly fillings: readonly Filling[];
  readonly tokens: number;
  /** No choice among the given fillings sums to less; unset where that was not settled. */
  readonly bound?: number;
}

/** Options of {@link choosePartition}. */
export interface PartitionOptions {
  readonly backend: BackendName;
  /** A choice to beat; what comes back is never worse. */
  readonly incumbent?: readonly Filling[] | undefined;
  readonly timeLimitMs?: number | undefined;
  /** Simplex iterations, a budget that is the same on every machine. HiGHS only. */
  readonly maxIterations?: number | undefined;
}

/**
 * Rows of the set-partitioning model: every expert in exactly one filling, at most as many fillings as chiplets.
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

/** Rows that a filling has a 1 in. */
export function rowsOfFilling(
  { numExperts, numChiplets, slotsPerChiplet }: PlacementProblem,
  experts: readonly number[],
): readonly number[] {
  return numExperts === numChiplets * slotsPerChiplet ? experts : [...experts, numExperts];
}

/**
 * Chooses fillings that seat every expert once at the least sum of tokens: set partitioning by integer programming.
 *
 * Fillings that cannot be in a choice better than the incumbent, by their reduced cost in the LP relaxation, are left
 * out first. Source: Garfinkel and Nemhauser, The set-partitioning problem, Operations Research 17 (1969).
 *
 * @returns Undefined where no choice was found, which proves nothing unless the backend settled it.
 */
export async function choosePartition(
  problem: PlacementProblem,
  fillings: readonly Filling[],
  { backend, incumbent, timeLimitMs, maxIterations }: PartitionOptions,
): Promise<PartitionChoice | undefined> {
  const incumbentTokens = incumbent && sumTokens(incumbent);
  const left = await withoutHopeless(problem, fillings, incumbentTokens ?? Infinity);
  const chosen = new Set((incumbent ?? []).map(({ experts }) => experts.join()));
  const candidates = [...(incumbent ?? []), ...left.filter(({ experts }) => !chosen.has(experts.join()))];
  const columns = binaryColumns(
    {
      rowsOf: candidates.map(({ experts }) => rowsOfFilling(problem, experts)),
      cost: candidates.map(({ tokens }) => tokens),
    },
    1,
  );
  const start = Float64Array.from(candidates, (_, index) => (index < chosen.size ? 1 : 0));
  const solution = await solveMilp(
    { ...columns, ...partitionRows(problem), integer: new Uint8Array(candidates.length).fill(1) },
    {
      backend,
      ...(incumbent && { start }),
      ...(timeLimitMs !== undefined && { timeLimitMs }),
      ...(maxIterations !== undefined && { maxIterations }),
    },
  );
  if (solution.status === "infeasible" || solution.status === "undecided") {
    return incumbent && { fillings: incumbent, tokens: sumTokens(incumbent) };
  }
  const picked = candidates.filter((_, index) => solution.values[index] === 1);
  return {
    fillings: picked,
    tokens: sumTokens(picked),
    ...(solution.status === "optimal" && { bound: sumTokens(picked) }),
  };
}

/** Leaves out fillings whose reduced cost shows that no choice with them has fewer tokens than `tokensToBeat`. */
async function withoutHopeless(
  problem: PlacementProblem,
  fillings: readonly Filling[],
  tokensToBeat: number,
): Promise<readonly Filling[]> {
  if (tokensToBeat === Infinity) return fillings;
  const rows = partitionRows(problem);
  const session = await createLpSession(rows);
  try {
    const rowsOf = fillings.map(({ experts }) => rowsOfFilling(problem, experts));
    session.addColumns(binaryColumns({ rowsOf, cost: fillings.map(({ tokens }) => tokens) }, Infinity));
    const lp = session.solve();
    if (!lp) return fillings;
    // Costs are integers: a better choice has at least one token less. The LP value is given away by a hair.
    const slack = tokensToBeat - 1 - lp.objective * (1 - 1e-9) + 1e-6;
    return fillings.filter((filling, index) => {
      const price = rowsOf[index].reduce((sum, row) => sum + lp.rowDuals[row], 0);
      return filling.tokens - price <= slack;
    });
  } finally {
    session.dispose();
  }
}
