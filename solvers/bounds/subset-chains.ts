import { BOUND_MARGIN, TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import type { Multipliers } from "../columns/multipliers.js";
import { countSubsets } from "../columns/subset-costs.js";
import type { SetChain } from "./set-chain.js";
import { SetTable } from "./set-table.js";
import { LARGEST, type SubsetWeights } from "./subset-weights.js";
import { plainTokenCounter, vectorTokenCounter, type TokenCounter } from "./token-counter.js";
import { listTripleStarts } from "./triple-starts.js";

/** Receives a column, ascending and without idle experts; answers true to end the enumeration. */
export type OnEnumeratedColumn = (
  experts: number[],
  tokens: number,
  reducedCost: number,
) => boolean | undefined;

/** Options of {@link openChains}. */
export interface ChainOptions {
  /** Of the same tokens as the weights. It is used by the chains opened last. */
  readonly chain: SetChain;
  readonly multipliers: Multipliers;
  /** No enumeration has a larger limit. */
  readonly largestLimit: number;
}

/** What an enumeration may cost, and what it looks for. */
export interface EnumerationOptions {
  /** Largest reduced cost of the columns that are wanted. */
  readonly limit: number;
  /** Sets that are looked into at most. */
  readonly mostSets: number;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/** How an enumeration went. */
export interface Enumeration {
  /** Whether no column was missed; false where the caller or the budget ended it. */
  readonly isComplete: boolean;
  /** Sets looked into. */
  readonly numSets: number;
}

/** Sets met on some of the chains. */
export interface ChainSample {
  /** Without idle experts; `size` counts these too. */
  readonly sets: readonly { experts: readonly number[]; size: number }[];
  /** About how many sets an enumeration would look into. */
  readonly numSetsExpected: number;
}

/** All chains of subsets under some multipliers. */
export interface SubsetChains {
  /** Visits every column of reduced cost at most `limit`. */
  enumerate(options: EnumerationOptions, visit: OnEnumeratedColumn): Enumeration;
  /** Follows the chains from `numStarts` of the triples, spread evenly, for `setsAStart` sets each at most. */
  sample(options: { limit: number; numStarts: number; setsAStart: number }): ChainSample;
}

/** The clock is read once in so many sets. */
const SETS_A_READING = 1024;

/**
 * Finds every column of up to `slots` experts whose reduced cost is at most a limit, without looking at all columns.
 *
 * The reduced cost of a column S is at least R(S), the weights of its subsets less its multipliers (see
 * {@link SubsetWeights}). For a set C of k experts let R(C) be the sum over its subsets B of j experts, each j times
 *
 *   comb(slots, j) / comb(k, j).
 *
 * That is the mean of what its subsets of four amount to, so R(S) is the mean of R over the subsets of S with one expert
 * less: one of these has no larger R. So each column wanted ends a chain of sets, from four experts up, one expert more each
 * time, none of which has R above the limit. Such sets are few where multipliers are near the optimum, because
 * columns of a better placement are few and four experts that do not belong together cost far more than they pay.
 *
 * Chains begin with triples (see {@link listTripleStarts}); from each a depth-first search extends, and never enters a
 * set of four or more twice. Time for a set O(numExperts + entries of the rows of comb(k, 2) subsets).
 */
export function openChains(
  weights: SubsetWeights,
  { chain, multipliers, largestLimit }: ChainOptions,
): SubsetChains {
  const { patterns, numExperts: n } = weights.subsets;
  const numReal = patterns.numExperts;
  const own = weights.ofExperts.map((weight, expert) => weight - (multipliers.expert[expert] ?? 0));
  // The chiplet multiplier is no matter of subsets. Sums are rounded: rather a set too many than one too few.
  const mostOf = (limit: number) =>
    limit + multipliers.chiplet + TOKEN_ROUNDING + BOUND_MARGIN * patterns.numTokens;
  const { slots, members, isMember, listed, hashes, codes } = chain;
  const starts = listTripleStarts(weights, { own, slots, most: mostOf(largestLimit) });
  const factors = Array.from({ length: slots + 1 }, (_, size) => factorsOf(size, slots));
  chain.load(weights, own);
  let counter: TokenCounter | undefined;

  /** Makes the search that extends the set at hand by all chains below `most`; it answers whether it came to an end. */
  const createExtension = (most: number, { isSpent, onSet, onColumn }: Walk): (() => boolean) => {
    const known = Array.from({ length: slots + 1 }, (_, size) => new SetTable(size));
    const extend = (): boolean => {
      const { size } = chain;
      const found = listed[size];
      const numFound = chain.list(factors[size + 1], most);
      const hash = hashes[size];
      let nextIdle = numReal;
      for (let at = 0; at < size; at++) if (members[at] >= numReal) nextIdle++;
      const end = Math.min(n, nextIdle + 1);
      const table = known[size + 1];
      for (let at = 0; at < numFound; at++) {
        const expert = found[at];
        if (expert >= end) break;
        // Idle experts are all alike: they come in the order of their numbers.
        if (isMember[expert] === 1 || (expert >= numReal && expert !== nextIdle)) continue;
        if (!table.add(members, expert, { isMember, hash: (hash + codes[expert]) | 0 })) continue;
        if (isSpent()) return false;
        onSet?.(expert);
        if (size + 1 === slots) {
          if (onColumn(expert)) return false;
          continue;
        }
        chain.push(expert);
        const ended = extend();
        chain.pop();
        if (!ended) return false;
      }
      return true;
    };
    return extend;
  };
  /** Makes the triple at a place of the list the set at hand; most share their first experts with the one before. */
  const begin = (start: number) => {
    let shared = 0;
    while (shared < chain.size && members[shared] === starts.experts[3 * start + shared]) shared++;
    while (chain.size > shared) chain.pop();
    for (let at = shared; at < 3; at++) chain.push(starts.experts[3 * start + at]);
  };
  const realMembers = (last: number) =>
    [...members.subarray(0, chain.size), last].filter((expert) => expert < numReal);

  return {
    enumerate({ limit, mostSets, deadline }, visit) {
      const most = mostOf(limit);
      counter ??= vectorTokenCounter(patterns) ?? plainTokenCounter(patterns);
      const tokensOf = counter;
      let counted = -1;
      let numSets = 0;
      const extend = createExtension(most, {
        isSpent: () =>
          ++numSets > mostSets || (numSets % SETS_A_READING === 0 && performance.now() >= deadline),
        onColumn(last) {
          // Columns that differ in their last expert follow each other: their tokens are counted on from the others'.
          if (counted !== chain.pushes) tokensOf.begin(members.subarray(0, chain.size));
          counted = chain.pushes;
          const tokens = tokensOf.countWith(last);
          const experts = realMembers(last).sort((a, b) => a - b);
          const reducedCost = experts.reduce(
            (cost, expert) => cost - multipliers.expert[expert],
            tokens - multipliers.chiplet,
          );
          return reducedCost <= limit && experts.length > 0 && visit(experts, tokens, reducedCost) === true;
        },
      });
      for (let start = 0; start < starts.length; start++) {
        if (starts.values[start] > most) continue;
        begin(start);
        if (!extend()) return { isComplete: false, numSets };
      }
      return { isComplete: true, numSets };
    },
    sample({ limit, numStarts, setsAStart }) {
      const most = mostOf(limit);
      const sets: { experts: number[]; size: number }[] = [];
      let numHere = 0;
      const extend = createExtension(most, {
        isSpent: () => ++numHere > setsAStart,
        onSet(last) {
          sets.push({ experts: realMembers(last), size: chain.size + 1 });
        },
        onColumn: () => false,
      });
      const below = [];
      for (let start = 0; start < starts.length; start++) if (starts.values[start] <= most) below.push(start);
      const step = Math.max(1, below.length / numStarts);
      let numTaken = 0;
      for (let at = 0; at < below.length; at += step) {
        begin(below[Math.floor(at)]);
        numHere = 0;
        numTaken++;
        extend();
        while (chain.size > 3) chain.pop();
      }
      return { sets, numSetsExpected: numTaken === 0 ? 0 : (sets.length * below.length) / numTaken };
    },
  };
}

/** What a depth-first search asks and tells. */
interface Walk {
  /** Called once a set; true to end. */
  readonly isSpent: () => boolean;
  /** Told of each new set: the one at hand and another expert. */
  readonly onSet?: (last: number) => void;
  /** Told of a full chiplet: the set at hand and its last expert; true to end. */
  readonly onColumn: (last: number) => boolean;
}

/** What a subset of j experts counts in a set of `size`, by j. */
function factorsOf(size: number, slots: number): readonly number[] {
  return Array.from({ length: LARGEST + 1 }, (_, j) => {
    return j > size || j === 0 ? 0 : countSubsets(slots, j) / countSubsets(size, j);
  });
}
