import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { lowestBit, WORD } from "./chiplet-masks.js";
import type { NearestVisit } from "./nearest-visit.js";
import { EMPTY, type ReplicaSlots, type SlotChange } from "./replica-slots.js";

/**
 * What a replica would save on every chiplet, where a token visits as few chiplets as it can.
 *
 * With F(t, e) the chiplets on which expert e costs token t nothing, whatever else it chose (`NearestVisit.findFree`), a token visits
 * as many chiplets as without e, and one more if no replica of e is in F(t, e). So, all other experts staying where they are,
 *
 *   stay[slot, c]    = tokens of the expert e in the slot with c in F(t, e), and no other replica of e
 *   another[e, c]    = tokens of e with c in F(t, e), and no replica of e
 *
 * are what a replica saves by being on c: the one in the slot, and one more of e. A move of a replica from a to b changes the token
 * copies by stay[slot, a] - stay[slot, b].
 */
export class FreeGains {
  /** Shape [numSlots, numChiplets], row-major. */
  readonly stay: Float64Array;
  /** Shape [numExperts, numChiplets], row-major. */
  readonly another: Float64Array;

  readonly #patterns: TokenPatterns;
  readonly #slots: ReplicaSlots;
  /** `stay`, and then `another`. */
  readonly #saved: Float64Array;
  /** Chiplets on which every expert of a pattern costs nothing, as counted. Shape [patterns.experts.length, words], row-major. */
  readonly #free: Int32Array;
  /** A mask without a chiplet. */
  readonly #none: Int32Array;
  /** The mask that is replaced. */
  readonly #before: Int32Array;
  /** Tokens of the pattern at hand. */
  #tokens = 0;

  constructor(patterns: TokenPatterns, slots: ReplicaSlots) {
    const { numExperts, numChiplets, expertIn } = slots;
    this.#patterns = patterns;
    this.#slots = slots;
    this.#saved = new Float64Array((expertIn.length + numExperts) * numChiplets);
    this.stay = this.#saved.subarray(0, expertIn.length * numChiplets);
    this.another = this.#saved.subarray(expertIn.length * numChiplets);
    this.#none = new Int32Array(Math.ceil(numChiplets / WORD));
    this.#before = new Int32Array(this.#none.length);
    this.#free = new Int32Array(patterns.experts.length * this.#none.length);
  }

  /** Counts no tokens. */
  clear(): void {
    this.#saved.fill(0);
    this.#free.fill(0);
  }

  /** Counts no tokens of some experts, whose slots have changed. */
  clearChanged(changes: readonly SlotChange[], experts: readonly number[]): void {
    const { numChiplets, slotsOf, replicasOf } = this.#slots;
    const clearSlot = (slot: number) => this.stay.fill(0, slot * numChiplets, (slot + 1) * numChiplets);
    for (const { slot } of changes) clearSlot(slot);
    for (const expert of experts) {
      if (expert === EMPTY) continue;
      const first = expert * numChiplets;
      for (let at = first; at < first + replicasOf[expert]; at++) clearSlot(slotsOf[at]);
      this.another.fill(0, first, first + numChiplets);
    }
  }

  /**
   * Counts the tokens of a pattern, which is at hand, as they are now; those of the two experts that were cleared anew, as their
   * slots are now.
   */
  count(pattern: number, visit: NearestVisit, cleared: readonly number[] = []): void {
    const { offsets, experts, counts } = this.#patterns;
    const words = this.#none.length;
    this.#tokens = counts[pattern];
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const expert = experts[place];
      visit.findFree(expert);
      const first = place * words;
      if (expert === cleared[0] || expert === cleared[1]) this.#free.fill(0, first, first + words);
      this.#change(expert, first, visit.free);
    }
  }

  /** Counts the tokens at hand, of an expert, on other chiplets than those counted, of which the first word is told. */
  #change(expert: number, firstWord: number, now: Int32Array): void {
    const free = this.#free;
    const before = this.#before;
    let isSame = true;
    for (let word = 0; word < now.length; word++) {
      before[word] = free[firstWord + word];
      if (before[word] !== now[word]) isSame = false;
      free[firstWord + word] = now[word];
    }
    if (isSame) return;
    const { numChiplets, slotsOf, replicasOf, expertIn } = this.#slots;
    const none = this.#none;
    const first = expert * numChiplets;
    const numBefore = this.#countIn(expert, before);
    const numNow = this.#countIn(expert, now);
    for (let at = first; at < first + replicasOf[expert]; at++) {
      const hadOther = numBefore > this.#isIn(slotsOf[at], before);
      const hasOther = numNow > this.#isIn(slotsOf[at], now);
      if (!hadOther || !hasOther) this.#shift(slotsOf[at], hadOther ? none : before, hasOther ? none : now);
    }
    if (numBefore === 0 || numNow === 0)
      this.#shift(expertIn.length + expert, numBefore > 0 ? none : before, numNow > 0 ? none : now);
  }

  /** Takes the tokens at hand from some chiplets, in a row of both tables, to others. */
  #shift(row: number, from: Int32Array, to: Int32Array): void {
    const saved = this.#saved;
    const first = row * this.#slots.numChiplets;
    for (let word = 0; word < to.length; word++) {
      for (let left = from[word] & ~to[word]; left !== 0; left &= left - 1)
        saved[first + word * WORD + lowestBit(left)] -= this.#tokens;
      for (let left = to[word] & ~from[word]; left !== 0; left &= left - 1)
        saved[first + word * WORD + lowestBit(left)] += this.#tokens;
    }
  }

  /** Replicas of an expert on some chiplets. */
  #countIn(expert: number, chiplets: Int32Array): number {
    const { numChiplets, slotsOf, replicasOf } = this.#slots;
    const first = expert * numChiplets;
    let count = 0;
    for (let at = first; at < first + replicasOf[expert]; at++) count += this.#isIn(slotsOf[at], chiplets);
    return count;
  }

  /** 1 where a slot is on one of some chiplets, else 0. */
  #isIn(slot: number, chiplets: Int32Array): number {
    const chiplet = this.#slots.chipletOf[slot];
    return (chiplets[chiplet >>> 5] >>> (chiplet & 31)) & 1;
  }
}
