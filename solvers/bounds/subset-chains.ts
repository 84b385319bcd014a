import { BOUND_MARGIN, TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { indexPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import type { Multipliers } from "../columns/multipliers.js";
import { countSubsets } from "../columns/subset-costs.js";
import { FIRST, SetChain } from "./set-chain.js";
import { SetTable } from "./set-table.js";
import type { SubsetWeights } from "./subset-weights.js";
import { addRow } from "./token-subsets.js";

/** Receives a column, ascending and without idle experts; answers true to end the enumeration. */
export type OnEnumeratedColumn = (
  experts: number[],
  tokens: number,
  reducedCost: number,
) => boolean | undefined;

/** Options of {@link enumerateColumns}. */
export interface EnumerationOptions {
  readonly slots: number;
  readonly multipliers: Multipliers;
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
 * Sets of four are all looked at, comb(numExperts, 4) at two operations each; from each below the limit a depth-first
 * search extends, and never enters a set twice. Time for a set O(numExperts + entries of the rows of comb(k, 2) subsets).
 *
 */
export function enumerateColumns(
  weights: SubsetWeights,
  { slots, multipliers, limit, mostSets, deadline }: EnumerationOptions,
  visit: OnEnumeratedColumn,
): Enumeration {
  const { patterns, numExperts: n } = weights.subsets;
  const numReal = patterns.numExperts;
  const own = weights.ofExperts.map((weight, expert) => weight - (multipliers.expert[expert] ?? 0));
  // The chiplet multiplier is no matter of subsets. Sums are rounded: rather a set too many than one too few.
  const most = limit + multipliers.chiplet + TOKEN_ROUNDING + BOUND_MARGIN * patterns.numTokens;
  const factors = Array.from({ length: slots + 1 }, (_, size) => factorsOf(size, slots));
  const chain = new SetChain(weights, { own, slots });
  const known = new SetTable(slots);
  const counter = createTokenCounter(patterns);
  let numSets = 0;
  const { members } = chain;
  const isSpent = () =>
    ++numSets > mostSets || (numSets % SETS_A_READING === 0 && performance.now() >= deadline);
  /** Whether to end at the column of the set at hand, whose tokens are counted, and the expert that completes it. */
  const visitColumn = (last: readonly number[]): boolean => {
    const tokens = counter.countWith(last);
    const experts = [...members, ...last].filter((expert) => expert < numReal).sort((a, b) => a - b);
    const reducedCost = experts.reduce(
      (cost, expert) => cost - multipliers.expert[expert],
      tokens - multipliers.chiplet,
    );
    return reducedCost <= limit && experts.length > 0 && visit(experts, tokens, reducedCost) === true;
  };
  /** Whether the search below the set at hand came to an end. */
  const extend = (size: number): boolean => {
    if (size === slots) {
      counter.begin(members);
      return !visitColumn([]);
    }
    let isCounted = false;
    const [, f1, f2, f3, f4] = factors[size + 1];
    const { sums, pairs, triples, quadruples } = chain.levels[size];
    const left = most - f1 * sums[1] - f2 * sums[2] - f3 * sums[3] - f4 * sums[4];
    const nextIdle = numReal + chain.numIdle(numReal);
    for (let expert = 0; expert < n; expert++) {
      const added = f1 * own[expert] + f2 * pairs[expert] + f3 * triples[expert] + f4 * quadruples[expert];
      // Idle experts are all alike: they come in the order of their numbers.
      if (added > left || chain.has(expert) || (expert >= numReal && expert !== nextIdle)) continue;
      if (!known.add(members, size, expert)) continue;
      if (isSpent()) return false;
      if (size + 1 === slots) {
        if (!isCounted) counter.begin(members);
        isCounted = true;
        if (visitColumn([expert])) return false;
        continue;
      }
      chain.push(expert);
      const ended = extend(size + 1);
      chain.pop();
      if (!ended) return false;
    }
    return true;
  };
  const isComplete = findFirstSets(weights, { own, factors: factors[FIRST], most }, (experts) => {
    if (isSpent()) return false;
    // Quadruples come in an order in which most share their first experts with the one before.
    let shared = 0;
    while (shared < members.length && members[shared] === experts[shared]) shared++;
    while (members.length > shared) chain.pop();
    for (const expert of experts.slice(shared)) chain.push(expert);
    return extend(FIRST);
  });
  return { isComplete, numSets };
}

/** What a subset of j experts counts in a set of `size`, by j. */
function factorsOf(size: number, slots: number): readonly number[] {
  return Array.from({ length: FIRST + 1 }, (_, j) => {
    return j > size || j === 0 ? 0 : countSubsets(slots, j) / countSubsets(size, j);
  });
}

/** Calls `visit` for all sets of four, ascending, that amount to no more than `most`, until it answers false. Hot. */
function findFirstSets(
  { subsets, ofPairs, ofTriples, ofQuadruples }: SubsetWeights,
  { own, factors, most }: { own: Float64Array; factors: readonly number[]; most: number },
  visit: (experts: readonly number[]) => boolean,
): boolean {
  const { numExperts: n, patterns } = subsets;
  const numReal = patterns.numExperts;
  const [, f1, f2, f3, f4] = factors;
  const pairs = ofPairs.map((weight) => f2 * weight);
  const triples = ofTriples.map((weight) => f3 * weight);
  const quadruples = ofQuadruples.map((weight) => f4 * weight);
  const alone = own.map((weight) => f1 * weight);
  // What an expert adds to the one, two and three before it.
  const afterOne = new Float64Array(n);
  const afterTwo = new Float64Array(n);
  const afterThree = new Float64Array(n);
  const endAfter = (last: number) => Math.min(n, last < numReal ? numReal + 1 : last + 2);
  for (let a = 0; a < endAfter(-1); a++) {
    for (let expert = 0; expert < n; expert++) afterOne[expert] = alone[expert] + pairs[a * n + expert];
    for (let b = a + 1; b < endAfter(a); b++) {
      for (let expert = b + 1; expert < n; expert++)
        afterTwo[expert] = afterOne[expert] + pairs[b * n + expert];
      addRow(afterTwo, triples, { rows: subsets.ofPairs, row: a * n + b });
      const sumOfTwo = alone[a] + afterOne[b];
      for (let c = b + 1; c < endAfter(b); c++) {
        const end = endAfter(c);
        const left = most - sumOfTwo - afterTwo[c];
        for (let expert = c + 1; expert < end; expert++)
          afterThree[expert] = afterTwo[expert] + pairs[c * n + expert];
        addRow(afterThree, triples, { rows: subsets.ofPairs, row: a * n + c });
        addRow(afterThree, triples, { rows: subsets.ofPairs, row: b * n + c });
        const triple = subsets.tripleOf(a, b, c);
        if (triple >= 0) addRow(afterThree, quadruples, { rows: subsets.ofTriples, row: triple });
        for (let d = c + 1; d < end; d++) {
          if (afterThree[d] <= left && !visit([a, b, c, d])) return false;
        }
      }
    }
  }
  return true;
}

/** Counts the tokens of columns that differ in their last experts. */
interface TokenCounter {
  /** Counts the tokens of the experts that the columns have in common; idle experts have none. */
  begin(experts: readonly number[]): void;
  /** Tokens of these and one expert, or none, more. */
  countWith(last: readonly number[]): number;
}

function createTokenCounter(patterns: TokenPatterns): TokenCounter {
  const { offsets, patterns: all } = indexPatterns(patterns);
  const { counts, numExperts } = patterns;
  const seenAt = new Int32Array(patterns.numPatterns);
  let call = 0;
  let begun = 0;
  return {
    begin(experts) {
      call++;
      begun = 0;
      for (const expert of experts) {
        if (expert >= numExperts) continue;
        for (let at = offsets[expert]; at < offsets[expert + 1]; at++) {
          const pattern = all[at];
          if (seenAt[pattern] === call) continue;
          seenAt[pattern] = call;
          begun += counts[pattern];
        }
      }
    },
    countWith(last) {
      let tokens = begun;
      for (const expert of last) {
        if (expert >= numExperts) continue;
        for (let at = offsets[expert]; at < offsets[expert + 1]; at++) {
          if (seenAt[all[at]] !== call) tokens += counts[all[at]];
        }
      }
      return tokens;
    },
  };
}
