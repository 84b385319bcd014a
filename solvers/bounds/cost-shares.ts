import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { listSubsets, placeOfSubset, sumOverSubsets, type SubsetIndex } from "./subset-index.js";
import { sharePolynomials } from "./share-polynomials.js";
import { countSubsets } from "../columns/subset-costs.js";

/**
 * A function, linear in which subsets of experts share a chiplet, that is nowhere above the cost of a placement, in tokens:
 *
 *   sum of `alone` + sum of `weights` over the subsets of `largest` experts that share a chiplet.
 *
 * It comes from sharing the cost of a token on a chiplet among the experts it has there (see {@link costSharesOf}), with
 * polynomials below 1 / j for what an expert bears. Any choice of polynomials is below the cost, and so are averages of such
 * choices; {@link refit} moves towards the choice that is largest for the subsets observed to share a chiplet.
 *
 * The state is `cells`. Shape [index.length, 2], row-major: of the subset at each place of the index,
 * - how often it was observed to share a chiplet, in [0, 1], divided by `scale`, and
 * - its weight, before that of its supersets of `largest` experts takes it over,
 * side by side, because memory is what {@link refit} waits for. At first all subsets share a chiplet as often as those of experts
 * that are placed at random, and weights are 0.
 */
export class CostShares {
  /** On a full chiplet, the subsets of `largest` experts that contain a given subset. Indexed by its size, from 1. */
  readonly supersets: readonly number[];
  /** What each expert bears where it shares its chiplet with no expert of its tokens. Shape [numExperts]. */
  readonly alone: Float64Array;
  /** Of each subset of `largest` experts, in colexicographic order. Shape [comb(numExperts, largest)]. */
  readonly weights: Float64Array;

  readonly #patterns: TokenPatterns;
  readonly #index: SubsetIndex;
  readonly #cells: Float64Array;
  /** Observations are kept divided by it, so that fading them costs nothing. */
  #scale = 1;
  readonly #widths: ReadonlyMap<number, Width>;
  /** Patterns, neighbours in memory first. */
  readonly #order: Uint32Array;

  /** @param options.slots Experts on every chiplet, idle ones included. */
  constructor(patterns: TokenPatterns, { index, slots }: { index: SubsetIndex; slots: number }) {
    const { largest } = index;
    this.supersets = Array.from({ length: largest + 1 }, (_, size) =>
      countSubsets(slots - size, largest - size),
    );
    this.alone = new Float64Array(index.numExperts);
    this.weights = new Float64Array(index.length - index.offsets[largest]);
    this.#patterns = patterns;
    this.#index = index;
    this.#cells = cellsAtRandom(index, slots);
    this.#widths = listWidths(patterns, { largest, slots });
    this.#order = neighboursFirst(patterns);
  }

  /** Scales down what was observed so far, before more is. */
  fade(kept: number): void {
    this.#scale *= kept;
  }

  /** Observes, by `amount`, that a subset of `largest` experts shares a chiplet. Experts ascending. */
  observe(experts: ArrayLike<number>, amount: number): void {
    for (const positions of this.#index.subsetsOfLargest) {
      const place = placeOfSubset(this.#index, positions, experts);
      this.#cells[2 * place] += amount / this.#scale / this.supersets[positions.length];
    }
  }

  /** Observes, by `amount`, all experts of a full chiplet. Experts ascending. */
  observeChiplet(experts: readonly number[], amount: number): void {
    for (const positions of listSubsets(experts.length, this.#index.largest)) {
      this.#cells[2 * placeOfSubset(this.#index, positions, experts)] += amount / this.#scale;
    }
  }

  /** Moves `alone` and `weights` towards the shares that are largest for what was observed, by a part in (0, 1]. */
  refit(part: number): void {
    const cells = this.#cells;
    for (let expert = 0; expert < this.alone.length; expert++) this.alone[expert] *= 1 - part;
    for (let weight = 1; weight < cells.length; weight += 2) cells[weight] *= 1 - part;
    if (this.#index.largest === 2) this.#addLargestSharesOfPairs(part);
    else this.#addLargestShares(part);
    sumOverSubsets(this.#index, (place) => cells[2 * place + 1], this.weights);
  }

  /** Adds `part` of the shares that are largest for what was observed. Hot: walks every subset of every token's experts. */
  #addLargestShares(part: number): void {
    const { offsets, experts: all, counts } = this.#patterns;
    const { numExperts, largest: orders, offsets: starts } = this.#index;
    const { alone, supersets } = this;
    const cells = this.#cells;
    const scale = this.#scale;
    const comb = new Int32Array((orders + 1) * numExperts);
    this.#index.comb.forEach((row, place) => {
      comb.set(row, place * numExperts);
    });
    for (const pattern of this.#order) {
      const experts = all.subarray(offsets[pattern], offsets[pattern + 1]);
      const width = experts.length;
      const { positions, ends, polynomials, places, together, chosen } = this.#widths.get(width) as Width;
      const amount = part * counts[pattern];
      together.fill(0);
      for (let position = 0; position < width; position++) together[position * orders] = 1;
      for (let size = 2, from = 0, subset = 0; size <= orders; size++) {
        for (const end = ends[size]; from < end; from += size, subset++) {
          let place = starts[size];
          for (let at = 0; at < size; at++) {
            place += comb[(at + 1) * numExperts + experts[positions[from + at]]];
          }
          place *= 2;
          places[subset] = place;
          const times = scale * cells[place];
          for (let at = 0; at < size; at++) together[positions[from + at] * orders + size - 1] += times;
        }
      }
      for (let position = 0; position < width; position++) {
        const best = largestAt(polynomials, together, position * orders, orders);
        alone[experts[position]] += amount * polynomials[best];
        for (let order = 0; order < orders; order++) {
          chosen[position * orders + order] = polynomials[best + order];
        }
      }
      for (let size = 2, from = 0, subset = 0; size <= orders; size++) {
        for (const end = ends[size]; from < end; from += size, subset++) {
          let coefficients = 0;
          for (let at = 0; at < size; at++) coefficients += chosen[positions[from + at] * orders + size - 1];
          cells[places[subset] + 1] += (amount * coefficients) / supersets[size];
        }
      }
    }
  }

  /** The same of pairs alone, where nothing larger is priced: of many experts this is nearly all that the bound takes. */
  #addLargestSharesOfPairs(part: number): void {
    const { offsets, experts, counts } = this.#patterns;
    const { comb, offsets: starts } = this.#index;
    const { alone, supersets } = this;
    const cells = this.#cells;
    const scale = this.#scale;
    const rowOf = comb[2].map((rank) => 2 * (starts[2] + rank));
    for (const pattern of this.#order) {
      const [first, end] = [offsets[pattern], offsets[pattern + 1]];
      const { polynomials, together, chosen } = this.#widths.get(end - first) as Width;
      const amount = part * counts[pattern];
      together.fill(0);
      for (let at = first; at < end; at++) {
        const row = rowOf[experts[at]];
        let times = 0;
        for (let before = first; before < at; before++) {
          const shared = scale * cells[row + 2 * experts[before]];
          together[2 * (before - first) + 1] += shared;
          times += shared;
        }
        together[2 * (at - first)] = 1;
        together[2 * (at - first) + 1] = times;
      }
      for (let at = first; at < end; at++) {
        const best = largestAt(polynomials, together, 2 * (at - first), 2);
        alone[experts[at]] += amount * polynomials[best];
        chosen[at - first] = (amount / supersets[2]) * polynomials[best + 1];
      }
      for (let at = first; at < end; at++) {
        const row = rowOf[experts[at]] + 1;
        const own = chosen[at - first];
        for (let before = first; before < at; before++)
          cells[row + 2 * experts[before]] += own + chosen[before - first];
      }
    }
  }
}

/**
 * The cost of a placement shared among experts: a token has one copy on a chiplet, of which each of its j experts there
 * bears 1 / j.
 *
 * @param chipletOf Chiplet of every expert. Shape [numExperts].
 * @returns In tokens; they sum to the token copies. Shape [numExperts].
 */
export function costSharesOf(
  { numExperts, numPatterns, offsets, experts, counts }: TokenPatterns,
  chipletOf: ArrayLike<number>,
): Float64Array {
  const shares = new Float64Array(numExperts);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const ofToken = experts.subarray(offsets[pattern], offsets[pattern + 1]);
    for (const expert of ofToken) {
      const pinCount = ofToken.filter((peer) => chipletOf[peer] === chipletOf[expert]).length;
      shares[expert] += counts[pattern] / pinCount;
    }
  }
  return shares;
}

/** Cells with weights of 0, and as often together as subsets of their size are where experts are placed at random. */
function cellsAtRandom({ numExperts, largest, length, offsets }: SubsetIndex, slots: number): Float64Array {
  const cells = new Float64Array(2 * length);
  let chance = 1;
  for (let size = 2; size <= largest; size++) {
    chance *= (slots - size + 1) / (numExperts - size + 1);
    for (let place = offsets[size]; place < offsets[size + 1]; place++) cells[2 * place] = chance;
  }
  return cells;
}

/** What is the same for all patterns of a width. */
interface Width {
  /** The positions of all subsets, one after another, smaller ones first. */
  readonly positions: Uint8Array;
  /** Where the subsets of a size end. Indexed by size. */
  readonly ends: readonly number[];
  /** Coefficients of all share polynomials. Shape [numPolynomials, largest], row-major. */
  readonly polynomials: Float64Array;
  /** Room for a pattern's places, one a subset. */
  readonly places: Int32Array;
  /** Room for how many subsets of i partners share a chiplet with the expert at a position. Shape [width, largest]. */
  readonly together: Float64Array;
  /** Room for the coefficients of the polynomial chosen at each position. Shape [width, largest]. */
  readonly chosen: Float64Array;
}

function listWidths(
  { numPatterns, offsets }: TokenPatterns,
  { largest, slots }: { largest: number; slots: number },
): Map<number, Width> {
  const widths = new Map<number, Width>();
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const width = offsets[pattern + 1] - offsets[pattern];
    if (widths.has(width)) continue;
    const most = Math.min(width, slots) - 1;
    const subsets = listSubsets(width, Math.min(largest, most + 1));
    const ends = Array.from({ length: largest + 1 }, (_, size) =>
      subsets.reduce((sum, { length }) => sum + (length <= size ? length : 0), 0),
    );
    widths.set(width, {
      positions: Uint8Array.from(subsets.flatMap((subset) => [...subset])),
      ends,
      polynomials: rowsOfLength(largest, sharePolynomials(largest, most)),
      places: new Int32Array(subsets.length),
      together: new Float64Array(width * largest),
      chosen: new Float64Array(width * largest),
    });
  }
  return widths;
}

/** Orders patterns by their largest experts, so that subsets looked up in sequence lie near each other. */
function neighboursFirst({ numPatterns, offsets, experts }: TokenPatterns): Uint32Array {
  return Uint32Array.from({ length: numPatterns }, (_, pattern) => pattern).sort((a, b) => {
    for (let back = 1; ; back++) {
      const [atA, atB] = [offsets[a + 1] - back, offsets[b + 1] - back];
      if (atA < offsets[a] || atB < offsets[b]) return atB < offsets[b] ? 1 : -1;
      if (experts[atA] !== experts[atB]) return experts[atA] - experts[atB];
    }
  });
}

/** Where the polynomial begins that is largest at the combs from `start` on. */
function largestAt(polynomials: Float64Array, combs: Float64Array, start: number, orders: number): number {
  let largest = 0;
  let most = -Infinity;
  for (let row = 0; row < polynomials.length; row += orders) {
    let value = 0;
    for (let order = 0; order < orders; order++) value += polynomials[row + order] * combs[start + order];
    if (value <= most) continue;
    most = value;
    largest = row;
  }
  return largest;
}

/** Shape [rows.length, length], row-major; what a row lacks is 0. */
function rowsOfLength(length: number, rows: readonly Float64Array[]): Float64Array {
  const table = new Float64Array(rows.length * length);
  rows.forEach((row, at) => {
    table.set(row, at * length);
  });
  return table;
}
