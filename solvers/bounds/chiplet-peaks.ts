import { largest, sum } from "../../lib/statistics.js";
import type { Column } from "../columns/column.js";
import { loadOf, type PeakProver } from "./peak-prover.js";

/** What a placement has at least, in expert choices and in tokens. */
export interface CountedPeaks {
  /** Of some chiplet. */
  readonly load: number;
  /** Of some chiplet, be it the same one or another. */
  readonly tokens: number;
  /** Of all chiplets together. */
  readonly copies: number;
}

/** Options of {@link provePeaks}. */
export interface PeakOptions {
  readonly prover: PeakProver;
  readonly numChiplets: number;
  /** Tokens that chose each expert. Shape [numExperts]. */
  readonly load: Float64Array;
  /** Proved: no placement makes fewer copies. */
  readonly leastCopies: number;
  /** Columns of the best placement known. */
  readonly incumbent: readonly Column[];
  /** Time of a placement with such peaks at least; grows in each. */
  readonly leastNs: (peaks: CountedPeaks) => number;
  /** Thresholds on the load for which the least tokens are proved, at most. */
  readonly mostProofs: number;
  /** Looks for a placement whose chiplets serve no more than a load, and are visited by more than `none` tokens, but less than `worth`. */
  readonly fill: (
    load: number,
    tokens: { none: number; worth: number },
  ) => Promise<readonly Column[] | undefined>;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/** Placements whose busiest chiplet serves more than one load and no more than another. */
interface Step {
  readonly from: number;
  readonly to: number;
  /** Some chiplet is visited by as many. */
  readonly tokens: number;
  /** Where no chiplet is visited by more than `worth`. */
  readonly copies: number;
  /** With more on some chiplet the time is not below that of the incumbent. */
  readonly worth: number;
}

/** Loads nearer to each other than this part of their mean are not told apart. */
const LOAD_PRECISION = 0.004;
/** Part of its least within which a value is found from which on something holds. */
const VALUE_PRECISION = 1e-3;

/**
 * Proves how the largest load, the most tokens of a chiplet and all copies trade against each other, where one of them has to be large if
 * the others are small: along the lower envelope of all placements, step by step of the largest load, each step halved where the
 * time is least so far.
 *
 * @returns Peaks of which every placement has those of one at least.
 */
export async function provePeaks(options: PeakOptions): Promise<CountedPeaks[]> {
  const { prover, load, leastCopies, leastNs, deadline, numChiplets } = options;
  const meanLoad = sum(load) / numChiplets;
  const meanTokens = leastCopies / numChiplets;
  let enoughNs = leastNs(peaksOf(options.incumbent, load));
  const worthAt = (at: number) =>
    Math.floor(
      leastWhere((tokens) => leastNs({ load: at, tokens, copies: leastCopies }) >= enoughNs, {
        from: meanTokens,
        to: sum(load),
      }),
    );
  const top = leastWhere((at) => leastNs({ load: at, tokens: meanTokens, copies: leastCopies }) >= enoughNs, {
    from: meanLoad,
    to: sum(load),
  });
  const worth = worthAt(meanLoad);
  const copies = Math.max(leastCopies, await prover.leastCopies({ load: top, tokens: worth }));
  const timed = (step: Step) => ({ ...step, ns: leastNs(inside(step)) });
  let steps = [timed({ from: meanLoad, to: top, tokens: Math.floor(meanTokens), copies, worth })];
  for (let proof = 0; proof < options.mostProofs && performance.now() < deadline; proof++) {
    const weakest = steps.reduce((a, b) => (b.ns < a.ns ? b : a));
    const { from, to, tokens: low, worth } = weakest;
    if (weakest.ns >= enoughNs || to - from < LOAD_PRECISION * meanLoad) break;
    const middle = (from + to) / 2;
    const tokens = await prover.mostImpossible(middle, { low, high: worth });
    const copies = await prover.leastCopies({ load: middle, tokens: worth });
    const right = timed({ ...weakest, from: middle, worth: Math.min(worth, worthAt(middle)) });
    const left = timed({ ...weakest, to: middle, tokens, copies: Math.max(copies, weakest.copies) });
    steps = steps.flatMap((step) => (step === weakest ? [left, right] : [step]));
    const filled = await options.fill(middle, { none: tokens, worth: right.worth });
    if (filled !== undefined) enoughNs = Math.min(enoughNs, leastNs(peaksOf(filled, load)));
  }
  const beyond = { load: top, tokens: meanTokens, copies: leastCopies };
  const some = steps.filter(({ copies, worth }) => copies <= numChiplets * worth);
  return [...some.map(inside), ...steps.map((step) => above(step, leastCopies)), beyond];
}

function inside({ from, tokens, copies }: Step): CountedPeaks {
  return { load: from, tokens, copies };
}

function above({ from, worth }: Step, leastCopies: number): CountedPeaks {
  return { load: from, tokens: worth, copies: leastCopies };
}

/** Those of a placement. */
export function peaksOf(columns: readonly Column[], load: Float64Array): CountedPeaks {
  return {
    load: largest(columns.map((column) => loadOf(column, load))),
    tokens: largest(columns.map(({ tokens }) => tokens)),
    copies: sum(columns.map(({ tokens }) => tokens)),
  };
}

/** The least value from which on something holds; `to` where it does not. */
function leastWhere(holds: (value: number) => boolean, { from, to }: { from: number; to: number }): number {
  let [low, high] = [from, to];
  while (high - low > VALUE_PRECISION * from) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
