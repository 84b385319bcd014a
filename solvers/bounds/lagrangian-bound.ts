import { expertsOfChiplets } from "../../lib/placement/placement.js";
import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { indexSubsets } from "./subset-index.js";
import { createAscent } from "./multipliers.js";
import { costSharesOf, createShares, type Shares } from "./cost-shares.js";
import { countSubsets } from "../columns/subset-costs.js";

/** Sets of experts that are priced at most as one: larger sets are too many, or worth little more. */
const LARGEST_SET = 4;
const ITERATIONS = 120;
/** The shares are renewed every so many iterations, and count so much against those before. */
const RENEWAL = 5;
const FRESH_SHARES = 0.25;
/** Weight of a good placement against chance in the first shares. */
const SEATED_AT_FIRST = 0.9;
/** What rounding may cost the truth of a bound is given away, in parts of the tokens. */
const GIVEN_AWAY = 1e-9;

/** What a bound is proved on: limits, pins and separations only raise the cost. */
export interface BoundModel {
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly slotsPerChiplet: number;
}

/** Options of {@link subsetBound}. */
export interface SubsetBoundOptions {
  /** Chiplet of every expert in a good placement: where to begin, of no weight for the truth. Shape [numExperts]. */
  readonly chipletOf: ArrayLike<number>;
  /** Sets of experts that are priced at most; the more, the larger the sets and the better the bound. */
  readonly mostSubsets: number;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/**
 * Proves that every placement costs at least so many tokens, at any number of slots, without enumerating columns.
 *
 * A token with j experts on a chiplet visits it once, so each of the j owes 1 / j of the visit: cost is the sum over
 * experts e and tokens of e of 1 / (1 + n), n the partners of e on its chiplet that the token chose too. Polynomials of
 * n that are nowhere above 1 / (1 + n) are linear in which sets B of up to L experts sit together, and a placement is
 * described by which sets A of exactly L do: with s experts on every chiplet (idle ones fill it up),
 *
 *   B sits together in comb(s - |B|, L - |B|) sets A, or in none,
 *
 * for an expert, |B| = 1, always. So cost >= constant + sum over A of w(A) y(A), y(A) in {0, 1}, where w(A) sums over
 * the subsets of A, and for any prices u of experts and v >= 0 of pairs
 *
 *   bound = constant + comb(s - 1, L - 1) sum of u - comb(s - 2, L - 2) sum of v
 *           + sum over A of min(0, w(A) - sum of u in A + sum of v in A).
 *
 * Polynomials and prices may be anything without the bound losing its truth; they are improved by gradient steps whose
 * sizes adapt to each price, from a good placement. With L = s this is the LP of set partitioning. With L = 2 pairs alone
 * are priced; the larger the sets, the more it matters that partners of partners are partners. What each L is worth:
 * docs/decisions/bounds.md. Time O(120 * comb(numExperts, L) + 24 * numPatterns * comb(topK, L)).
 *
 * @returns In tokens, summed over chiplets, rounded down by a billionth of the tokens.
 *
 * @example
 * subsetBound(problem, { chipletOf, mostSubsets: 3e6, deadline: Infinity }) / numTokens; // C_T is at least this
 */
export function subsetBound(
  { patterns, numChiplets, slotsPerChiplet }: BoundModel,
  { chipletOf, mostSubsets, deadline }: SubsetBoundOptions,
): number {
  const { numExperts } = patterns;
  const slots = Math.min(slotsPerChiplet, numExperts);
  // With one expert a chiplet no visit is shared; with all of them on one every token visits it.
  if (slots === 1) return countPins(patterns);
  if (slots === numExperts) return patterns.numTokens;
  const numSeats = numChiplets * slots;
  let size = Math.min(LARGEST_SET, slots);
  while (size > 2 && countSubsets(numSeats, size) > mostSubsets) size--;
  const index = indexSubsets(numSeats, size);
  const shares = createShares(patterns, { index, slots });
  seatAtFirst(shares, { chipletOf, numChiplets, slots });
  shares.renew(1);
  const improve = createAscent({ index, shares, owed: costSharesOf(patterns, chipletOf) });
  let best = patterns.numTokens;
  for (let iteration = 0; iteration < ITERATIONS && performance.now() < deadline; iteration++) {
    if (iteration > 0 && iteration % RENEWAL === 0) shares.renew(FRESH_SHARES);
    best = Math.max(best, improve(iteration / ITERATIONS));
  }
  return best - GIVEN_AWAY * patterns.numTokens;
}

/** Seats the columns of a placement, filled up with idle experts. */
function seatAtFirst(
  shares: Shares,
  { chipletOf, numChiplets, slots }: { chipletOf: ArrayLike<number>; numChiplets: number; slots: number },
): void {
  const columns = expertsOfChiplets(chipletOf, numChiplets).map((experts) => [...experts]);
  let idle = chipletOf.length;
  for (const experts of columns) while (experts.length < slots) experts.push(idle++);
  shares.fadeSeats(1 - SEATED_AT_FIRST);
  for (const experts of columns) shares.seatChiplet(experts, SEATED_AT_FIRST);
}

/** Experts of all tokens together. */
function countPins({ offsets, counts }: TokenPatterns): number {
  return counts.reduce((sum, count, pattern) => sum + count * (offsets[pattern + 1] - offsets[pattern]), 0);
}
