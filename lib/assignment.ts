/**
 * Finds the assignment of columns to rows of greatest total weight, one each.
 *
 * The Hungarian algorithm by shortest augmenting paths. Time O(size^3), memory O(size).
 * Source: Jonker and Volgenant, Computing 38 (1987), without their initial reductions.
 *
 * @param weights Shape [size, size], row-major; finite.
 * @returns Column of every row. Shape [size].
 *
 * @example
 * maximumAssignment(Float64Array.of(1, 5, 2, 4), 2); // Uint16Array [1, 0]: 5 + 2 > 1 + 4
 */
export function maximumAssignment(weights: ArrayLike<number>, size: number): Uint16Array {
  // Rows and columns count from 1 here; row and column 0 stand for "none yet".
  const rowPotential = new Float64Array(size + 1);
  const columnPotential = new Float64Array(size + 1);
  const rowOf = new Int32Array(size + 1);
  const cameFrom = new Int32Array(size + 1);
  for (let row = 1; row <= size; row++) {
    const slack = new Float64Array(size + 1).fill(Infinity);
    const isReached = new Uint8Array(size + 1);
    let column = 0;
    rowOf[0] = row;
    do {
      isReached[column] = 1;
      const current = rowOf[column];
      let step = Infinity;
      let next = 0;
      for (let candidate = 1; candidate <= size; candidate++) {
        if (isReached[candidate]) continue;
        const reduced =
          -weights[(current - 1) * size + candidate - 1] - rowPotential[current] - columnPotential[candidate];
        if (reduced < slack[candidate]) {
          slack[candidate] = reduced;
          cameFrom[candidate] = column;
        }
        if (slack[candidate] < step) {
          step = slack[candidate];
          next = candidate;
        }
      }
      for (let index = 0; index <= size; index++) {
        if (isReached[index]) {
          rowPotential[rowOf[index]] += step;
          columnPotential[index] -= step;
        } else {
          slack[index] -= step;
        }
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[cameFrom[column]];
      column = cameFrom[column];
    }
  }
  const columnOf = new Uint16Array(size);
  for (let column = 1; column <= size; column++) columnOf[rowOf[column] - 1] = column - 1;
  return columnOf;
}
