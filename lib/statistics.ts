// Loops rather than Math.max(...values): a list of more than some 100,000 values does not fit the arguments of a call. Searches
// ask of Float64Arrays most, for which an index is several times as fast as an iterator.

/**
 * The largest of some numbers.
 *
 * @param least The answer where there is none above it.
 *
 * @example
 * largest([3, 9, 4]); // 9
 */
export function largest(values: Iterable<number>, least = -Infinity): number {
  let found = least;
  if (values instanceof Float64Array) {
    for (let at = 0; at < values.length; at++) if (values[at] > found) found = values[at];
    return found;
  }
  for (const value of values) if (value > found) found = value;
  return found;
}

/**
 * The smallest of some numbers.
 *
 * @param most The answer where there is none below it.
 */
export function smallest(values: Iterable<number>, most = Infinity): number {
  let found = most;
  for (const value of values) if (value < found) found = value;
  return found;
}

/**
 * The sum of some numbers, added from the first to the last.
 *
 * @example
 * sum([3, 9, 4]); // 16
 */
export function sum(values: Iterable<number>): number {
  let total = 0;
  if (values instanceof Float64Array) {
    for (let at = 0; at < values.length; at++) total += values[at];
    return total;
  }
  for (const value of values) total += value;
  return total;
}

/**
 * The mean of some numbers; NaN where there are none.
 *
 * @example
 * mean([3, 9, 6]); // 6
 */
export function mean(values: ArrayLike<number> & Iterable<number>): number {
  return sum(values) / values.length;
}
