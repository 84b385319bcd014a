import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import type { GainTables, SwapShape } from "./gain-tables.js";

/** The tables of a search, kept one token at a time: where there are no kernels, or tables are too large for theirs. */
export class PlainGainTables implements GainTables {
  readonly chipletOf: Uint16Array;
  readonly chipletTokens: Int32Array;
  readonly columns: number;
  readonly benefit: Int32Array;
  readonly penalty: Int32Array;
  readonly common: Int32Array;

  readonly #numChiplets: number;
  readonly #patterns: TokenPatterns;
  readonly #index: PatternIndex;
  /** Experts of each pattern on each chiplet. Shape [numPatterns, numChiplets]. */
  readonly #pinCounts: Uint8Array;
  /** Every table that a swap changes, with room for its copy. */
  readonly #tables: {
    live: Int32Array | Uint16Array | Uint8Array;
    saved: Int32Array | Uint16Array | Uint8Array;
  }[];

  constructor({ numChiplets, slotsPerChiplet, patterns }: SwapShape) {
    const numOccupants = numChiplets * slotsPerChiplet;
    this.#numChiplets = numChiplets;
    this.#patterns = patterns;
    this.#index = indexPatterns(patterns);
    this.columns = numOccupants;
    this.chipletOf = new Uint16Array(numOccupants);
    this.chipletTokens = new Int32Array(numChiplets);
    this.#pinCounts = new Uint8Array(patterns.numPatterns * numChiplets);
    this.benefit = new Int32Array(numOccupants);
    this.penalty = new Int32Array(numChiplets * numOccupants);
    this.common = new Int32Array(numOccupants * numOccupants);
    const { chipletOf, chipletTokens, benefit, penalty, common } = this;
    this.#tables = [chipletOf, chipletTokens, this.#pinCounts, benefit, penalty, common].map((live) => ({
      live,
      saved: live.slice(),
    }));
  }

  /** Time O(numPatterns * topK^2 + numChiplets * numOccupants). */
  count(): void {
    const { chipletOf, columns: n } = this;
    const numChiplets = this.#numChiplets;
    const { numPatterns, offsets, experts, counts } = this.#patterns;
    const pinCounts = this.#pinCounts.fill(0);
    const chipletTokens = this.chipletTokens.fill(0);
    const benefit = this.benefit.fill(0);
    const penalty = this.penalty.fill(0);
    const common = this.common.fill(0);
    // Each expert would bring all of its tokens to a chiplet, but for those that are there.
    for (let pattern = 0; pattern < numPatterns; pattern++) {
      for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
        penalty[experts[place]] += counts[pattern];
    }
    for (let chiplet = 1; chiplet < numChiplets; chiplet++) penalty.copyWithin(chiplet * n, 0, n);
    for (let pattern = 0; pattern < numPatterns; pattern++) {
      const count = counts[pattern];
      const row = pattern * numChiplets;
      const start = offsets[pattern];
      const end = offsets[pattern + 1];
      for (let place = start; place < end; place++) {
        const chiplet = chipletOf[experts[place]];
        if (pinCounts[row + chiplet]++ > 0) continue;
        chipletTokens[chiplet] += count;
        for (let peer = start; peer < end; peer++) penalty[chiplet * n + experts[peer]] -= count;
      }
      for (let place = start; place < end; place++) {
        const expert = experts[place];
        if (pinCounts[row + chipletOf[expert]] !== 1) continue;
        benefit[expert] += count;
        for (let peer = start; peer < end; peer++) common[expert * n + experts[peer]] += count;
      }
    }
  }

  swap(e: number, f: number): number {
    const a = this.chipletOf[e];
    const b = this.chipletOf[f];
    return this.#move(e, f, b) + this.#move(f, e, a);
  }

  save(): void {
    for (const { live, saved } of this.#tables) saved.set(live);
  }

  restore(): void {
    for (const { live, saved } of this.#tables) live.set(saved);
  }

  /**
   * Moves e to chiplet b; its tokens that chose f too have a pin on a and on b as before.
   *
   * @returns Token copies more than before.
   */
  #move(e: number, f: number, b: number): number {
    // Fillers have no tokens and are not in the index.
    const numExperts = this.#patterns.numExperts;
    const a = this.chipletOf[e];
    this.chipletOf[e] = b;
    if (e >= numExperts) return 0;
    const { offsets: starts, patterns } = this.#index;
    const { columns: n, chipletTokens, penalty } = this;
    const numChiplets = this.#numChiplets;
    const { offsets, experts, counts } = this.#patterns;
    const pinCounts = this.#pinCounts;
    let added = 0;
    let ofF = f < numExperts ? starts[f] : 0;
    const endOfF = f < numExperts ? starts[f + 1] : 0;
    for (let at = starts[e]; at < starts[e + 1]; at++) {
      const pattern = patterns[at];
      while (ofF < endOfF && patterns[ofF] < pattern) ofF++;
      const count = counts[pattern];
      const row = pattern * numChiplets;
      if (ofF < endOfF && patterns[ofF] === pattern) {
        const hadBenefit = pinCounts[row + a] === 1;
        const hasBenefit = pinCounts[row + b] === 1;
        if (hadBenefit !== hasBenefit) this.#addBenefit(e, pattern, hasBenefit ? count : -count);
        continue;
      }
      const remaining = --pinCounts[row + a];
      const present = pinCounts[row + b]++;
      const start = offsets[pattern];
      const end = offsets[pattern + 1];
      if (remaining === 0) {
        chipletTokens[a] -= count;
        added -= count;
        for (let place = start; place < end; place++) penalty[a * n + experts[place]] += count;
      } else if (remaining === 1) {
        this.#addBenefit(this.#occupantOf(pattern, a, e), pattern, count);
      }
      if (present === 0) {
        chipletTokens[b] += count;
        added += count;
        for (let place = start; place < end; place++) penalty[b * n + experts[place]] -= count;
      } else if (present === 1) {
        this.#addBenefit(this.#occupantOf(pattern, b, e), pattern, -count);
      }
      if (remaining === 0 && present > 0) this.#addBenefit(e, pattern, -count);
      else if (remaining > 0 && present === 0) this.#addBenefit(e, pattern, count);
    }
    return added;
  }

  /** The expert of a pattern, other than `except`, on a chiplet where there is just one. */
  #occupantOf(pattern: number, chiplet: number, except: number): number {
    const { offsets, experts } = this.#patterns;
    let place = offsets[pattern];
    while (this.chipletOf[experts[place]] !== chiplet || experts[place] === except) place++;
    return experts[place];
  }

  /** Adds `count` tokens of a pattern to the benefit of an expert. */
  #addBenefit(expert: number, pattern: number, count: number): void {
    const { offsets, experts } = this.#patterns;
    const common = this.common;
    const row = expert * this.columns;
    this.benefit[expert] += count;
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
      common[row + experts[place]] += count;
  }
}
