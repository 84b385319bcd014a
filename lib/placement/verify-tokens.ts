import { NO_EXPERT, type LayerTrace } from "../trace/routing-trace.js";
import type { TokenPatterns } from "../trace/token-patterns.js";

/** Tokens that chose the same experts, as the verifier counts them. */
export interface TokenCount {
  /** Ascending. */
  readonly members: readonly number[];
  readonly count: number;
}

/**
 * Counts the tokens of a layer row by row, for the verifier: shares no code with the collector that solvers build on.
 *
 * @example
 * countTokens({ layer: 0, numTokens: 3, experts: Uint16Array.of(2, 0, 1, 3, 0, 2) }, 2);
 * // [{ members: [0, 2], count: 2 }, { members: [1, 3], count: 1 }]
 */
export function countTokens({ numTokens, experts }: LayerTrace, topK: number): TokenCount[] {
  const counts = new Map<string, { members: number[]; count: number }>();
  for (let token = 0; token < numTokens; token++) {
    const members: number[] = [];
    for (let place = 0; place < topK; place++) {
      const expert = experts[token * topK + place];
      if (expert !== NO_EXPERT) members.push(expert);
    }
    members.sort((a, b) => a - b);
    const key = members.join();
    const known = counts.get(key);
    if (known) known.count++;
    else counts.set(key, { members, count: 1 });
  }
  return [...counts.values()];
}

/** The tokens of patterns, where nothing else is at hand. */
export function tokensOfPatterns({ numPatterns, offsets, experts, counts }: TokenPatterns): TokenCount[] {
  return Array.from({ length: numPatterns }, (_, pattern) => ({
    members: [...experts.subarray(offsets[pattern], offsets[pattern + 1])],
    count: counts[pattern],
  }));
}
