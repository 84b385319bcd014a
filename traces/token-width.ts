import { checkModelSizes } from "../lib/plausible-size.js";
import type { NumberingOptions } from "./numbering.js";
import type { RowFault } from "./row-fault.js";

/** How many experts the tokens of a trace have: as declared or as in the first row, and as met so far. */
export class TokenWidth {
  /** Experts that a token is expected to have, 0 as long as that is not known. */
  topK: number;
  /** Places in a row that is held: top-k or, in files with padding in every row, more. 0 as long as it is not known. */
  places: number;
  /** Whether tokens may have fewer experts than top-k. */
  mayVary: boolean;
  /** Experts of the token that has most. */
  widest = 0;
  /** Experts of the token that has fewest. */
  narrowest = Infinity;

  /** Places of the row that top-k was taken from, where padding fills it up: others may have more experts. */
  #placesOfFilled = 0;
  readonly #options: NumberingOptions;
  /** Whether experts are left out: rows have more places than tokens have experts, and top-k is of what is left. */
  readonly #leavesOut: boolean;

  constructor(options: NumberingOptions) {
    this.#options = options;
    this.topK = options.topK ?? 0;
    this.#leavesOut = (options.dropExperts?.length ?? 0) > 0;
    this.places = this.#leavesOut ? 0 : this.topK;
    this.mayVary = options.topK !== undefined;
  }

  /**
   * Expects so many experts from now on, where that is not known yet.
   *
   * @param width Places of the row, padding among them.
   */
  expect(topK: number, width = topK): void {
    if (this.topK === 0) {
      checkModelSizes("trace", { topK }, this.#options);
      this.topK = topK;
      if (width > topK) this.#placesOfFilled = width;
    }
    if (this.places === 0) this.places = Math.max(topK, this.topK);
  }

  /** Holds rows of so many places, where that is not known yet. */
  hold(places: number): void {
    if (this.places > 0) return;
    checkModelSizes("trace", { topK: places }, this.#options);
    this.places = places;
  }

  /** Takes a token, or many, of so many experts into account. */
  count(numExperts: number): void {
    this.widest = Math.max(this.widest, numExperts);
    this.narrowest = Math.min(this.narrowest, numExperts);
  }

  /** What is wrong with a token of so many experts, none of them padding; expected from now on where nothing was. */
  fault(numExperts: number): RowFault | undefined {
    this.expect(numExperts);
    const isExpected = this.topK === numExperts || (this.#leavesOut && numExperts > this.topK);
    return isExpected && numExperts <= this.places ? undefined : this.unlike(numExperts);
  }

  /** Says that a token has so many experts, and others have not. */
  unlike(numExperts: number): RowFault {
    const found = `found ${numExperts} expert${numExperts === 1 ? "" : "s"} in a token, expected ${Math.min(this.topK, this.places)} as in`;
    return this.#placesOfFilled >= numExperts
      ? {
          found: `${found} the first, which padding fills up`,
          advice: `Maybe tokens have varying numbers of experts; pass topK ${this.#placesOfFilled}, the most of them.`,
        }
      : {
          found: `${found} the others`,
          advice:
            "Maybe the line is damaged, the trace mixes models, or tokens have varying numbers of experts; pass topK, the most of them.",
        };
  }
}
