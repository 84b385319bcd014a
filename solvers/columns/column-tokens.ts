import { startKernel } from "../../lib/kernels/kernel.js";
import { MemoryPlan } from "../../lib/kernels/memory-plan.js";
import { indexPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import { lanesOf, writeRows } from "../../lib/trace/pattern-rows.js";

/** A column under change, empty at first, and the tokens that each expert would add to it. */
export interface ColumnTokens {
  /** Tokens of each expert that have no expert of the column. Shape [numExperts] at least. */
  readonly adds: Int32Array;
  /** Puts an expert into the column. Time O(tokens of the expert, and topK for each that it adds). */
  readonly insert: (expert: number) => void;
  /** Takes an expert of the column out of it. */
  readonly remove: (expert: number) => void;
}

/** The functions of kernels/column-tokens.ts; addresses are in bytes. */
interface ColumnTokensKernel {
  readonly configure: (...sizesAndAddresses: readonly number[]) => void;
  readonly insert: (expert: number) => void;
  readonly remove: (expert: number) => void;
}

/** A column whose tables a kernel keeps; undefined where there are no kernels. */
export function vectorColumnTokens(patterns: TokenPatterns): ColumnTokens | undefined {
  const { numExperts, numPatterns } = patterns;
  const index = indexPatterns(patterns);
  const lanes = lanesOf(patterns);
  const plan = new MemoryPlan();
  const at = {
    rows: plan.take(numPatterns * lanes, 2),
    counts: plan.take(numPatterns, 4),
    starts: plan.take(numExperts + 1, 4),
    index: plan.take(index.patterns.length, 4),
    pinCounts: plan.take(numPatterns, 2),
    adds: plan.take(numExperts + 1, 4),
  };
  const kernel = startKernel("column-tokens", plan.numBytes);
  if (!kernel) return undefined;
  const { buffer } = kernel;
  const { configure, insert, remove } = kernel.exports as ColumnTokensKernel;
  writeRows(new Uint16Array(buffer, at.rows, numPatterns * lanes), patterns, {
    lanes,
    stride: lanes,
    unused: numExperts,
  });
  new Uint32Array(buffer, at.counts).set(patterns.counts);
  new Uint32Array(buffer, at.starts).set(index.offsets);
  new Uint32Array(buffer, at.index).set(index.patterns);
  configure(lanes, at.rows, at.counts, at.starts, at.index, at.pinCounts, at.adds);
  const adds = new Int32Array(buffer, at.adds, numExperts + 1);
  adds.set(loadsOf(patterns));
  return { adds, insert, remove };
}

/** The same without kernels. */
export function plainColumnTokens(patterns: TokenPatterns): ColumnTokens {
  const { offsets, experts, counts } = patterns;
  const index = indexPatterns(patterns);
  /** Pin count of the column in each pattern: how many of its experts the pattern has. */
  const pinCounts = new Uint16Array(patterns.numPatterns);
  const adds = loadsOf(patterns);
  return {
    adds,
    insert(expert) {
      for (let at = index.offsets[expert]; at < index.offsets[expert + 1]; at++) {
        const pattern = index.patterns[at];
        if (pinCounts[pattern]++ > 0) continue;
        for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
          adds[experts[place]] -= counts[pattern];
      }
    },
    remove(expert) {
      for (let at = index.offsets[expert]; at < index.offsets[expert + 1]; at++) {
        const pattern = index.patterns[at];
        if (--pinCounts[pattern] > 0) continue;
        for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
          adds[experts[place]] += counts[pattern];
      }
    },
  };
}

/** Tokens of every expert: all that it adds to an empty column. Shape [numExperts]. */
function loadsOf({ numExperts, numPatterns, offsets, experts, counts }: TokenPatterns): Int32Array {
  const loads = new Int32Array(numExperts);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
      loads[experts[place]] += counts[pattern];
  }
  return loads;
}
