import type { TokenPatterns } from "../trace/token-patterns.js";

/**
 * Counts token copies: the sum over tokens of the number of distinct blocks that a token's experts sit on.
 *
 * With chiplets as blocks, tokenCopies / tokens is the token replication C_T; with chiplet groups, C_G. An exact
 * integer, so costs of placements compare exactly. Time O(experts + sum of pattern widths).
 * Source: Mozart (arXiv:2603.07006), section 3; in hypergraph terms tokenCopies = tokens + (connectivity - 1).
 *
 * @param blockOf Block of every expert, in [0, 65536). Shape [numExperts].
 *
 * @example
 * countTokenCopies(patterns, chipletOfExperts([[0, 1], [2, 3]], 4)) / patterns.numTokens; // 1.25, C_T
 */
export function countTokenCopies(patterns: TokenPatterns, blockOf: ArrayLike<number>): number {
  const { numPatterns, offsets, experts, counts } = patterns;
  let numBlocks = 0;
  for (let expert = 0; expert < blockOf.length; expert++)
    numBlocks = Math.max(numBlocks, blockOf[expert] + 1);
  const seenIn = new Int32Array(numBlocks).fill(-1);
  let tokenCopies = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const block = blockOf[experts[place]];
      if (seenIn[block] === pattern) continue;
      seenIn[block] = pattern;
      tokenCopies += counts[pattern];
    }
  }
  return tokenCopies;
}

/**
 * Mean number of distinct blocks per token where every token draws its k experts uniformly and blocks are equal.
 *
 * C_T = M * (1 - comb(E - E/M, k) / comb(E, k)): a free exact check of the metric on random traces.
 * Source: Mozart (arXiv:2603.07006), section 3; derived, not printed there.
 * E is to be a multiple of the M blocks for the formula to be exact.
 *
 * @example
 * uniformReplication({ numExperts: 64, topK: 6, numBlocks: 16 }); // 5.316
 */
export function uniformReplication(shape: { numExperts: number; topK: number; numBlocks: number }): number {
  const { numExperts, topK, numBlocks } = shape;
  let missed = 1;
  for (let pick = 0; pick < topK; pick++) {
    missed *= Math.max(0, numExperts - numExperts / numBlocks - pick) / (numExperts - pick);
  }
  return numBlocks * (1 - missed);
}
