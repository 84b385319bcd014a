import { smallest } from "../statistics.js";

/** How placements are told apart by time. */
export interface Timing<T> {
  /** Whether it is a row of a comparison, than which the choice is to be no slower. */
  readonly isRow: (choice: T) => boolean;
  /** Time with all tokens at once, in ns. */
  readonly ns: (choice: T) => number;
  /** Mean time over batches, in ns; the same for all where there are none. Asked only of what is fast with all tokens. */
  readonly batchNs: (choice: T) => number;
}

/** What less time in the mean over batches may cost with all tokens at once, as a part of the least. */
const BATCHES_MAY_COST = 0.002;

/**
 * The most time with all tokens at once, which is the time that users compare and that is proved near its least: no more than any row
 * takes, and hardly more than the least.
 */
export function mostTimeNs<T>(choices: readonly T[], { isRow, ns }: Omit<Timing<T>, "batchNs">): number {
  const leastNs = smallest(choices.map(ns));
  return Math.min((1 + BATCHES_MAY_COST) * leastNs, smallest(choices.filter(isRow).map(ns)));
}

/**
 * Chooses what takes the least time in the mean over batches, of what takes no more than {@link mostTimeNs} with all tokens at once;
 * of equals, what takes the least with all tokens, and then the first.
 *
 * @param choices At least one.
 *
 * @example
 * const timing = { isRow: ({ name }) => name === "row", ns: ({ ns }) => ns, batchNs: ({ batchNs }) => batchNs };
 * chooseFastest([{ name: "row", ns: 3, batchNs: 8 }, { name: "a", ns: 2, batchNs: 9 }], timing).name; // "a"
 */
export function chooseFastest<T>(choices: readonly T[], timing: Timing<T>): T {
  const { ns, batchNs } = timing;
  const mostNs = mostTimeNs(choices, timing);
  const [first, ...others] = choices
    .filter((choice) => ns(choice) <= mostNs)
    .map((choice) => ({ choice, ns: ns(choice), batchNs: batchNs(choice) }));
  return others.reduce(
    (best, next) => ((next.batchNs - best.batchNs || next.ns - best.ns) < 0 ? next : best),
    first,
  ).choice;
}
