import { LP_FEASIBILITY } from "../../lib/placement/tolerance.js";

/** Columns of a sparse matrix with their costs and bounds, column by column (CSC). */
export interface SparseColumns {
  /** Shape [numColumns]. */
  readonly cost: Float64Array;
  /** `-Infinity` where there is none. Shape [numColumns]. */
  readonly lower: Float64Array;
  /** `Infinity` where there is none. Shape [numColumns]. */
  readonly upper: Float64Array;
  /** Column j has its entries at [starts[j], starts[j + 1]). Shape [numColumns + 1], starting at 0. */
  readonly starts: Int32Array;
  /** Row of every entry, no row twice in a column. Shape [starts[numColumns]]. */
  readonly indices: Int32Array;
  /** Shape [starts[numColumns]]. */
  readonly values: Float64Array;
}

/** Rows of a model: rowLower <= A x <= rowUpper, equal where both are equal. */
export interface RowBounds {
  /** `-Infinity` where there is none. Shape [numRows]. */
  readonly rowLower: Float64Array;
  /** `Infinity` where there is none. Shape [numRows]. */
  readonly rowUpper: Float64Array;
}

/** A mixed-integer linear programme: minimise cost x subject to the rows and the bounds of the columns. */
export interface MilpModel extends SparseColumns, RowBounds {
  /** 1 where a column must be an integer. Shape [numColumns]. */
  readonly integer: Uint8Array;
}

/** What is done with a set partitioning or covering: entries 1, columns in [0, 1]. */
export interface BinaryColumns {
  /** Rows of every column, each list without repetition. */
  readonly rowsOf: readonly ArrayLike<number>[];
  /** Shape [numColumns]. */
  readonly cost: ArrayLike<number>;
}

/**
 * Makes columns of ones with bounds 0 and `upper`, the form of every set-partitioning model.
 *
 * @param upper 1 for binaries; `Infinity` in LPs whose rows already imply it, which keeps duals clean.
 *
 * @example
 * binaryColumns({ rowsOf: [[0, 1], [2, 3]], cost: [5, 7] }, 1).starts; // Int32Array [0, 2, 4]
 */
export function binaryColumns({ rowsOf, cost }: BinaryColumns, upper: number): SparseColumns {
  const starts = new Int32Array(rowsOf.length + 1);
  rowsOf.forEach((rows, column) => (starts[column + 1] = starts[column] + rows.length));
  const indices = new Int32Array(starts[rowsOf.length]);
  rowsOf.forEach((rows, column) => {
    indices.set(rows, starts[column]);
  });
  return {
    cost: Float64Array.from(cost),
    lower: new Float64Array(rowsOf.length),
    upper: new Float64Array(rowsOf.length).fill(upper),
    starts,
    indices,
    values: new Float64Array(indices.length).fill(1),
  };
}

/** The objective of a point, summed anew. */
export function objectiveOf({ cost }: SparseColumns, point: Float64Array): number {
  return cost.reduce((sum, columnCost, column) => sum + columnCost * point[column], 0);
}

/**
 * Finds the first thing wrong with a point: a bound, a row or an integrality that it violates.
 *
 * Rows may be off by `LP_FEASIBILITY` times the size of the numbers they add, which is what floating point costs.
 *
 * @returns One sentence, or undefined if the point is feasible.
 */
export function violationOf(model: MilpModel, point: Float64Array): string | undefined {
  const { lower, upper, integer, rowLower, rowUpper, starts, indices, values } = model;
  const activity = new Float64Array(rowLower.length);
  const size = new Float64Array(rowLower.length).fill(1);
  for (let column = 0; column < lower.length; column++) {
    const value = point[column];
    if (!(value >= lower[column] - LP_FEASIBILITY && value <= upper[column] + LP_FEASIBILITY)) {
      return `column ${column} is ${value}, expected ${lower[column]} to ${upper[column]}`;
    }
    if (integer[column] && !Number.isInteger(value)) {
      return `column ${column} is ${value}, expected an integer`;
    }
    for (let entry = starts[column]; entry < starts[column + 1]; entry++) {
      activity[indices[entry]] += values[entry] * value;
      size[indices[entry]] += Math.abs(values[entry] * value);
    }
  }
  for (let row = 0; row < activity.length; row++) {
    const slack = LP_FEASIBILITY * size[row];
    if (!(activity[row] >= rowLower[row] - slack && activity[row] <= rowUpper[row] + slack)) {
      return `row ${row} is ${activity[row]}, expected ${rowLower[row]} to ${rowUpper[row]}`;
    }
  }
  return undefined;
}
