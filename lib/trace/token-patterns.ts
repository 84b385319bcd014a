import { NO_EXPERT, type LayerTrace } from "./routing-trace.js";
import { sum } from "../statistics.js";

/**
 * The distinct expert sets of a layer's tokens, with how many tokens chose each: all that cost depends on.
 *
 * Pattern p consists of `experts[offsets[p]]` to `experts[offsets[p + 1] - 1]`, ascending. As a hypergraph,
 * patterns are weighted nets and experts are vertices. Flat arrays, because every solver walks them often.
 */
export interface TokenPatterns {
  readonly numExperts: number;
  readonly numPatterns: number;
  /** Sum of `counts`. */
  readonly numTokens: number;
  /** Shape [numPatterns + 1]. */
  readonly offsets: Uint32Array;
  /** Shape [offsets[numPatterns]]. */
  readonly experts: Uint16Array;
  /** Tokens with each pattern, at least 1. Shape [numPatterns]. */
  readonly counts: Uint32Array;
}

/**
 * Collects the distinct token patterns of a layer, in order of first appearance.
 *
 * Time and memory O(numTokens * topK).
 *
 * @example
 * const layer = { layer: 0, numTokens: 3, experts: Uint16Array.of(2, 0, 1, 3, 0, 2) };
 * collectPatterns(layer, { topK: 2, numExperts: 4 }).counts; // Uint32Array [2, 1]
 */
export function collectPatterns(
  layer: LayerTrace,
  { topK, numExperts }: { topK: number; numExperts: number },
): TokenPatterns {
  const collector = new PatternCollector(numExperts, layer.numTokens, topK);
  const { experts } = layer;
  for (let from = 0; from < layer.numTokens * topK; from += topK) {
    let to = from + topK;
    while (to > from && experts[to - 1] === NO_EXPERT) to--;
    collector.add(experts, 1, { from, to });
  }
  return collector.finish();
}

/** Collects the token patterns of some consecutive tokens of a layer. */
export function collectWindow(
  { layer, experts }: LayerTrace,
  { topK, numExperts }: { topK: number; numExperts: number },
  { start, tokens }: { readonly start: number; readonly tokens: number },
): TokenPatterns {
  const window = experts.subarray(start * topK, (start + tokens) * topK);
  return collectPatterns({ layer, numTokens: tokens, experts: window }, { topK, numExperts });
}

/** Tokens that chose each expert. Shape [numExperts]. */
export function loadOfPatterns({
  numExperts,
  numPatterns,
  offsets,
  experts,
  counts,
}: TokenPatterns): Float64Array {
  const load = new Float64Array(numExperts);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
      load[experts[place]] += counts[pattern];
  }
  return load;
}

/**
 * Looks at patterns one level up: each token's set of distinct blocks instead of its set of experts.
 *
 * With `blockOf` the chiplet of every expert, the result's experts are chiplets, and placing those on chiplet
 * groups is the same problem again.
 *
 * @param blockOf Block of every expert, in [0, numBlocks). Shape [numExperts].
 */
export function quotientPatterns(
  patterns: TokenPatterns,
  blockOf: ArrayLike<number>,
  numBlocks: number,
): TokenPatterns {
  const { offsets, experts, counts, numPatterns } = patterns;
  const collector = new PatternCollector(numBlocks, numPatterns, 8);
  const seenIn = new Int32Array(numBlocks).fill(-1);
  const blocks = new Uint16Array(numBlocks);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    let width = 0;
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const block = blockOf[experts[place]];
      if (seenIn[block] === pattern) continue;
      seenIn[block] = pattern;
      blocks[width++] = block;
    }
    collector.add(blocks.subarray(0, width), counts[pattern]);
  }
  return collector.finish();
}

/**
 * Looks at some consecutive experts alone, counted from 0: tokens that chose none of them are left out.
 *
 * @example
 * restrictPatterns(patterns, { first: 32, end: 64 }).numExperts; // 32
 */
export function restrictPatterns(
  patterns: TokenPatterns,
  { first, end }: { readonly first: number; readonly end: number },
): TokenPatterns {
  const { offsets, experts, counts, numPatterns } = patterns;
  const collector = new PatternCollector(end - first, numPatterns, 8);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const members = experts
      .subarray(offsets[pattern], offsets[pattern + 1])
      .filter((expert) => expert >= first && expert < end)
      .map((expert) => expert - first);
    if (members.length > 0) collector.add(members, counts[pattern]);
  }
  return collector.finish();
}

/**
 * Looks at some experts alone, under the numbers they have: tokens that chose none of them are left out.
 *
 * @example
 * keepExperts(patterns, (expert) => expert < 2).numPatterns; // 2
 */
export function keepExperts(patterns: TokenPatterns, isKept: (expert: number) => boolean): TokenPatterns {
  const { numExperts, offsets, experts, counts, numPatterns } = patterns;
  const collector = new PatternCollector(numExperts, numPatterns, 8);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const members = experts.subarray(offsets[pattern], offsets[pattern + 1]).filter(isKept);
    if (members.length > 0) collector.add(members, counts[pattern]);
  }
  return collector.finish();
}

/** Patterns that contain each expert: `patterns[offsets[e]]` to `patterns[offsets[e + 1] - 1]`, ascending. */
export interface PatternIndex {
  /** Shape [numExperts + 1]. */
  readonly offsets: Uint32Array;
  readonly patterns: Uint32Array;
}

/** Transposes patterns: for every expert the patterns it occurs in. */
export function indexPatterns({ numExperts, numPatterns, offsets, experts }: TokenPatterns): PatternIndex {
  const starts = new Uint32Array(numExperts + 1);
  for (const expert of experts) starts[expert + 1]++;
  for (let expert = 0; expert < numExperts; expert++) starts[expert + 1] += starts[expert];
  const next = starts.slice();
  const patterns = new Uint32Array(experts.length);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      patterns[next[experts[place]]++] = pattern;
    }
  }
  return { offsets: starts, patterns };
}

/** So many experts are sorted by insertion. */
const FEW = 32;

/** An open-addressing hash table from sorted expert sets to counts, over flat arrays. */
class PatternCollector {
  #numPatterns = 0;
  #length = 0;
  #offsets: Uint32Array;
  #counts: Uint32Array;
  #experts: Uint16Array;
  /** Pattern + 1 in each bucket, 0 where free; at most half full. Its length is a power of two. */
  #buckets: Uint32Array;

  constructor(
    readonly numExperts: number,
    maxPatterns: number,
    width: number,
  ) {
    this.#offsets = new Uint32Array(maxPatterns + 1);
    this.#counts = new Uint32Array(maxPatterns);
    this.#experts = new Uint16Array(maxPatterns * width);
    this.#buckets = new Uint32Array(2 ** Math.ceil(Math.log2(2 * maxPatterns + 2)));
  }

  /** Counts some of the members: all, by default. */
  add(members: Uint16Array, count: number, { from, to } = { from: 0, to: members.length }): void {
    const width = to - from;
    if (this.#length + width > this.#experts.length) {
      const larger = new Uint16Array(2 * (this.#experts.length + width));
      larger.set(this.#experts);
      this.#experts = larger;
    }
    this.#putSorted(members, from, to);
    const mask = this.#buckets.length - 1;
    let bucket = this.#hashOfLast(width) & mask;
    for (; this.#buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
      const pattern = this.#buckets[bucket] - 1;
      if (this.#equalsLast(pattern, width)) {
        this.#counts[pattern] += count;
        return;
      }
    }
    this.#buckets[bucket] = this.#numPatterns + 1;
    this.#counts[this.#numPatterns++] = count;
    this.#length += width;
    this.#offsets[this.#numPatterns] = this.#length;
  }

  finish(): TokenPatterns {
    const counts = this.#counts.slice(0, this.#numPatterns);
    return {
      numExperts: this.numExperts,
      numPatterns: this.#numPatterns,
      numTokens: sum(counts),
      offsets: this.#offsets.slice(0, this.#numPatterns + 1),
      experts: this.#experts.slice(0, this.#length),
      counts,
    };
  }

  /** Writes a candidate behind the patterns, ascending: of a few experts by insertion, which makes no objects. */
  #putSorted(members: Uint16Array, from: number, to: number): void {
    const experts = this.#experts;
    const start = this.#length;
    if (to - from > FEW) {
      const candidate = experts.subarray(start, start + to - from);
      candidate.set(members.subarray(from, to));
      candidate.sort();
      return;
    }
    for (let place = from; place < to; place++) {
      const expert = members[place];
      let at = start + place - from;
      for (; at > start && experts[at - 1] > expert; at--) experts[at] = experts[at - 1];
      experts[at] = expert;
    }
  }

  #hashOfLast(width: number): number {
    const experts = this.#experts;
    let hash = 0x811c9dc5;
    for (let at = this.#length; at < this.#length + width; at++)
      hash = Math.imul(hash ^ experts[at], 0x01000193);
    return hash ^ (hash >>> 15);
  }

  #equalsLast(pattern: number, width: number): boolean {
    const experts = this.#experts;
    const start = this.#offsets[pattern];
    if (this.#offsets[pattern + 1] - start !== width) return false;
    for (let place = 0; place < width; place++) {
      if (experts[start + place] !== experts[this.#length + place]) return false;
    }
    return true;
  }
}

/** Whether every token chose one expert, as in loads posed without tokens: C_T is the same for all placements then. */
export function hasTokensOfOneExpert({ experts, numPatterns }: TokenPatterns): boolean {
  return experts.length === numPatterns;
}
