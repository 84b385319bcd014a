import { startKernel } from "../../lib/kernels/kernel.js";
import { MemoryPlan } from "../../lib/kernels/memory-plan.js";
import { indexPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";

/** Bytes of a vector: sets are as long as whole ones. */
const VECTOR_BYTES = 16;
const VECTOR_BITS = 8 * VECTOR_BYTES;

/** The functions of kernels/token-sets.ts; addresses are in bytes. */
interface TokenSetsKernel extends Loops {
  readonly configure: (...sizesAndAddresses: readonly number[]) => void;
}

/**
 * Sets of tokens as bits, and blocks of such sets: experts on chiplets, and chiplets in chiplet groups.
 *
 * A set has a bit for every pattern, patterns of equal counts next to each other, so that tokens are bits times a count. A block
 * counts for every pattern how many of its sets have it, in binary: the first set is that of all with any, and behind it
 * comes one for each digit. So what a block would have after an exchange is some operations for 128 patterns at a
 * time. Everything lies in one memory, and sets and blocks are told by their addresses in it, in bytes.
 */
export interface TokenSets {
  /** The set of an expert's tokens. */
  readonly ofExpert: (expert: number) => number;
  /** An empty set. */
  readonly none: number;
  /** A block, which is empty at first; also the set of all patterns that any of its sets has. */
  readonly block: (index: number) => number;
  /** Room for a set. */
  readonly spare: (index: number) => number;
  /** Tokens that a block has after a set of it has gone and another has come; they are written to `to`. */
  readonly exchange: (block: number, out: number, into: number, to: number) => number;
  /** Takes a set out of a block, and another one in. */
  readonly change: (block: number, out: number, into: number) => void;
  /** Empties all blocks. */
  readonly clear: () => void;
}

/** How many blocks there are of at most `mostSets` sets each, and spare sets. */
export interface TokenSetsShape {
  readonly numBlocks: number;
  readonly mostSets: number;
  readonly numSpare: number;
}

/** Makes the sets of all experts, and empty blocks. */
export function createTokenSets(patterns: TokenPatterns, shape: TokenSetsShape): TokenSets {
  return vectorTokenSets(patterns, shape) ?? plainTokenSets(patterns, shape);
}

/** Sets on which a kernel works; undefined where there are no kernels. */
export function vectorTokenSets(patterns: TokenPatterns, shape: TokenSetsShape): TokenSets | undefined {
  const layout = layOut(patterns, shape);
  const { at, setBytes, numPlanes, runs } = layout;
  const kernel = startKernel("token-sets", layout.numBytes);
  if (!kernel) return undefined;
  const loops = kernel.exports as TokenSetsKernel;
  new Uint32Array(kernel.buffer, at.runs).set(runs);
  loops.configure(setBytes, numPlanes, at.runs, runs.length / 2);
  return setsIn(new Int32Array(kernel.buffer), { patterns, layout, loops });
}

/** The same without kernels. */
export function plainTokenSets(patterns: TokenPatterns, shape: TokenSetsShape): TokenSets {
  const layout = layOut(patterns, shape);
  const words = new Int32Array(layout.numBytes >>> 2);
  return setsIn(words, { patterns, layout, loops: plainLoops(words, layout) });
}

/** Where everything lies, in bytes, and how large it is. */
interface Layout {
  readonly numBytes: number;
  readonly setBytes: number;
  readonly blockBytes: number;
  readonly numBlocks: number;
  /** Digits of what a block counts. */
  readonly numPlanes: number;
  /** Pairs: tokens that a bit stands for, and where such bits end, in bytes. */
  readonly runs: Uint32Array;
  /** Bit of every pattern. */
  readonly bitOf: Uint32Array;
  readonly at: Readonly<Record<"runs" | "experts" | "none" | "spare" | "blocks", number>>;
}

function layOut(
  { numExperts, numPatterns, offsets, counts }: TokenPatterns,
  { numBlocks, mostSets, numSpare }: TokenSetsShape,
): Layout {
  const { bitOf, runs } = orderByCounts(counts);
  const setBytes = runs.length === 0 ? 0 : runs[runs.length - 1];
  let widest = 1;
  for (let pattern = 0; pattern < numPatterns; pattern++)
    widest = Math.max(widest, offsets[pattern + 1] - offsets[pattern]);
  // No pattern is in more sets of a block than it has experts.
  const numPlanes = Math.ceil(Math.log2(Math.min(mostSets, widest) + 1));
  const blockBytes = (1 + numPlanes) * setBytes;
  const plan = new MemoryPlan();
  const at = {
    runs: plan.take(runs.length, 4),
    experts: plan.take(numExperts * setBytes, 1),
    none: plan.take(setBytes, 1),
    spare: plan.take(numSpare * setBytes, 1),
    blocks: plan.take(numBlocks * blockBytes, 1),
  };
  return { numBytes: plan.numBytes, setBytes, blockBytes, numBlocks, numPlanes, runs, bitOf, at };
}

type Loops = Pick<TokenSets, "exchange" | "change">;

function setsIn(
  words: Int32Array,
  { patterns, layout, loops }: { patterns: TokenPatterns; layout: Layout; loops: Loops },
): TokenSets {
  const { at, setBytes, blockBytes, numBlocks, bitOf } = layout;
  const { offsets, patterns: indexed } = indexPatterns(patterns);
  for (let expert = 0; expert < patterns.numExperts; expert++) {
    const first = (at.experts + expert * setBytes) >>> 2;
    for (let place = offsets[expert]; place < offsets[expert + 1]; place++) {
      const bit = bitOf[indexed[place]];
      words[first + (bit >> 5)] |= 1 << (bit & 31);
    }
  }
  return {
    ofExpert: (expert) => at.experts + expert * setBytes,
    none: at.none,
    block: (block) => at.blocks + block * blockBytes,
    spare: (spare) => at.spare + spare * setBytes,
    exchange: loops.exchange,
    change: loops.change,
    clear: () => words.fill(0, at.blocks >>> 2, (at.blocks + numBlocks * blockBytes) >>> 2),
  };
}

/** The loops of kernels/token-sets.ts, 32 bits at a time. */
function plainLoops(words: Int32Array, { setBytes, numPlanes, runs }: Layout): Loops {
  const numWords = setBytes >>> 2;
  return {
    exchange(block, out, into, to) {
      const first = block >>> 2;
      const planesEnd = first + (numPlanes + 1) * numWords;
      let tokens = 0;
      for (let run = 0, at = 0; run < runs.length; run += 2) {
        let bits = 0;
        for (const end = runs[run + 1] >>> 2; at < end; at++) {
          let twice = 0;
          for (let plane = first + 2 * numWords + at; plane < planesEnd; plane += numWords)
            twice |= words[plane];
          const left = (words[first + at] & ~(words[(out >>> 2) + at] & ~twice)) | words[(into >>> 2) + at];
          words[(to >>> 2) + at] = left;
          bits += countBits(left);
        }
        tokens += bits * runs[run];
      }
      return tokens;
    },
    change(block, out, into) {
      const first = block >>> 2;
      const planesEnd = first + (numPlanes + 1) * numWords;
      for (let at = 0; at < numWords; at++) {
        let borrow = words[(out >>> 2) + at];
        let carry = words[(into >>> 2) + at];
        let any = 0;
        for (let plane = first + numWords + at; plane < planesEnd; plane += numWords) {
          const bits = words[plane];
          const less = bits ^ borrow;
          borrow &= ~bits;
          words[plane] = less ^ carry;
          carry &= less;
          any |= words[plane];
        }
        words[first + at] = any;
      }
    },
  };
}

/** Bits of a word of 32, added up in ever wider fields. */
function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Gives every pattern a bit, patterns of equal counts in whole vectors.
 *
 * @returns `runs`: pairs of a count, and where its bits end, in bytes.
 */
function orderByCounts(counts: Uint32Array): { bitOf: Uint32Array; runs: Uint32Array } {
  const numWith = new Map<number, number>();
  for (const count of counts) numWith.set(count, (numWith.get(count) ?? 0) + 1);
  const next = new Map<number, number>();
  const runs: number[] = [];
  let end = 0;
  for (const [count, numPatterns] of numWith) {
    next.set(count, end);
    end += Math.ceil(numPatterns / VECTOR_BITS) * VECTOR_BITS;
    runs.push(count, end / 8);
  }
  const bitOf = Uint32Array.from(counts, (count) => {
    const bit = next.get(count) ?? 0;
    next.set(count, bit + 1);
    return bit;
  });
  return { bitOf, runs: Uint32Array.from(runs) };
}
