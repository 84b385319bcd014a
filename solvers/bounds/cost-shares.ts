import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { listSubsets, placeOfSubset, sumOverSubsets, type SubsetIndex } from "./subset-index.js";
import { sharePolynomials } from "./share-polynomials.js";
import { countSubsets } from "../columns/subset-costs.js";

/** A function of which sets of experts sit together that is nowhere above the cost of a placement, in tokens. */
export interface Shares {
  /** Of the largest sets together that a set sits in, with all chiplets full. Indexed by size, from 1. */
  readonly setsAround: readonly number[];
  /** What each expert owes if it sat alone, as the shares see it; they sum to the constant. Shape [numExperts]. */
  readonly alone: Float64Array;
  /** What each largest set adds if it sits together, in colexicographic order. Shape [comb(numExperts, largest)]. */
  readonly sums: Float64Array;
  /** Scales down what is known of which sets sit together, before more is seated. */
  fadeSeats(kept: number): void;
  /** Adds a largest set that sits together, for `amount`. Experts ascending. */
  seat(experts: ArrayLike<number>, amount: number): void;
  /** Adds the experts of a full chiplet, all of whose sets sit together, for `amount`. Experts ascending. */
  seatChiplet(experts: readonly number[], amount: number): void;
  /** Moves `alone` and `sums` towards the shares that are largest for what is seated, by a part in (0, 1]. */
  renew(part: number): void;
}

/**
 * Makes shares over a layer's tokens; they are 0 until renewed. At first all sets are seated alike.
 *
 * Of every token and expert, the share polynomial that is largest for the sets seated so far is taken. Averages of such
 * functions are below the cost as well.
 *
 * @param options.slots Experts on every chiplet, idle ones included.
 */
export function createShares(
  patterns: TokenPatterns,
  { index, slots }: { index: SubsetIndex; slots: number },
): Shares {
  const { largest } = index;
  const setsAround = Array.from({ length: largest + 1 }, (_, size) =>
    countSubsets(slots - size, largest - size),
  );
  const alone = new Float64Array(index.numExperts);
  const sums = new Float64Array(index.length - index.offsets[largest]);
  const cells = placeAlike(index, slots);
  // Seats are kept divided by it, so that fading them costs nothing.
  let scale = 1;
  const subsetsOfSet = listSubsets(largest, largest);
  const widths = listWidths(patterns, { largest, slots });
  const order = neighboursFirst(patterns);
  return {
    setsAround,
    alone,
    sums,
    fadeSeats(kept) {
      scale *= kept;
    },
    seat(experts, amount) {
      for (const positions of subsetsOfSet) {
        const place = placeOfSubset(index, positions, experts);
        cells[2 * place] += amount / scale / setsAround[positions.length];
      }
    },
    seatChiplet(experts, amount) {
      for (const positions of listSubsets(experts.length, largest)) {
        cells[2 * placeOfSubset(index, positions, experts)] += amount / scale;
      }
    },
    renew(part) {
      for (let expert = 0; expert < alone.length; expert++) alone[expert] *= 1 - part;
      for (let weight = 1; weight < cells.length; weight += 2) cells[weight] *= 1 - part;
      addLargestShares(patterns, { setsAround, alone }, { index, order, widths, cells, scale, part });
      sumOverSubsets(index, (place) => cells[2 * place + 1], sums);
    },
  };
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

/** Cells with weights of 0 and as often together as sets of their size are where experts are seated at random. */
function placeAlike({ numExperts, largest, length, offsets }: SubsetIndex, slots: number): Float64Array {
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
  /** Room for how many sets of i partners sit together with the expert at a position. Shape [width, largest]. */
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

interface Additions {
  readonly index: SubsetIndex;
  /** Patterns, neighbours in memory first. */
  readonly order: Uint32Array;
  readonly widths: ReadonlyMap<number, Width>;
  /**
   * Of each set by place, how often it sits together, divided by `scale`, and its weight: side by side, because memory
   * is what the walk waits for. Shape [index.length, 2], row-major.
   */
  readonly cells: Float64Array;
  readonly scale: number;
  readonly part: number;
}

/** Orders patterns by their largest experts, so that sets looked up one after another lie near one another. */
function neighboursFirst({ numPatterns, offsets, experts }: TokenPatterns): Uint32Array {
  return Uint32Array.from({ length: numPatterns }, (_, pattern) => pattern).sort((one, other) => {
    for (let back = 1; ; back++) {
      const [at, otherAt] = [offsets[one + 1] - back, offsets[other + 1] - back];
      if (at < offsets[one] || otherAt < offsets[other]) return otherAt < offsets[other] ? 1 : -1;
      if (experts[at] !== experts[otherAt]) return experts[at] - experts[otherAt];
    }
  });
}

/** Adds `part` of the shares that are largest for what is seated. Hot: walks every set of every token's experts. */
function addLargestShares(
  { offsets, experts: all, counts }: TokenPatterns,
  { setsAround, alone }: Pick<Shares, "setsAround" | "alone">,
  { index, order, widths, cells, scale, part }: Additions,
): void {
  const { numExperts, largest: orders, offsets: starts } = index;
  const comb = new Int32Array((orders + 1) * numExperts);
  index.comb.forEach((row, place) => {
    comb.set(row, place * numExperts);
  });
  for (const pattern of order) {
    const experts = all.subarray(offsets[pattern], offsets[pattern + 1]);
    const width = experts.length;
    const { positions, ends, polynomials, places, together, chosen } = widths.get(width) as Width;
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
        cells[places[subset] + 1] += (amount * coefficients) / setsAround[size];
      }
    }
  }
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
