import { chipletOfExperts, type Chiplets } from "../../lib/placement/placement.js";
import type { Random } from "../../lib/random.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import type { PlacedColumn } from "./bounded-moves-model.js";
import { createSwapRule } from "../search/feasible-swaps.js";
import { SwapGains, type SwapRule } from "../search/swap-gains.js";
import { createAddedMoves } from "./added-moves.js";

/**
 * A placement under change that knows how many experts are away from where they sit in a running one, and comes back to
 * at most `maxMoves` of them: those near the running placement.
 */
export class BoundedMoves {
  /** Experts that sit elsewhere than in the running placement. */
  moves = 0;

  readonly #state: SwapGains;
  readonly #allows: SwapRule | undefined;
  readonly #addedMoves: (e: number, f: number) => number;
  readonly #numExperts: number;
  readonly #incumbentOf: Uint16Array;

  constructor(
    model: ConstraintModel,
    running: Chiplets,
    readonly maxMoves: number,
  ) {
    this.#state = new SwapGains(model);
    this.#allows = createSwapRule(model, this.#state);
    this.#numExperts = model.numExperts;
    this.#incumbentOf = chipletOfExperts(running, model.numExperts);
    this.#addedMoves = createAddedMoves(this.#incumbentOf, this.#state.chipletOf);
  }

  /** Token copies of the placement: its cost. */
  get tokenCopies(): number {
    return this.#state.tokenCopies;
  }

  expertChiplets(): Uint16Array {
    return this.#state.expertChiplets();
  }

  /** What is on every chiplet, empty ones included. */
  columns(): PlacedColumn[] {
    return Array.from(this.#state.chipletTokens, (tokens, chiplet) => {
      const experts = this.#state.expertsOn(chiplet);
      const moves = experts.filter((expert) => this.#incumbentOf[expert] !== chiplet).length;
      return { chiplet, experts, tokens, moves };
    });
  }

  assign(chipletOf: ArrayLike<number>): void {
    this.#state.place(chipletOf);
    this.#countMoves();
  }

  save(): void {
    this.#state.save();
  }

  restore(): void {
    this.#state.restore();
    this.#countMoves();
  }

  /**
   * Swaps within the budget for as long as a swap gains, those first that gain most for each move they add.
   *
   * What a swap gains depends on its two chiplets alone, so one look at all swaps serves for as many of them as have no
   * chiplet in common.
   */
  descend(): void {
    for (let swaps = this.#gainingSwaps(); swaps.length > 0; swaps = this.#gainingSwaps()) {
      const changed = new Set<number>();
      for (const { e, f } of swaps) {
        const [a, b] = [this.#state.chipletOf[e], this.#state.chipletOf[f]];
        const isWithin = this.moves + this.#addedMoves(e, f) <= this.maxMoves;
        if (!isWithin || changed.has(a) || changed.has(b) || this.#allows?.(e, f) === false) continue;
        this.#swap(e, f);
        changed.add(a).add(b);
      }
    }
  }

  /**
   * Sends experts back until no more than `maxMoves` are away, each time by the swap that costs least for each of them.
   *
   * @returns Whether it came back; limits may be in the way.
   */
  retreat(): boolean {
    while (this.moves > this.maxMoves) {
      const swap = this.#cheapestReturn();
      if (!swap) return false;
      this.#swap(swap[0], swap[1]);
    }
    return true;
  }

  /** Makes random swaps, which may lead out of the budget. */
  kick(random: Random, swaps: number): void {
    for (let swap = 0; swap < swaps; swap++) {
      const e = random.below(this.#state.numOccupants);
      const f = random.below(this.#state.numOccupants);
      if (this.#state.chipletOf[e] === this.#state.chipletOf[f] || this.#allows?.(e, f) === false) continue;
      this.#swap(e, f);
    }
  }

  /** The best allowed swap within the budget of every two chiplets, best first; none if no swap gains. */
  #gainingSwaps(): { e: number; f: number; score: number }[] {
    const { numChiplets } = this.#state;
    const swaps: { e: number; f: number; score: number }[] = [];
    for (let a = 0; a < numChiplets; a++) {
      for (let b = a + 1; b < numChiplets; b++) {
        const swap = this.#bestSwapBetween(a, b);
        if (swap) swaps.push(swap);
      }
    }
    return swaps.sort((a, b) => b.score - a.score);
  }

  #bestSwapBetween(a: number, b: number): { e: number; f: number; score: number } | undefined {
    const { occupants, slots } = this.#state;
    const room = this.maxMoves - this.moves;
    let best: { e: number; f: number; score: number } | undefined;
    for (let slotA = a * slots; slotA < (a + 1) * slots; slotA++) {
      for (let slotB = b * slots; slotB < (b + 1) * slots; slotB++) {
        const [e, f] = [occupants[slotA], occupants[slotB]];
        const gain = this.#state.gain(e, f);
        if (gain <= 0) continue;
        const added = this.#addedMoves(e, f);
        const score = gain / Math.max(1, added);
        if (added > room || score <= (best?.score ?? 0) || this.#allows?.(e, f) === false) continue;
        best = { e, f, score };
      }
    }
    return best;
  }

  /** The allowed swap that brings more experts back than away, and loses least for each of them. */
  #cheapestReturn(): [number, number] | undefined {
    const { chipletOf, occupants, slots } = this.#state;
    let best = -Infinity;
    let found: [number, number] | undefined;
    for (let e = 0; e < this.#numExperts; e++) {
      const origin = this.#incumbentOf[e];
      if (chipletOf[e] === origin) continue;
      for (let slot = origin * slots; slot < (origin + 1) * slots; slot++) {
        const f = occupants[slot];
        const added = this.#addedMoves(e, f);
        if (added >= 0) continue;
        const gain = this.#state.gain(e, f) / -added;
        if (gain <= best || this.#allows?.(e, f) === false) continue;
        best = gain;
        found = [e, f];
      }
    }
    return found;
  }

  #swap(e: number, f: number): void {
    this.moves += this.#addedMoves(e, f);
    this.#state.swap(e, f);
  }

  #countMoves(): void {
    this.moves = this.#incumbentOf.reduce(
      (moves, origin, expert) => moves + Number(this.#state.chipletOf[expert] !== origin),
      0,
    );
  }
}
