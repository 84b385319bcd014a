import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { BOUND_MARGIN } from "../../lib/placement/tolerance.js";
import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { countSubsets } from "../columns/subset-costs.js";
import { CostShares, costSharesOf } from "./cost-shares.js";
import { createAscent } from "./subgradient-ascent.js";
import { indexSubsets } from "./subset-index.js";

/** Experts in the largest subsets: with more, subsets are too many, or worth little more. */
const LARGEST_SUBSET = 4;
const ITERATIONS = 120;
/** The shares are fitted anew every so many iterations, and count so much against those before. */
const REFIT_EVERY = 5;
const FRESH_SHARES = 0.25;
/** Weight of a good placement against chance in the first shares. */
const PLACEMENT_AT_FIRST = 0.9;

/** What a bound is proved on: limits, pins and separations only raise the cost. */
export interface BoundModel {
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly slotsPerChiplet: number;
}

/** Options of {@link lagrangianBound}. */
export interface SubsetBoundOptions {
  /** Chiplet of every expert in a good placement: where to begin, of no weight for the truth. Shape [numExperts]. */
  readonly chipletOf: ArrayLike<number>;
  /** Subsets of experts that are priced at most; the more, the larger the subsets and the better the bound. */
  readonly mostSubsets: number;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/**
 * Proves that every placement costs at least so many tokens, at any number of slots, without enumerating columns.
 *
 * A token with j experts on a chiplet has one copy there, so the cost share of each of the j is 1 / j: the cost is the sum
 * over experts e and tokens of e of 1 / (1 + n), n the partners of e on its chiplet that the token chose too. Polynomials of
 * n that are nowhere above 1 / (1 + n) are linear in which subsets B of up to L experts share a chiplet, and a placement is
 * described by which subsets A of exactly L do: with s experts on every chiplet (idle ones fill it up),
 *
 *   B is in comb(s - |B|, L - |B|) subsets A that share a chiplet, or in none,
 *
 * for an expert, |B| = 1, always. So cost >= constant + sum over A of w(A) y(A), y(A) in {0, 1}, where w(A) sums over
 * the subsets of A. Relaxing these equations with Lagrangian multipliers u of experts and v >= 0 of pairs gives
 *
 *   bound = constant + comb(s - 1, L - 1) sum of u - comb(s - 2, L - 2) sum of v
 *           + sum over A of min(0, w(A) - sum of u in A + sum of v in A).
 *
 * Polynomials and multipliers may be anything without the bound losing its truth; they are improved by subgradient steps
 * from a good placement. With L = s this is the LP of set partitioning. With L = 2 pairs alone are priced; the larger the
 * subsets, the more it matters that partners of partners are partners. What each L is worth: docs/decisions/bounds.md. Time
 * O(120 * comb(numExperts, L) + 24 * numPatterns * comb(topK, L)).
 *
 * @returns In tokens, summed over chiplets, rounded down by a safety margin of a billionth of the tokens.
 *
 * @example
 * lagrangianBound(problem, { chipletOf: [0, 0, 1, 1], mostSubsets: 3e6, deadline: Infinity }); // 4.999999996 copies of 4 tokens
 */
export function lagrangianBound(
  { patterns, numChiplets, slotsPerChiplet }: BoundModel,
  { chipletOf, mostSubsets, deadline }: SubsetBoundOptions,
): number {
  const { numExperts } = patterns;
  const slots = Math.min(slotsPerChiplet, numExperts);
  // With one expert a chiplet no cost is shared; with all of them on one every token has its copy there.
  if (slots === 1) return countPins(patterns);
  if (slots === numExperts) return patterns.numTokens;
  const numSlots = numChiplets * slots;
  let size = Math.min(LARGEST_SUBSET, slots);
  while (size > 2 && countSubsets(numSlots, size) > mostSubsets) size--;
  const index = indexSubsets(numSlots, size);
  const shares = new CostShares(patterns, { index, slots });
  shares.fade(1 - PLACEMENT_AT_FIRST);
  for (const experts of fullChiplets(chipletOf, { numChiplets, slots })) {
    shares.observeChiplet(experts, PLACEMENT_AT_FIRST);
  }
  shares.refit(1);
  const improve = createAscent({ index, shares, costShares: costSharesOf(patterns, chipletOf) });
  let best = patterns.numTokens;
  for (let iteration = 0; iteration < ITERATIONS && performance.now() < deadline; iteration++) {
    if (iteration > 0 && iteration % REFIT_EVERY === 0) shares.refit(FRESH_SHARES);
    best = Math.max(best, improve(iteration / ITERATIONS));
  }
  return best - BOUND_MARGIN * patterns.numTokens;
}

/** The experts of every chiplet, ascending, filled up with idle experts. Shape [numChiplets][slots]. */
function fullChiplets(
  chipletOf: ArrayLike<number>,
  { numChiplets, slots }: { numChiplets: number; slots: number },
): number[][] {
  const chiplets = expertsOfChiplets(chipletOf, numChiplets).map((experts) => [...experts]);
  let idle = chipletOf.length;
  for (const experts of chiplets) while (experts.length < slots) experts.push(idle++);
  return chiplets;
}

/** Experts of all tokens together. */
function countPins({ offsets, counts }: TokenPatterns): number {
  return counts.reduce((sum, count, pattern) => sum + count * (offsets[pattern + 1] - offsets[pattern]), 0);
}
