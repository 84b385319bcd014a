import { startKernel } from "../../lib/kernels/kernel.js";
import { MemoryPlan } from "../../lib/kernels/memory-plan.js";
import { indexPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";

/** Counts the tokens of columns that differ in their last experts. */
export interface TokenCounter {
  /** Takes the experts that the columns have in common; idle experts have no tokens. */
  begin(experts: Uint16Array): void;
  /** Tokens of these and one expert more. Hot. */
  countWith(last: number): number;
}

/** The functions of kernels/token-unions.ts; addresses are in bytes. */
interface TokenUnionsKernel {
  readonly configure: (bytesOfSet: number, rowsAt: number, unionAt: number) => void;
  readonly clear: () => void;
  readonly unite: (expert: number) => void;
  readonly countWith: (expert: number) => number;
}

/** Bytes of the sets of all experts at most; where tokens are so many, columns are few. */
const MOST_BYTES = 2 ** 27;
/** Of a vector. */
const VECTOR_BYTES = 16;

/** A counter by sets of tokens, a bit each, that a kernel keeps; undefined where there are no kernels, or tokens are too many. */
export function vectorTokenCounter(patterns: TokenPatterns): TokenCounter | undefined {
  const { numExperts, numPatterns, numTokens, offsets, experts: all, counts } = patterns;
  const bytesOfSet = Math.ceil(numTokens / 8 / VECTOR_BYTES) * VECTOR_BYTES;
  const plan = new MemoryPlan();
  // Behind all experts the empty set of those that are idle.
  const rowsAt = plan.take(numExperts + 1, bytesOfSet);
  const unionAt = plan.take(1, bytesOfSet);
  const kernel = plan.numBytes <= MOST_BYTES ? startKernel("token-unions", plan.numBytes) : undefined;
  if (!kernel) return undefined;
  const { configure, clear, unite, countWith } = kernel.exports as TokenUnionsKernel;
  configure(bytesOfSet, rowsAt, unionAt);
  const bits = new Uint8Array(kernel.buffer, rowsAt, (numExperts + 1) * bytesOfSet);
  for (let pattern = 0, token = 0; pattern < numPatterns; pattern++) {
    for (const end = token + counts[pattern]; token < end; token++) {
      for (let at = offsets[pattern]; at < offsets[pattern + 1]; at++)
        bits[all[at] * bytesOfSet + (token >> 3)] |= 1 << (token & 7);
    }
  }
  return {
    begin(experts) {
      clear();
      for (const expert of experts) if (expert < numExperts) unite(expert);
    },
    countWith: (last) => countWith(Math.min(last, numExperts)),
  };
}

/** The same without kernels. */
export function plainTokenCounter(patterns: TokenPatterns): TokenCounter {
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
      if (last >= numExperts) return begun;
      let tokens = begun;
      for (let at = offsets[last]; at < offsets[last + 1]; at++) {
        if (seenAt[all[at]] !== call) tokens += counts[all[at]];
      }
      return tokens;
    },
  };
}
