import { sharesOfReplicas, type DispatchModel } from "../../lib/placement/dispatch.js";

/** Shares of replicas that are remembered at most: some 20 MB. */
const MOST_KNOWN = 200_000;
/** Pairs of chiplets, for every expert, whose shares are remembered in a table: 32 MB. */
const MOST_PAIRS = 4e6;

/** What is known where shares are worked out. */
export interface SourceShape {
  readonly numExperts: number;
  readonly numChiplets: number;
  readonly chipletsPerGroup: number;
}

/**
 * Which part of an expert's tokens each of its replicas serves, where that is fixed by where tokens start.
 *
 * Working them out takes much longer than looking them up, and a search asks for the same again and again: they are remembered.
 */
export class SourceShares {
  readonly #dispatch: DispatchModel;
  readonly #shape: SourceShape;
  /** Share of the first of two replicas, NaN where not worked out yet. Shape [numExperts, numChiplets, numChiplets]. */
  readonly #ofFirst: Float64Array;
  readonly #ofSeveral = new Map<number, readonly number[]>();

  constructor(dispatch: DispatchModel, shape: SourceShape) {
    this.#dispatch = dispatch;
    this.#shape = shape;
    const pairs = shape.numExperts * shape.numChiplets ** 2;
    this.#ofFirst = new Float64Array(pairs <= MOST_PAIRS ? pairs : 0).fill(NaN);
  }

  /**
   * Writes the shares of an expert's replicas over the first numbers of `shares`.
   *
   * @param chiplets Those that hold the expert: the first `count` of the array, ascending.
   */
  write(expert: number, chiplets: Uint16Array, count: number, shares: Float64Array): void {
    const { numChiplets, numExperts } = this.#shape;
    if (count === 1) shares[0] = 1;
    else if (count === 2 && this.#ofFirst.length > 0) {
      const cell = (expert * numChiplets + chiplets[0]) * numChiplets + chiplets[1];
      if (Number.isNaN(this.#ofFirst[cell])) this.#ofFirst[cell] = this.#workOut(expert, chiplets, count)[0];
      shares[0] = this.#ofFirst[cell];
      shares[1] = 1 - shares[0];
    } else {
      let key = 0;
      for (let index = 0; index < count; index++) key = key * numChiplets + chiplets[index] + 1;
      key = key * numExperts + expert;
      let known = this.#ofSeveral.get(key);
      if (!known) {
        known = this.#workOut(expert, chiplets, count);
        if (this.#ofSeveral.size === MOST_KNOWN) this.#ofSeveral.clear();
        // Beyond, keys are no longer exact.
        if (key < Number.MAX_SAFE_INTEGER) this.#ofSeveral.set(key, known);
      }
      for (let index = 0; index < count; index++) shares[index] = known[index];
    }
  }

  #workOut(expert: number, chiplets: Uint16Array, count: number): readonly number[] {
    return sharesOfReplicas(this.#dispatch, [...chiplets.subarray(0, count)], { expert, ...this.#shape });
  }
}
