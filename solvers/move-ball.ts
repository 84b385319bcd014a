import { chipletOfExperts, type Chiplets } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import type { Random } from "../lib/random.js";
import type { SeatedFilling } from "./reach-partition.js";
import { createSwapRule } from "./swap-rule.js";
import { TouchState, type SwapRule } from "./touch-state.js";

/**
 * A seating under change that knows how many experts are away from where they sit in a running one, and comes back to
 * at most `maxMoves` of them: a ball around the running seating.
 */
export class MoveBall {
  /** Experts that sit elsewhere than in the running seating. */
  moves = 0;

  readonly #state: TouchState;
  readonly #allows: SwapRule | undefined;
  readonly #numExperts: number;
  readonly #homeOf: Uint16Array;

  constructor(
    problem: PlacementProblem,
    running: Chiplets,
    readonly maxMoves: number,
  ) {
    this.#state = new TouchState(problem);
    this.#allows = createSwapRule(problem, this.#state);
    this.#numExperts = problem.numExperts;
    this.#homeOf = chipletOfExperts(running, problem.numExperts);
  }

  /** Token copies of the seating: its cost. */
  get touches(): number {
    return this.#state.touches;
  }

  expertChiplets(): Uint16Array {
    return this.#state.expertChiplets();
  }

  /** What is on every chiplet, empty ones included. */
  fillings(): SeatedFilling[] {
    const { seats, slots, touch, numChiplets } = this.#state;
    return Array.from({ length: numChiplets }, (_, chiplet) => {
      const occupants = seats.slice(chiplet * slots, (chiplet + 1) * slots).sort();
      const experts = [...occupants].filter((occupant) => occupant < this.#numExperts);
      const moves = experts.filter((expert) => this.#homeOf[expert] !== chiplet).length;
      return { chiplet, experts, tokens: touch[chiplet], moves };
    });
  }

  seat(chipletOf: ArrayLike<number>): void {
    this.#state.seat(chipletOf);
    this.#countMoves();
  }

  save(): void {
    this.#state.save();
  }

  restore(): void {
    this.#state.restore();
    this.#countMoves();
  }

  /** Swaps inside the ball for as long as a swap gains, always the one that gains most for each move it adds. */
  descend(): void {
    for (;;) {
      const swap = this.#bestSwap((gain, added) =>
        gain > 0 && this.moves + added <= this.maxMoves ? gain / Math.max(1, added) : 0,
      );
      if (!swap) return;
      this.#swap(...swap);
    }
  }

  /**
   * Sends experts home until no more than `maxMoves` are away, each time by the swap that costs least for each of them.
   *
   * @returns Whether it came back; limits may be in the way.
   */
  retreat(): boolean {
    while (this.moves > this.maxMoves) {
      // Shifted so that every way home scores above 0, a loss of all token copies included.
      const swap = this.#bestSwap((gain, added) => (added < 0 ? 2 * this.touches + gain / -added : 0));
      if (!swap) return false;
      this.#swap(...swap);
    }
    return true;
  }

  /** Makes random swaps, which may lead out of the ball. */
  kick(random: Random, swaps: number): void {
    for (let swap = 0; swap < swaps; swap++) {
      const e = random.below(this.#state.numOccupants);
      const f = random.below(this.#state.numOccupants);
      if (this.#state.chipletOf[e] === this.#state.chipletOf[f] || this.#allows?.(e, f) === false) continue;
      this.#swap(e, f);
    }
  }

  /** The allowed swap of highest score above 0. */
  #bestSwap(score: (gain: number, added: number) => number): [number, number] | undefined {
    const { chipletOf, numOccupants } = this.#state;
    let best = 0;
    let found: [number, number] | undefined;
    for (let e = 0; e < numOccupants; e++) {
      for (let f = e + 1; f < numOccupants; f++) {
        if (chipletOf[e] === chipletOf[f]) continue;
        const value = score(this.#state.gain(e, f), this.#addedMoves(e, f));
        if (value <= best || this.#allows?.(e, f) === false) continue;
        best = value;
        found = [e, f];
      }
    }
    return found;
  }

  /** Experts more away from home after a swap than before, -2 to 2. */
  #addedMoves(e: number, f: number): number {
    const { chipletOf } = this.#state;
    const added = (occupant: number, to: number) =>
      occupant >= this.#numExperts
        ? 0
        : Number(to !== this.#homeOf[occupant]) - Number(chipletOf[occupant] !== this.#homeOf[occupant]);
    return added(e, chipletOf[f]) + added(f, chipletOf[e]);
  }

  #swap(e: number, f: number): void {
    this.moves += this.#addedMoves(e, f);
    this.#state.swap(e, f);
  }

  #countMoves(): void {
    this.moves = this.#homeOf.reduce(
      (moves, home, expert) => moves + Number(this.#state.chipletOf[expert] !== home),
      0,
    );
  }
}
