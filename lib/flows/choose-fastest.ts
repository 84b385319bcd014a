import { smallest } from "../statistics.js";

/** How placements are told apart by time. */
export interface Timing<T> {
  /** Whether it is a row of a comparison, than which the choice is to be no slower. */
  readonly isRow: (choice: T) => boolean;
  /** Time with all tokens at once, in ns. */
  readonly ns: (choice: T) => number;
  /** Mean time over batches, in ns; the same for all where there are none. Asked only of what is no slower than any row. */
  readonly batchNs: (choice: T) => number;
}

/**
 * Chooses what takes the least time in the mean over batches, of what is no slower with all tokens at once, which is the time
 * that users compare, than any row; of equals, what takes the least with all tokens, and then the first.
 *
 * @param choices At least one.
 *
 * @example
 * const timing = { isRow: ({ name }) => name === "row", ns: ({ ns }) => ns, batchNs: ({ batchNs }) => batchNs };
 * chooseFastest([{ name: "row", ns: 3, batchNs: 9 }, { name: "a", ns: 2, batchNs: 8 }], timing).name; // "a"
 */
export function chooseFastest<T>(choices: readonly T[], { isRow, ns, batchNs }: Timing<T>): T {
  const mostNs = smallest(choices.filter(isRow).map(ns));
  const [first, ...others] = choices
    .filter((choice) => ns(choice) <= mostNs)
    .map((choice) => ({ choice, ns: ns(choice), batchNs: batchNs(choice) }));
  return others.reduce(
    (best, next) => ((next.batchNs - best.batchNs || next.ns - best.ns) < 0 ? next : best),
    first,
  ).choice;
}
