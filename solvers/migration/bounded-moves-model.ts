import type { PartitionShape } from "../columns/column-model.js";
import { solveMilp } from "../milp/solve-milp.js";

/** A chiplet column and the chiplet it is on, as a search within the migration budget of a running placement meets it. */
export interface PlacedColumn {
  readonly chiplet: number;
  /** Ascending. */
  readonly experts: readonly number[];
  /** Tokens that chose at least one of the experts. */
  readonly tokens: number;
  /** Experts that sit elsewhere in the running placement. */
  readonly moves: number;
}

/** Simplex iterations on up to 64 experts, fewer on more: some seconds at most, and the same answer on every machine. */
const MAX_ITERATIONS = 10_000;

/**
 * Recombines columns of many placements into the best one that stays within some moves: set partitioning with a row
 * for every chiplet and one for the moves.
 *
 * @param incumbent A column for every chiplet, within the moves; what comes back is never worse.
 * @returns A column for every chiplet.
 */
export async function recombineBoundedMoves(
  { numExperts, numChiplets }: PartitionShape,
  pool: readonly PlacedColumn[],
  options: { maxMoves: number; incumbent: readonly PlacedColumn[]; timeLimitMs?: number | undefined },
): Promise<readonly PlacedColumn[]> {
  const { maxMoves, incumbent, timeLimitMs } = options;
  const known = new Set(incumbent.map(keyOf));
  const columns = [...incumbent, ...pool.filter((column) => !known.has(keyOf(column)))];
  const movesRow = numExperts + numChiplets;
  const entries = columns.map(({ chiplet, experts, moves }) => [
    ...experts.map((expert) => ({ row: expert, value: 1 })),
    { row: numExperts + chiplet, value: 1 },
    ...(moves > 0 ? [{ row: movesRow, value: moves }] : []),
  ]);
  const starts = new Int32Array(columns.length + 1);
  entries.forEach((column, index) => (starts[index + 1] = starts[index] + column.length));
  const ones = new Float64Array(movesRow + 1).fill(1);
  const solution = await solveMilp(
    {
      cost: Float64Array.from(columns, ({ tokens }) => tokens),
      lower: new Float64Array(columns.length),
      upper: new Float64Array(columns.length).fill(1),
      integer: new Uint8Array(columns.length).fill(1),
      rowLower: ones.map((once, row) => (row === movesRow ? 0 : once)),
      rowUpper: ones.map((once, row) => (row === movesRow ? maxMoves : once)),
      starts,
      indices: Int32Array.from(entries.flat(), ({ row }) => row),
      values: Float64Array.from(entries.flat(), ({ value }) => value),
    },
    {
      backend: "highs",
      maxIterations: Math.ceil(MAX_ITERATIONS * Math.min(1, 64 / numExperts)),
      start: Float64Array.from(columns, (_, index) => (index < incumbent.length ? 1 : 0)),
      ...(timeLimitMs !== undefined && { timeLimitMs }),
    },
  );
  if (solution.status === "infeasible" || solution.status === "undecided") return incumbent;
  return columns.filter((_, index) => solution.values[index] === 1);
}

/** Tells placed columns apart. */
export function keyOf({ chiplet, experts }: PlacedColumn): string {
  return `${chiplet}:${experts.join()}`;
}
