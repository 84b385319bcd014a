import type { TokenPatterns } from "../trace/token-patterns.js";

/** Pairs of all patterns up to which each pattern has a slope; where they are more, patterns even each other out, and all have one. */
const MOST_PAIRS = 600_000;

/** Patterns that have one slope. */
interface Kind {
  readonly tokens: number;
  /** How many of the tokens chose so many experts. */
  readonly widths: readonly { readonly width: number; readonly tokens: number }[];
  /** Pairs of experts that they chose, first * numExperts + second, the first below the second. */
  readonly pairs: Int32Array;
  /** Tokens that chose each pair. */
  readonly counts: Float64Array;
}

/**
 * Tokens told by lines: a token that visits l groups has pairs of its experts inside them, no fewer than where they are spread evenly,
 * so that for any slope s >= 0
 *
 *   l >= min over l of (l + s even(l)) - s pairs inside.
 *
 * Whatever the slopes, a bound on groups is true; which are best depends on which pairs are inside.
 */
export class PairSlopes {
  readonly slopes: Float64Array;
  /** Of every slope, by how much the bound of the last call rises with it for each of its tokens, as far as tokens' own lines go. */
  readonly rises: Float64Array;
  readonly #kinds: readonly Kind[];
  readonly #evenPairs: readonly (readonly number[])[];

  /** @param numGroups That there are. */
  constructor(patterns: TokenPatterns, numGroups: number) {
    this.#kinds = countPairs(patterns) <= MOST_PAIRS ? ownKinds(patterns) : [commonKind(patterns)];
    const widest = this.#kinds.reduce(
      (most, { widths }) => widths.reduce((wide, { width }) => Math.max(wide, width), most),
      0,
    );
    this.#evenPairs = Array.from({ length: widest + 1 }, (_, width) => evenPairs(width, numGroups));
    this.slopes = new Float64Array(this.#kinds.length).fill(1 / 4);
    this.rises = new Float64Array(this.#kinds.length);
  }

  /** Writes what a pair inside takes from the bound. Shape [numExperts, numExperts], above the diagonal. */
  writePrices(prices: Float64Array): void {
    prices.fill(0);
    this.#kinds.forEach(({ pairs, counts }, kind) => {
      const slope = this.slopes[kind];
      for (let at = 0; at < pairs.length; at++) prices[pairs[at]] += slope * counts[at];
    });
  }

  /** What tokens visit at least before pairs are taken off, summed over tokens. */
  visits(): number {
    let visits = 0;
    this.#kinds.forEach(({ tokens, widths }, kind) => {
      let rise = 0;
      for (const of of widths) {
        const even = this.#evenPairs[of.width];
        let least = Infinity;
        let pairs = 0;
        for (let groups = 1; groups <= even.length; groups++) {
          const line = groups + this.slopes[kind] * even[groups - 1];
          if (line >= least) continue;
          least = line;
          pairs = even[groups - 1];
        }
        visits += of.tokens * least;
        rise += of.tokens * pairs;
      }
      this.rises[kind] = rise / tokens;
    });
    return visits;
  }

  /** Takes off the rises what is inside. Shape [numExperts, numExperts], above the diagonal. */
  takeOff(isInside: Float64Array): void {
    this.#kinds.forEach(({ tokens, pairs, counts }, kind) => {
      let inside = 0;
      for (let at = 0; at < pairs.length; at++) inside += isInside[pairs[at]] * counts[at];
      this.rises[kind] -= inside / tokens;
    });
  }
}

function countPairs({ numPatterns, offsets }: TokenPatterns): number {
  let pairs = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const width = offsets[pattern + 1] - offsets[pattern];
    pairs += (width * (width - 1)) / 2;
  }
  return pairs;
}

/** Pairs inside groups where so many experts are spread evenly over 1, 2, ... groups. */
function evenPairs(width: number, numGroups: number): number[] {
  return Array.from({ length: Math.max(1, Math.min(width, numGroups)) }, (_, more) => {
    const each = Math.floor(width / (more + 1));
    const larger = width % (more + 1);
    return (larger * (each + 1) * each + (more + 1 - larger) * each * (each - 1)) / 2;
  });
}

function ownKinds({ numPatterns, numExperts, offsets, experts, counts }: TokenPatterns): Kind[] {
  return Array.from({ length: numPatterns }, (_, pattern) => {
    const chosen = experts.subarray(offsets[pattern], offsets[pattern + 1]);
    const pairs: number[] = [];
    for (let a = 0; a < chosen.length; a++)
      for (let b = a + 1; b < chosen.length; b++) pairs.push(chosen[a] * numExperts + chosen[b]);
    const tokens = counts[pattern];
    return {
      tokens,
      widths: [{ width: chosen.length, tokens }],
      pairs: Int32Array.from(pairs),
      counts: new Float64Array(pairs.length).fill(tokens),
    };
  });
}

function commonKind({ numPatterns, numExperts, numTokens, offsets, experts, counts }: TokenPatterns): Kind {
  const together = new Float64Array(numExperts ** 2);
  const ofWidth: number[] = [];
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const end = offsets[pattern + 1];
    const width = end - offsets[pattern];
    ofWidth[width] = (ofWidth[width] ?? 0) + counts[pattern];
    for (let a = offsets[pattern]; a < end; a++)
      for (let b = a + 1; b < end; b++) together[experts[a] * numExperts + experts[b]] += counts[pattern];
  }
  const pairs = Int32Array.from(together.keys()).filter((pair) => together[pair] > 0);
  return {
    tokens: numTokens,
    widths: ofWidth.flatMap((tokens, width) => [{ width, tokens }]),
    pairs,
    counts: Float64Array.from(pairs, (pair) => together[pair]),
  };
}
