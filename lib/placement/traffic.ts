import type { TokenPatterns } from "../token-patterns.js";
import type { Chiplets } from "./placement.js";

/**
 * What a seating makes of a layer's tokens: all that evaluation, performance model and schedule need of it.
 *
 * Counts are of the tokens given; a model of a batch of B tokens scales them by B / numTokens.
 */
export interface LayerTraffic {
  readonly numTokens: number;
  readonly numChiplets: number;
  readonly chipletsPerGroup: number;
  /** Token-expert pairs served by each chiplet. Shape [numChiplets]. */
  readonly chipletLoad: Float64Array;
  /** Distinct tokens that visit each chiplet; their sum / numTokens is C_T. Shape [numChiplets]. */
  readonly chipletTokens: Float64Array;
  /** Distinct tokens that visit each chiplet group; their sum / numTokens is C_G. Shape [numGroups]. */
  readonly groupTokens: Float64Array;
  /** Token-expert pairs of every expert on every chiplet, parallel to the seating. */
  readonly expertLoad: readonly (readonly number[])[];
}

/**
 * Counts the traffic of a seating without replicas. Time O(sum of pattern widths).
 *
 * @param chipletsPerGroup Chiplets c of group floor(c / chipletsPerGroup) sit behind one switch.
 *
 * @example
 * const traffic = countTraffic(patterns, [[0, 1], [2, 3]], 1);
 * traffic.chipletTokens[0]; // tokens with expert 0 or 1
 */
export function countTraffic(
  patterns: TokenPatterns,
  chiplets: Chiplets,
  chipletsPerGroup: number,
): LayerTraffic {
  const { numExperts, numPatterns, offsets, experts, counts, numTokens } = patterns;
  const numChiplets = chiplets.length;
  const numGroups = Math.ceil(numChiplets / chipletsPerGroup);
  const homeOf = new Int32Array(numExperts).fill(-1);
  chiplets.forEach((seated, chiplet) => {
    for (const expert of seated) homeOf[expert] = chiplet;
  });
  const load = new Float64Array(numExperts);
  const chipletTokens = new Float64Array(numChiplets);
  const groupTokens = new Float64Array(numGroups);
  const chipletSeenIn = new Int32Array(numChiplets).fill(-1);
  const groupSeenIn = new Int32Array(numGroups).fill(-1);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const count = counts[pattern];
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      load[experts[place]] += count;
      const chiplet = homeOf[experts[place]];
      if (chipletSeenIn[chiplet] === pattern) continue;
      chipletSeenIn[chiplet] = pattern;
      chipletTokens[chiplet] += count;
      const group = Math.floor(chiplet / chipletsPerGroup);
      if (groupSeenIn[group] === pattern) continue;
      groupSeenIn[group] = pattern;
      groupTokens[group] += count;
    }
  }
  const expertLoad = chiplets.map((seated) => seated.map((expert) => load[expert]));
  return {
    numTokens,
    numChiplets,
    chipletsPerGroup,
    chipletLoad: Float64Array.from(expertLoad, (loads) => loads.reduce((sum, one) => sum + one, 0)),
    chipletTokens,
    groupTokens,
    expertLoad,
  };
}
