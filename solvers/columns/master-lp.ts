import { createLpSession } from "../milp/lp-session.js";
import { binaryColumns, type RowBounds, type SparseColumns } from "../milp/milp-model.js";
import type { Column } from "./column.js";
import type { PartitionShape } from "./column-model.js";
import type { Multipliers } from "./multipliers.js";

/** Experts a < b < c, of which at most one column of a placement holds two or more: a subset-row cut. */
export type Cut = readonly [number, number, number];

/** The LP relaxation of set partitioning over the columns at hand: the master of column generation. */
export interface MasterLp {
  /** In the order in which they were added. */
  readonly columns: readonly Column[];
  add(columns: readonly Column[]): void;
  /** Solves from the last basis; undefined where the LP solver failed, if the columns can cover every expert. */
  solve(): MasterSolution | undefined;
  /** Gives the memory back; WebAssembly has no other way. */
  dispose(): void;
}

/** An optimal solution of a master LP. */
export interface MasterSolution {
  /** In tokens. */
  readonly objective: number;
  /** How much of each column is chosen. Shape [numColumns]. */
  readonly values: Float64Array;
  readonly multipliers: Multipliers;
  /** Of every cut, at most 0. Shape [numCuts]. */
  readonly cutMultipliers: Float64Array;
}

/** Makes a master LP without columns. */
export async function createMasterLp(shape: PartitionShape, cuts: readonly Cut[] = []): Promise<MasterLp> {
  const { numExperts } = shape;
  const rows = partitionRows(shape);
  const firstCut = rows.rowLower.length;
  const session = await createLpSession({
    rowLower: Float64Array.from([...rows.rowLower, ...cuts.map(() => -Infinity)]),
    rowUpper: Float64Array.from([...rows.rowUpper, ...cuts.map(() => 1)]),
  });
  const columns: Column[] = [];
  const rowsOf = (experts: readonly number[]) => [
    ...rowsOfColumn(shape, experts),
    ...cuts.flatMap((cut, index) => (countShared(cut, experts) >= 2 ? [firstCut + index] : [])),
  ];
  return {
    columns,
    add(added) {
      // The rows keep columns at 1 or below; a bound of their own would have a multiplier of its own.
      session.addColumns(sparseColumns(added, { rowsOf, upper: Infinity }));
      for (const column of added) columns.push(column);
    },
    solve() {
      const lp = session.solve();
      if (!lp) return undefined;
      const { objective, values, rowDuals } = lp;
      // The chiplet row may be left out; a multiplier above 0 of a row with an upper bound can only be rounding.
      const chiplet = firstCut > numExperts ? Math.min(0, rowDuals[numExperts]) : 0;
      return {
        objective,
        values,
        multipliers: { expert: rowDuals.slice(0, numExperts), chiplet },
        cutMultipliers: rowDuals.slice(firstCut).map((multiplier) => Math.min(0, multiplier)),
      };
    },
    dispose() {
      session.dispose();
    },
  };
}

/**
 * Rows of the set-partitioning model: every expert in exactly one column, at most as many columns as chiplets.
 *
 * The last row is left out where the slots are exactly filled, because it follows from the others.
 */
export function partitionRows(shape: PartitionShape): RowBounds {
  const { numExperts, numChiplets } = shape;
  const rows = isExactlyFilled(shape) ? numExperts : numExperts + 1;
  const rowLower = new Float64Array(rows).fill(1);
  const rowUpper = new Float64Array(rows).fill(1);
  if (rows > numExperts) {
    rowLower[numExperts] = -Infinity;
    rowUpper[numExperts] = numChiplets;
  }
  return { rowLower, rowUpper };
}

/** Rows of {@link partitionRows} that a column has a 1 in. */
export function rowsOfColumn(shape: PartitionShape, experts: readonly number[]): readonly number[] {
  return isExactlyFilled(shape) ? experts : [...experts, shape.numExperts];
}

/** States columns for a solver. */
export function sparseColumns(
  columns: readonly Column[],
  { rowsOf, upper }: { rowsOf: (experts: readonly number[]) => readonly number[]; upper: number },
): SparseColumns {
  return binaryColumns(
    { rowsOf: columns.map(({ experts }) => rowsOf(experts)), cost: columns.map(({ tokens }) => tokens) },
    upper,
  );
}

function isExactlyFilled({ numExperts, numChiplets, slotsPerChiplet }: PartitionShape): boolean {
  return numExperts === numChiplets * slotsPerChiplet;
}

function countShared(cut: Cut, experts: readonly number[]): number {
  return cut.reduce((count, expert) => count + (experts.includes(expert) ? 1 : 0), 0);
}
