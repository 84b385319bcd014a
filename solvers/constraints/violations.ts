import type { PlacementProblem } from "../../lib/placement/problem.js";
import { indexPatterns } from "../../lib/trace/token-patterns.js";

/**
 * Measures how far sets of experts are above the limits of a chiplet or of a chiplet group.
 *
 * Excess is relative to the limit, so that excesses of different kinds add up; 0 where all limits hold. Sets are
 * measured from scratch: O(size) for loads, bytes and separations, O(tokens of the set) for link tokens.
 */
export interface LimitGauge {
  chipletExcess(experts: readonly number[]): number;
  groupExcess(experts: readonly number[]): number;
}

/** Makes the gauge of a problem. */
export function createLimitGauge(problem: PlacementProblem): LimitGauge {
  const { limits, load, expertBytes, apart } = problem;
  const tokensOf = createTokenCounter(problem);
  const sum = (values: Float64Array, experts: readonly number[]) =>
    experts.reduce((total, expert) => total + values[expert], 0);
  const memberships = apart.map((experts) => new Set(experts));
  const together = (experts: readonly number[]) =>
    memberships.reduce(
      (pairs, members) => pairs + Math.max(0, experts.filter((expert) => members.has(expert)).length - 1),
      0,
    );
  return {
    chipletExcess: (experts) =>
      together(experts) +
      excess(() => sum(load, experts), limits.chipletLoad) +
      excess(() => tokensOf(experts), limits.chipletTokens),
    groupExcess: (experts) =>
      excess(() => sum(expertBytes, experts), limits.groupBytes) +
      excess(() => tokensOf(experts), limits.groupTokens),
  };
}

/** Counts the tokens that chose at least one expert of a set. Time O(tokens of the set). */
export function createTokenCounter({ patterns }: PlacementProblem): (experts: readonly number[]) => number {
  const index = indexPatterns(patterns);
  const countedIn = new Uint32Array(patterns.numPatterns);
  let call = 0;
  return (experts) => {
    call++;
    let tokens = 0;
    for (const expert of experts) {
      for (let place = index.offsets[expert]; place < index.offsets[expert + 1]; place++) {
        const pattern = index.patterns[place];
        if (countedIn[pattern] === call) continue;
        countedIn[pattern] = call;
        tokens += patterns.counts[pattern];
      }
    }
    return tokens;
  };
}

function excess(found: () => number, limit: number): number {
  if (limit === Infinity) return 0;
  // Sums in another order may end a rounding error apart; the verifier allows as much.
  const above = found() - limit * (1 + 1e-12);
  return above > 0 ? above / Math.max(limit, 1e-9) : 0;
}
