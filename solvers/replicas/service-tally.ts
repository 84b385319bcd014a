import { excessMore, type TrialRule } from "./replica-trials.js";
import type { ServiceLedger } from "./away-cover.js";

/**
 * What the chiplets of a placement under change serve, and what the change at hand would change of that.
 *
 * Flat typed arrays throughout: the innermost loops of the search over replicas add to them.
 */
export class ServiceTally implements ServiceLedger {
  /** Token-expert pairs served by each chiplet. Shape [numChiplets]. */
  readonly load: Float64Array;
  /** Tokens that visit each chiplet. Shape [numChiplets]. */
  readonly chipletTokens: Float64Array;
  /** Load of experts with one replica. Shape [numChiplets]. */
  readonly fixed: Float64Array;
  /** Tokens that chiplets serve of experts with several replicas. Shape [numExperts, numChiplets], row-major. */
  readonly served: Float64Array;
  /** C_T times the tokens. */
  copies = 0;

  readonly #numChiplets: number;
  /** What the change at hand adds to each of them. */
  readonly #moreLoad: Float64Array;
  readonly #moreFixed: Float64Array;
  readonly #moreTokens: Float64Array;
  readonly #moreServed: Float64Array;
  /** Cells of `#moreServed` that are not zero, or may be: the first `#numCells`. */
  readonly #cells: Int32Array;
  readonly #isCell: Uint8Array;
  #numCells = 0;

  constructor(numExperts: number, numChiplets: number) {
    this.#numChiplets = numChiplets;
    this.load = new Float64Array(numChiplets);
    this.chipletTokens = new Float64Array(numChiplets);
    this.fixed = new Float64Array(numChiplets);
    this.served = new Float64Array(numExperts * numChiplets);
    this.#moreLoad = new Float64Array(numChiplets);
    this.#moreFixed = new Float64Array(numChiplets);
    this.#moreTokens = new Float64Array(numChiplets);
    this.#moreServed = new Float64Array(numExperts * numChiplets);
    this.#cells = new Int32Array(numExperts * numChiplets);
    this.#isCell = new Uint8Array(numExperts * numChiplets);
  }

  /** Serves nothing, and changes nothing. */
  clear(): void {
    for (const sums of [this.load, this.chipletTokens, this.fixed, this.served]) sums.fill(0);
    this.copies = 0;
    this.forgetChange();
  }

  addLoad(expert: number, chiplet: number, tokens: number): void {
    const cell = expert * this.#numChiplets + chiplet;
    if (this.#isCell[cell] === 0) {
      this.#isCell[cell] = 1;
      this.#cells[this.#numCells++] = cell;
    }
    this.#moreServed[cell] += tokens;
    this.#moreLoad[chiplet] += tokens;
  }

  addTokens(chiplet: number, tokens: number): void {
    this.#moreTokens[chiplet] += tokens;
  }

  /** Adds the load of an expert with one replica. */
  addFixed(chiplet: number, tokens: number): void {
    this.#moreFixed[chiplet] += tokens;
    this.#moreLoad[chiplet] += tokens;
  }

  /** What the change costs, excess over the caps priced. */
  worse({ price, maxLoad, maxTokens, maxFixed }: TrialRule): number {
    let excess = 0;
    let copies = 0;
    for (let chiplet = 0; chiplet < this.#numChiplets; chiplet++) {
      copies += this.#moreTokens[chiplet];
      excess +=
        excessMore(this.load[chiplet], this.#moreLoad[chiplet], maxLoad) +
        excessMore(this.chipletTokens[chiplet], this.#moreTokens[chiplet], maxTokens) +
        excessMore(this.fixed[chiplet], this.#moreFixed[chiplet], maxFixed);
    }
    return copies + price * excess;
  }

  forgetChange(): void {
    this.#moreLoad.fill(0);
    this.#moreFixed.fill(0);
    this.#moreTokens.fill(0);
    for (let index = 0; index < this.#numCells; index++) {
      this.#moreServed[this.#cells[index]] = 0;
      this.#isCell[this.#cells[index]] = 0;
    }
    this.#numCells = 0;
  }

  /** Adds what the change changes to the sums. */
  keepChange(): void {
    for (let chiplet = 0; chiplet < this.#numChiplets; chiplet++) {
      this.load[chiplet] += this.#moreLoad[chiplet];
      this.fixed[chiplet] += this.#moreFixed[chiplet];
      this.chipletTokens[chiplet] += this.#moreTokens[chiplet];
      this.copies += this.#moreTokens[chiplet];
    }
    for (let index = 0; index < this.#numCells; index++) {
      const cell = this.#cells[index];
      this.served[cell] += this.#moreServed[cell];
    }
  }
}
