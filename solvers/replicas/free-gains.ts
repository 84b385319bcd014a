import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { lowestBit, WORD } from "./chiplet-masks.js";
import type { NearestVisit } from "./nearest-visit.js";
import { EMPTY, type ReplicaSlots, type SlotChange } from "./replica-slots.js";

/** How a pattern of tokens was served, and is. */
interface Renewal {
  readonly before: NearestVisit;
  readonly now: NearestVisit;
  /** Two experts of which it counts no tokens so far. */
  readonly cleared: readonly number[];
}

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
  /** A mask without a chiplet. */
  readonly #none: Int32Array;
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
  }

  /** Counts no tokens. */
  clear(): void {
    this.#saved.fill(0);
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

  /** Counts the tokens of a pattern, which is at hand. */
  add(pattern: number, visit: NearestVisit): void {
    const { offsets, experts, counts } = this.#patterns;
    this.#tokens = counts[pattern];
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      visit.findFree(experts[place]);
      this.#change(experts[place], this.#none, visit.free);
    }
  }

  /** Counts the tokens of a pattern as they are now; those of experts that were cleared anew, as their slots are now. */
  renew(pattern: number, { before, now, cleared }: Renewal): void {
    const { offsets, experts, counts } = this.#patterns;
    this.#tokens = counts[pattern];
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const expert = experts[place];
      now.findFree(expert);
      if (expert === cleared[0] || expert === cleared[1]) this.#change(expert, this.#none, now.free);
      else {
        before.findFree(expert);
        this.#change(expert, before.free, now.free);
      }
    }
  }

  /** Counts the tokens at hand, of an expert, on other chiplets than before. */
  #change(expert: number, before: Int32Array, now: Int32Array): void {
    if (isSame(before, now)) return;
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

function isSame(one: Int32Array, other: Int32Array): boolean {
  for (let word = 0; word < one.length; word++) if (one[word] !== other[word]) return false;
  return true;
}
