import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import { sum } from "../../lib/statistics.js";

/** What swaps are counted on. */
export interface SwapShape {
  /** The tokens to place for; its experts are [0, numExperts). */
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly slotsPerChiplet: number;
}

/** Whether two occupants of different chiplets may be swapped. */
export type SwapRule = (e: number, f: number) => boolean;

/**
 * A complete placement under change, with the exact effect of every swap on the token copies at hand: the gain cache
 * of hypergraph partitioners for km1, for swaps. Tokens are nets, experts vertices, chiplets blocks.
 *
 * Every slot has an occupant: an expert, or a filler for an empty slot, which is an occupant that no token chooses. So
 * each move is a swap of two occupants, and the number of experts on a chiplet never exceeds its slots.
 *
 * With the pin count of a token on a chiplet, the number of its experts there, the gain of swapping e (on chiplet a)
 * with f (on b) is
 *
 *   benefit[e] + benefit[f] - penalty[b, e] - penalty[a, f] - common[e, f] - common[f, e]
 *
 * where benefit[e] counts the tokens of e of pin count 1 on its chiplet, which stop coming there without e, penalty[c, e] the
 * tokens of e of pin count 0 on c, which begin to come there with e, and common[e, f] those of benefit[e] that chose f too: they
 * have a pin on a and on b before and after. A gain costs O(1); a swap costs O(tokens of e and f * topK).
 *
 * Flat typed arrays throughout: this is the innermost loop of every search.
 * Source: Gottesbüren, Heuer, Sanders and Schlag, Scalable shared-memory hypergraph partitioning, ALENEX 2021, for the
 * benefit and penalty of moves. Deviation: the correction for common nets, which swaps need.
 */
export class SwapGains {
  readonly numOccupants: number;
  readonly numChiplets: number;
  readonly slots: number;
  /** `chipletOf[occupant]`; the experts come first. Shape [numOccupants]. */
  readonly chipletOf: Uint16Array;
  /** Occupants of each chiplet. Shape [numChiplets, slots], row-major. */
  readonly occupants: Uint16Array;
  /** Tokens with an expert on each chiplet. Shape [numChiplets]. */
  readonly chipletTokens: Int32Array;
  /** Sum of `chipletTokens`: the cost. */
  tokenCopies = 0;

  readonly #patterns: TokenPatterns;
  readonly #index: PatternIndex;
  /** Experts of each pattern on each chiplet. Shape [numPatterns, numChiplets]. */
  readonly #pinCounts: Uint8Array;
  /** Shape [numOccupants]. */
  readonly #benefit: Int32Array;
  /** Shape [numChiplets, numOccupants]. */
  readonly #penalty: Int32Array;
  /** Shape [numOccupants, numOccupants], row-major. */
  readonly #common: Int32Array;
  /** Where each occupant is in `occupants`. Shape [numOccupants]. */
  readonly #slotOf: Uint16Array;
  /** Every table that a swap changes, with room for its copy. */
  readonly #tables: {
    live: Int32Array | Uint16Array | Uint8Array;
    saved: Int32Array | Uint16Array | Uint8Array;
  }[];
  #savedTokenCopies = 0;

  constructor({ numChiplets, slotsPerChiplet, patterns }: SwapShape) {
    this.numChiplets = numChiplets;
    this.slots = slotsPerChiplet;
    this.numOccupants = numChiplets * slotsPerChiplet;
    this.#patterns = patterns;
    this.#index = indexPatterns(patterns);
    this.chipletOf = new Uint16Array(this.numOccupants);
    this.occupants = new Uint16Array(this.numOccupants);
    this.chipletTokens = new Int32Array(numChiplets);
    this.#pinCounts = new Uint8Array(patterns.numPatterns * numChiplets);
    this.#benefit = new Int32Array(this.numOccupants);
    this.#penalty = new Int32Array(numChiplets * this.numOccupants);
    this.#common = new Int32Array(this.numOccupants * this.numOccupants);
    this.#slotOf = new Uint16Array(this.numOccupants);
    this.#tables = [
      this.chipletOf,
      this.occupants,
      this.#slotOf,
      this.chipletTokens,
      this.#pinCounts,
      this.#benefit,
      this.#penalty,
      this.#common,
    ].map((live) => ({ live, saved: live.slice() }));
  }

  /**
   * Takes a placement over; fillers go wherever room is remaining.
   *
   * @param chipletOf Chiplet of every expert, at most `slots` on each. Shape [numExperts].
   */
  place(chipletOf: ArrayLike<number>): void {
    const numPlaced = new Uint16Array(this.numChiplets);
    let empty = 0;
    for (let occupant = 0; occupant < this.numOccupants; occupant++) {
      let chiplet: number;
      if (occupant < chipletOf.length) {
        chiplet = chipletOf[occupant];
      } else {
        while (numPlaced[empty] === this.slots) empty++;
        chiplet = empty;
      }
      const slot = chiplet * this.slots + numPlaced[chiplet]++;
      this.chipletOf[occupant] = chiplet;
      this.occupants[slot] = occupant;
      this.#slotOf[occupant] = slot;
    }
    this.#count();
  }

  /** Token copies saved by swapping occupants e and f of two different chiplets; positive is better. */
  gain(e: number, f: number): number {
    const n = this.numOccupants;
    return (
      this.#benefit[e] +
      this.#benefit[f] -
      this.#penalty[this.chipletOf[f] * n + e] -
      this.#penalty[this.chipletOf[e] * n + f] -
      this.#common[e * n + f] -
      this.#common[f * n + e]
    );
  }

  /**
   * Finds the best swap between two chiplets.
   *
   * @param found Receives the pair of occupants where a swap gains.
   * @param allows Says which swaps may be made; all, if absent.
   * @returns The best gain, 0 if none is positive.
   */
  bestSwapBetween(a: number, b: number, found: Uint16Array, allows?: SwapRule): number {
    const { slots, occupants, numOccupants: n } = this;
    const benefit = this.#benefit;
    const penalty = this.#penalty;
    const common = this.#common;
    let best = 0;
    for (let slotA = a * slots; slotA < (a + 1) * slots; slotA++) {
      const e = occupants[slotA];
      const gainOfE = benefit[e] - penalty[b * n + e];
      for (let slotB = b * slots; slotB < (b + 1) * slots; slotB++) {
        const f = occupants[slotB];
        const gain = gainOfE + benefit[f] - penalty[a * n + f] - common[e * n + f] - common[f * n + e];
        if (gain > best && (allows === undefined || allows(e, f))) {
          best = gain;
          found[0] = e;
          found[1] = f;
        }
      }
    }
    return best;
  }

  /** Swaps occupants e and f of two different chiplets. */
  swap(e: number, f: number): void {
    const a = this.chipletOf[e];
    const b = this.chipletOf[f];
    this.#move(e, f, b);
    this.#move(f, e, a);
    const slotOfE = this.#slotOf[e];
    const slotOfF = this.#slotOf[f];
    this.occupants[slotOfE] = f;
    this.occupants[slotOfF] = e;
    this.#slotOf[e] = slotOfF;
    this.#slotOf[f] = slotOfE;
  }

  /** Remembers the placement, for {@link restore}. */
  save(): void {
    for (const { live, saved } of this.#tables) saved.set(live);
    this.#savedTokenCopies = this.tokenCopies;
  }

  /** Returns to the placement last saved. */
  restore(): void {
    for (const { live, saved } of this.#tables) live.set(saved);
    this.tokenCopies = this.#savedTokenCopies;
  }

  /** Experts on a chiplet, ascending. */
  expertsOn(chiplet: number): number[] {
    const occupants = this.occupants.slice(chiplet * this.slots, (chiplet + 1) * this.slots).sort();
    return [...occupants].filter((occupant) => occupant < this.#patterns.numExperts);
  }

  /** Chiplet of every expert, as a copy. Shape [numExperts]. */
  expertChiplets(): Uint16Array {
    return this.chipletOf.slice(0, this.#patterns.numExperts);
  }

  /** Counts all tables from scratch. Time O(numPatterns * (numChiplets + topK) * topK). */
  #count(): void {
    const { numChiplets, numOccupants: n, chipletOf } = this;
    const { numPatterns, offsets, experts, counts } = this.#patterns;
    const pinCounts = this.#pinCounts.fill(0);
    const chipletTokens = this.chipletTokens.fill(0);
    const benefit = this.#benefit.fill(0);
    const penalty = this.#penalty.fill(0);
    const common = this.#common.fill(0);
    for (let pattern = 0; pattern < numPatterns; pattern++) {
      const count = counts[pattern];
      const row = pattern * numChiplets;
      const start = offsets[pattern];
      const end = offsets[pattern + 1];
      for (let place = start; place < end; place++) pinCounts[row + chipletOf[experts[place]]]++;
      for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
        if (pinCounts[row + chiplet] > 0) chipletTokens[chiplet] += count;
        else for (let place = start; place < end; place++) penalty[chiplet * n + experts[place]] += count;
      }
      for (let place = start; place < end; place++) {
        const expert = experts[place];
        if (pinCounts[row + chipletOf[expert]] !== 1) continue;
        benefit[expert] += count;
        for (let peer = start; peer < end; peer++) {
          if (peer !== place) common[expert * n + experts[peer]] += count;
        }
      }
    }
    this.tokenCopies = sum(chipletTokens);
  }

  /** Moves e to chiplet b in the tables; its tokens that chose f too have a pin on a and on b as before. */
  #move(e: number, f: number, b: number): void {
    // Fillers have no tokens and are not in the index.
    const numExperts = this.#patterns.numExperts;
    const a = this.chipletOf[e];
    this.chipletOf[e] = b;
    if (e >= numExperts) return;
    const { offsets: starts, patterns } = this.#index;
    const { numChiplets, numOccupants: n, chipletTokens } = this;
    const { offsets, experts, counts } = this.#patterns;
    const pinCounts = this.#pinCounts;
    const penalty = this.#penalty;
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
        this.tokenCopies -= count;
        for (let place = start; place < end; place++) penalty[a * n + experts[place]] += count;
      } else if (remaining === 1) {
        this.#addBenefit(this.#occupantOf(pattern, a, e), pattern, count);
      }
      if (present === 0) {
        chipletTokens[b] += count;
        this.tokenCopies += count;
        for (let place = start; place < end; place++) penalty[b * n + experts[place]] -= count;
      } else if (present === 1) {
        this.#addBenefit(this.#occupantOf(pattern, b, e), pattern, -count);
      }
      if (remaining === 0 && present > 0) this.#addBenefit(e, pattern, -count);
      else if (remaining > 0 && present === 0) this.#addBenefit(e, pattern, count);
    }
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
    const common = this.#common;
    const row = expert * this.numOccupants;
    this.#benefit[expert] += count;
    // Its own cell is written too, and read by none: two different occupants are swapped.
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
      common[row + experts[place]] += count;
  }
}
