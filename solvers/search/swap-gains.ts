import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";

/** Whether two occupants of different chiplets may be swapped. */
export type SwapRule = (e: number, f: number) => boolean;

/**
 * A complete placement under change, with the exact effect of every swap on the token copies at hand.
 *
 * Every slot has an occupant: an expert, or an empty seat, which is an occupant that no token chooses. So each
 * move is a swap of two occupants, and the number of experts on a chiplet never exceeds its slots.
 *
 * The gain of swapping e (on chiplet a) with f (on b) is
 *   leave[e] + leave[f] - enter[b, e] - enter[a, f] - shared[e, f] - shared[f, e]
 * where leave[e] counts the tokens for which e is alone on its chiplet, enter[c, e] the tokens of e without an
 * expert on c, and shared[e, f] those of `leave[e]` that chose f too: they visit a and b before and after. A gain costs
 * O(1); a swap costs O(tokens of e and f * topK).
 *
 * Flat typed arrays throughout: this is the innermost loop of every search.
 */
export class SwapGains {
  readonly numOccupants: number;
  readonly numChiplets: number;
  readonly slots: number;
  /** `chipletOf[occupant]`; the experts come first. Shape [numOccupants]. */
  readonly chipletOf: Uint16Array;
  /** Occupants of each chiplet. Shape [numChiplets, slots], row-major. */
  readonly seats: Uint16Array;
  /** Tokens that visit each chiplet. Shape [numChiplets]. */
  readonly touch: Int32Array;
  /** Sum of `touch`: the cost in token copies. */
  tokenCopies = 0;

  readonly #patterns: TokenPatterns;
  readonly #index: PatternIndex;
  /** Experts of each pattern on each chiplet. Shape [numPatterns, numChiplets]. */
  readonly #copies: Uint8Array;
  /** Shape [numOccupants]. */
  readonly #leave: Int32Array;
  /** Shape [numChiplets, numOccupants]. */
  readonly #enter: Int32Array;
  /** Shape [numOccupants, numOccupants], row-major. */
  readonly #shared: Int32Array;
  /** Seat of each occupant. Shape [numOccupants]. */
  readonly #seatOf: Uint16Array;
  /** Every table that a swap changes, with room for its copy. */
  readonly #tables: {
    live: Int32Array | Uint16Array | Uint8Array;
    saved: Int32Array | Uint16Array | Uint8Array;
  }[];
  #savedTouches = 0;

  constructor(problem: PlacementProblem) {
    const { numChiplets, slotsPerChiplet, patterns } = problem;
    this.numChiplets = numChiplets;
    this.slots = slotsPerChiplet;
    this.numOccupants = numChiplets * slotsPerChiplet;
    this.#patterns = patterns;
    this.#index = indexPatterns(patterns);
    this.chipletOf = new Uint16Array(this.numOccupants);
    this.seats = new Uint16Array(this.numOccupants);
    this.touch = new Int32Array(numChiplets);
    this.#copies = new Uint8Array(patterns.numPatterns * numChiplets);
    this.#leave = new Int32Array(this.numOccupants);
    this.#enter = new Int32Array(numChiplets * this.numOccupants);
    this.#shared = new Int32Array(this.numOccupants * this.numOccupants);
    this.#seatOf = new Uint16Array(this.numOccupants);
    this.#tables = [
      this.chipletOf,
      this.seats,
      this.#seatOf,
      this.touch,
      this.#copies,
      this.#leave,
      this.#enter,
      this.#shared,
    ].map((live) => ({ live, saved: live.slice() }));
  }

  /**
   * Seats the experts as told, empty seats wherever room is left.
   *
   * @param chipletOf Chiplet of every expert, at most `slots` on each. Shape [numExperts].
   */
  seat(chipletOf: ArrayLike<number>): void {
    const filled = new Uint16Array(this.numChiplets);
    let empty = 0;
    for (let occupant = 0; occupant < this.numOccupants; occupant++) {
      let chiplet: number;
      if (occupant < chipletOf.length) {
        chiplet = chipletOf[occupant];
      } else {
        while (filled[empty] === this.slots) empty++;
        chiplet = empty;
      }
      const seat = chiplet * this.slots + filled[chiplet]++;
      this.chipletOf[occupant] = chiplet;
      this.seats[seat] = occupant;
      this.#seatOf[occupant] = seat;
    }
    this.#count();
  }

  /** Token copies saved by swapping occupants e and f of two different chiplets; positive is better. */
  gain(e: number, f: number): number {
    const n = this.numOccupants;
    return (
      this.#leave[e] +
      this.#leave[f] -
      this.#enter[this.chipletOf[f] * n + e] -
      this.#enter[this.chipletOf[e] * n + f] -
      this.#shared[e * n + f] -
      this.#shared[f * n + e]
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
    const { slots, seats, numOccupants: n } = this;
    const leave = this.#leave;
    const enter = this.#enter;
    const shared = this.#shared;
    let best = 0;
    for (let slotA = a * slots; slotA < (a + 1) * slots; slotA++) {
      const e = seats[slotA];
      const gainOfE = leave[e] - enter[b * n + e];
      for (let slotB = b * slots; slotB < (b + 1) * slots; slotB++) {
        const f = seats[slotB];
        const gain = gainOfE + leave[f] - enter[a * n + f] - shared[e * n + f] - shared[f * n + e];
        if (gain > best && (allows === undefined || allows(e, f))) {
          best = gain;
          found[0] = e;
          found[1] = f;
        }
      }
    }
    return best;
  }

  /** Change of `touch` on the chiplet of e if e is swapped with f. */
  touchChange(e: number, f: number): number {
    // Tokens of both keep visiting the chiplet of e through f, although `leave` counts them as gone.
    return (
      this.#enter[this.chipletOf[e] * this.numOccupants + f] -
      this.#leave[e] +
      this.#shared[e * this.numOccupants + f]
    );
  }

  /** Swaps occupants e and f of two different chiplets. */
  swap(e: number, f: number): void {
    const a = this.chipletOf[e];
    const b = this.chipletOf[f];
    this.#move(e, f, b);
    this.#move(f, e, a);
    const seatOfE = this.#seatOf[e];
    const seatOfF = this.#seatOf[f];
    this.seats[seatOfE] = f;
    this.seats[seatOfF] = e;
    this.#seatOf[e] = seatOfF;
    this.#seatOf[f] = seatOfE;
  }

  /** Remembers the placement, for {@link restore}. */
  save(): void {
    for (const { live, saved } of this.#tables) saved.set(live);
    this.#savedTouches = this.tokenCopies;
  }

  /** Returns to the placement last saved. */
  restore(): void {
    for (const { live, saved } of this.#tables) live.set(saved);
    this.tokenCopies = this.#savedTouches;
  }

  /** Chiplet of every expert, as a copy. Shape [numExperts]. */
  expertChiplets(): Uint16Array {
    return this.chipletOf.slice(0, this.#patterns.numExperts);
  }

  /** Counts all tables from scratch. Time O(numPatterns * (numChiplets + topK) * topK). */
  #count(): void {
    const { numChiplets, numOccupants: n, chipletOf } = this;
    const { numPatterns, offsets, experts, counts } = this.#patterns;
    const copies = this.#copies.fill(0);
    const touch = this.touch.fill(0);
    const leave = this.#leave.fill(0);
    const enter = this.#enter.fill(0);
    const shared = this.#shared.fill(0);
    for (let pattern = 0; pattern < numPatterns; pattern++) {
      const count = counts[pattern];
      const row = pattern * numChiplets;
      const start = offsets[pattern];
      const end = offsets[pattern + 1];
      for (let place = start; place < end; place++) copies[row + chipletOf[experts[place]]]++;
      for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
        if (copies[row + chiplet] > 0) touch[chiplet] += count;
        else for (let place = start; place < end; place++) enter[chiplet * n + experts[place]] += count;
      }
      for (let place = start; place < end; place++) {
        const expert = experts[place];
        if (copies[row + chipletOf[expert]] !== 1) continue;
        leave[expert] += count;
        for (let other = start; other < end; other++) {
          if (other !== place) shared[expert * n + experts[other]] += count;
        }
      }
    }
    this.tokenCopies = touch.reduce((sum, tokens) => sum + tokens, 0);
  }

  /** Moves e to chiplet b in the tables; its tokens that chose f too visit a and b as before. */
  #move(e: number, f: number, b: number): void {
    // Empty seats have no tokens and are not in the index.
    const numExperts = this.#patterns.numExperts;
    const a = this.chipletOf[e];
    this.chipletOf[e] = b;
    if (e >= numExperts) return;
    const { offsets: starts, patterns } = this.#index;
    const { numChiplets, numOccupants: n, touch } = this;
    const { offsets, experts, counts } = this.#patterns;
    const copies = this.#copies;
    const enter = this.#enter;
    let ofF = f < numExperts ? starts[f] : 0;
    const endOfF = f < numExperts ? starts[f + 1] : 0;
    for (let at = starts[e]; at < starts[e + 1]; at++) {
      const pattern = patterns[at];
      while (ofF < endOfF && patterns[ofF] < pattern) ofF++;
      const count = counts[pattern];
      const row = pattern * numChiplets;
      if (ofF < endOfF && patterns[ofF] === pattern) {
        const wasAlone = copies[row + a] === 1;
        const isAlone = copies[row + b] === 1;
        if (wasAlone !== isAlone) this.#markAlone(e, pattern, isAlone ? count : -count);
        continue;
      }
      const left = --copies[row + a];
      const found = copies[row + b]++;
      const start = offsets[pattern];
      const end = offsets[pattern + 1];
      if (left === 0) {
        touch[a] -= count;
        this.tokenCopies -= count;
        for (let place = start; place < end; place++) enter[a * n + experts[place]] += count;
      } else if (left === 1) {
        this.#markAlone(this.#occupantOf(pattern, a, e), pattern, count);
      }
      if (found === 0) {
        touch[b] += count;
        this.tokenCopies += count;
        for (let place = start; place < end; place++) enter[b * n + experts[place]] -= count;
      } else if (found === 1) {
        this.#markAlone(this.#occupantOf(pattern, b, e), pattern, -count);
      }
      if (left === 0 && found > 0) this.#markAlone(e, pattern, -count);
      else if (left > 0 && found === 0) this.#markAlone(e, pattern, count);
    }
  }

  /** The expert of a pattern, other than `except`, that sits on a chiplet where there is just one. */
  #occupantOf(pattern: number, chiplet: number, except: number): number {
    const { offsets, experts } = this.#patterns;
    let place = offsets[pattern];
    while (this.chipletOf[experts[place]] !== chiplet || experts[place] === except) place++;
    return experts[place];
  }

  /** Adds `count` tokens of a pattern to those for which `expert` is alone on its chiplet. */
  #markAlone(expert: number, pattern: number, count: number): void {
    const { offsets, experts } = this.#patterns;
    const shared = this.#shared;
    const row = expert * this.numOccupants;
    this.#leave[expert] += count;
    // Its own cell is written too, and read by none: two different occupants are swapped.
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
      shared[row + experts[place]] += count;
  }
}
