/**
 * Memories for timers that searches ask again and again: between two questions most chiplets stay as they are, and where a
 * change is not kept the others are as they were. So the last two answers of each are remembered.
 */

/** A function of up to three numbers, asked for one of some places. */
export type PlacedFunction = (place: number, a: number, b: number, c: number) => number;

/** Makes a function of up to three numbers that remembers the last two answers of each place in [0, numPlaces). */
export function rememberLast(
  numPlaces: number,
  answerTo: (a: number, b: number, c: number) => number,
): PlacedFunction {
  // Of each place two rows: the numbers, and the answer. NaN, at first, equals no number.
  const rows = new Float64Array(8 * numPlaces).fill(NaN);
  const last = new Uint8Array(numPlaces);
  const isAt = (row: number, a: number, b: number, c: number) =>
    rows[row] === a && rows[row + 1] === b && rows[row + 2] === c;
  return (place, a, b, c) => {
    const row = 8 * place + 4 * last[place];
    if (isAt(row, a, b, c)) return rows[row + 3];
    last[place] ^= 1;
    const other = 8 * place + 4 * last[place];
    if (!isAt(other, a, b, c)) {
      rows[other] = a;
      rows[other + 1] = b;
      rows[other + 2] = c;
      rows[other + 3] = answerTo(a, b, c);
    }
    return rows[other + 3];
  };
}

/**
 * Makes a function that adds up what each number of a list comes to, times a scale, and remembers the last two sums of each
 * place in [0, numPlaces). Lists are told by who they are, and so must not be changed.
 */
export function rememberSums(
  numPlaces: number,
  valueOf: (scaled: number) => number,
): (place: number, list: readonly number[], scale: number) => number {
  const lists = new Array<readonly number[] | undefined>(2 * numPlaces).fill(undefined);
  const scales = new Float64Array(2 * numPlaces);
  const sums = new Float64Array(2 * numPlaces);
  const last = new Uint8Array(numPlaces);
  return (place, list, scale) => {
    const row = 2 * place + last[place];
    if (lists[row] === list && scales[row] === scale) return sums[row];
    last[place] ^= 1;
    const other = 2 * place + last[place];
    if (lists[other] !== list || scales[other] !== scale) {
      let total = 0;
      for (const number of list) total += valueOf(number * scale);
      lists[other] = list;
      scales[other] = scale;
      sums[other] = total;
    }
    return sums[other];
  };
}
