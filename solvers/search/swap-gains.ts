import { sum } from "../../lib/statistics.js";
import type { GainTables, SwapShape } from "./gain-tables.js";
import { PlainGainTables } from "./plain-gain-tables.js";
import { startVectorGainTables } from "./vector-gain-tables.js";

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
 * Flat typed arrays throughout, kept by vectors where there are any: this is the innermost loop of every search.
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

  readonly #numExperts: number;
  readonly #tables: GainTables;
  /** Where each occupant is in `occupants`. Shape [numOccupants]. */
  readonly #slotOf: Uint16Array;
  /** What `save` remembers besides the tables. */
  readonly #saved: { readonly occupants: Uint16Array; readonly slotOf: Uint16Array; tokenCopies: number };
  /** Whether what is saved is what is at hand. */
  #isSaved = false;

  /** @param tables What gains are looked up in; by default kept by vectors where there are kernels. */
  constructor(
    shape: SwapShape,
    tables: GainTables = startVectorGainTables(shape) ?? new PlainGainTables(shape),
  ) {
    const { numChiplets, slotsPerChiplet, patterns } = shape;
    this.numChiplets = numChiplets;
    this.slots = slotsPerChiplet;
    this.numOccupants = numChiplets * slotsPerChiplet;
    this.#numExperts = patterns.numExperts;
    this.#tables = tables;
    this.chipletOf = tables.chipletOf;
    this.chipletTokens = tables.chipletTokens;
    this.occupants = new Uint16Array(this.numOccupants);
    this.#slotOf = new Uint16Array(this.numOccupants);
    this.#saved = { occupants: this.occupants.slice(), slotOf: this.#slotOf.slice(), tokenCopies: 0 };
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
    this.#tables.count();
    this.tokenCopies = sum(this.chipletTokens);
    this.#isSaved = false;
  }

  /** Token copies saved by swapping occupants e and f of two different chiplets; positive is better. */
  gain(e: number, f: number): number {
    const { benefit, penalty, common, columns } = this.#tables;
    return (
      benefit[e] +
      benefit[f] -
      penalty[this.chipletOf[f] * columns + e] -
      penalty[this.chipletOf[e] * columns + f] -
      common[e * columns + f] -
      common[f * columns + e]
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
    const { slots, occupants } = this;
    const { benefit, penalty, common, columns: n } = this.#tables;
    let most = -Infinity;
    for (let slotB = b * slots; slotB < (b + 1) * slots; slotB++) {
      const f = occupants[slotB];
      most = Math.max(most, benefit[f] - penalty[a * n + f]);
    }
    let best = 0;
    for (let slotA = a * slots; slotA < (a + 1) * slots; slotA++) {
      const e = occupants[slotA];
      const gainOfE = benefit[e] - penalty[b * n + e];
      // What two have in common only lowers a gain, and is looked up in a table too large for caches.
      if (gainOfE + most <= best) continue;
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
    this.#isSaved = false;
    this.tokenCopies += this.#tables.swap(e, f);
    const slotOfE = this.#slotOf[e];
    const slotOfF = this.#slotOf[f];
    this.occupants[slotOfE] = f;
    this.occupants[slotOfF] = e;
    this.#slotOf[e] = slotOfF;
    this.#slotOf[f] = slotOfE;
  }

  /** Remembers the placement, for {@link restore}. */
  save(): void {
    if (this.#isSaved) return;
    this.#tables.save();
    this.#saved.occupants.set(this.occupants);
    this.#saved.slotOf.set(this.#slotOf);
    this.#saved.tokenCopies = this.tokenCopies;
    this.#isSaved = true;
  }

  /** Returns to the placement last saved. */
  restore(): void {
    if (this.#isSaved) return;
    this.#tables.restore();
    this.occupants.set(this.#saved.occupants);
    this.#slotOf.set(this.#saved.slotOf);
    this.tokenCopies = this.#saved.tokenCopies;
    this.#isSaved = true;
  }

  /** Experts on a chiplet, ascending. */
  expertsOn(chiplet: number): number[] {
    const occupants = this.occupants.slice(chiplet * this.slots, (chiplet + 1) * this.slots).sort();
    return [...occupants].filter((occupant) => occupant < this.#numExperts);
  }

  /** Chiplet of every expert, as a copy. Shape [numExperts]. */
  expertChiplets(): Uint16Array {
    return this.chipletOf.slice(0, this.#numExperts);
  }
}
