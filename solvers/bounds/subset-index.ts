import { countSubsets } from "../columns/subset-costs.js";

/** Where the sets of 2 to `largest` of the first `numExperts` experts are in a flat array. */
export interface SubsetIndex {
  readonly numExperts: number;
  /** Experts of the largest sets. */
  readonly largest: number;
  /** Sets of all sizes together: the length of the flat array. */
  readonly length: number;
  /** Where the sets of a size begin, in colexicographic order. Indexed by size, to one past the largest. */
  readonly offsets: readonly number[];
  /** The positions of all subsets of two and more in one of `largest` experts, smaller ones first. */
  readonly subsetsOfLargest: readonly Uint8Array[];
  /** comb(expert, place): what an expert adds to the rank of a set in which it is the place-th, from 1. */
  readonly comb: readonly Int32Array[];
}

/**
 * Numbers all sets of 2 to `largest` experts.
 *
 * @example
 * const index = indexSubsets(64, 4);
 * placeOfSubset(index, [0, 1], [0, 1, 7]); // 0: the pair 0, 1
 * placeOfSubset(index, [0, 1, 2], [0, 1, 2]); // 2016, after the pairs
 */
export function indexSubsets(numExperts: number, largest: number): SubsetIndex {
  const offsets = [0, 0, 0];
  for (let size = 2; size <= largest; size++) {
    offsets.push(offsets[size] + countSubsets(numExperts, size));
  }
  const comb = Array.from({ length: largest + 1 }, (_, place) =>
    Int32Array.from({ length: numExperts }, (_, expert) => countSubsets(expert, place)),
  );
  const subsetsOfLargest = listSubsets(largest, largest);
  return { numExperts, largest, length: offsets[largest + 1], offsets, subsetsOfLargest, comb };
}

/**
 * Where the set of the experts at some positions of a list is.
 *
 * @param positions Ascending; 2 to `largest` of them.
 * @param experts Ascending.
 */
export function placeOfSubset(
  { offsets, comb }: SubsetIndex,
  positions: ArrayLike<number>,
  experts: ArrayLike<number>,
): number {
  let place = offsets[positions.length];
  for (let at = 0; at < positions.length; at++) place += comb[at + 1][experts[positions[at]]];
  return place;
}

/** Lists the sets of 2 to `largest` of the positions [0, width), each ascending, smaller sets first. */
export function listSubsets(width: number, largest: number): readonly Uint8Array[] {
  const bySize: number[][][] = [Array.from({ length: width }, (_, position) => [position])];
  for (let size = 2; size <= Math.min(largest, width); size++) {
    bySize.push(
      bySize[size - 2].flatMap((set) =>
        Array.from({ length: width - 1 - set[size - 2] }, (_, step) => [...set, set[size - 2] + 1 + step]),
      ),
    );
  }
  return bySize
    .slice(1)
    .flat()
    .map((set) => Uint8Array.from(set));
}

/**
 * Sums the weights of all subsets of two and more of every set of `largest` experts.
 *
 * Experts are added from the largest down. What each further expert would add to the set so far is kept in an array,
 * so that a set costs 2^(largest - 2) additions along contiguous rows. Hot: millions of sets a call.
 *
 * @param weightAt The weight of the set at a place; see {@link placeOfSubset}.
 * @param sums Overwritten. By place, less the place of the first. Shape [comb(numExperts, largest)].
 */
export function sumOverSubsets(
  index: SubsetIndex,
  weightAt: (place: number) => number,
  sums: Float64Array,
): void {
  const { numExperts, largest, offsets, comb } = index;
  const experts = new Uint16Array(largest);
  // added[depth][a]: what expert a adds to the `depth` experts chosen so far.
  const added = Array.from({ length: largest }, () => new Float64Array(numExperts));
  const extend = (depth: number, sum: number) => {
    const place = largest - 1 - depth;
    const below = depth === 0 ? numExperts : experts[place + 1];
    const before = added[depth];
    const after = added[depth + 1];
    for (let next = place; next < below; next++) {
      experts[place] = next;
      for (let expert = 0; expert < next; expert++) after[expert] = before[expert];
      // Every subset of the experts above `next` makes, with it, a row of sets that one smaller expert completes.
      for (let mask = 0; mask < 1 << depth; mask++) {
        let size = 2;
        let row = comb[2][next];
        for (let at = 0; at < depth; at++) {
          if (mask & (1 << at)) row += comb[++size][experts[place + 1 + at]];
        }
        row += offsets[size];
        for (let expert = 0; expert < next; expert++) after[expert] += weightAt(row + expert);
      }
      const sumWith = sum + before[next];
      if (place > 1) {
        extend(depth + 1, sumWith);
        continue;
      }
      const row = rowOf(index, experts);
      for (let expert = 0; expert < next; expert++) sums[row + expert] = sumWith + after[expert];
    }
  };
  extend(0, 0);
}

/**
 * Finds the sets of `largest` experts that, with weights of their pairs added, sum to less than 0.
 *
 * Hot: millions of sets a call, at three loads each.
 *
 * @param sums By place, less the place of the first. Shape [comb(numExperts, largest)].
 * @param pairs Symmetric. Shape [numExperts, numExperts], row-major.
 * @param visit Called with the experts, ascending, in an array that is used again, and the sum.
 */
export function findNegativeSets(
  index: SubsetIndex,
  { sums, pairs }: { sums: Float64Array; pairs: Float64Array },
  visit: (experts: Uint16Array, sum: number) => void,
): void {
  const { numExperts: n, largest } = index;
  const experts = new Uint16Array(largest);
  const added = Array.from({ length: largest }, () => new Float64Array(n));
  const extend = (depth: number, sum: number) => {
    const place = largest - 1 - depth;
    const below = depth === 0 ? n : experts[place + 1];
    const before = added[depth];
    const after = added[depth + 1];
    for (let next = place; next < below; next++) {
      experts[place] = next;
      const ofNext = next * n;
      const sumWith = sum + before[next];
      if (place > 1) {
        for (let expert = 0; expert < next; expert++) after[expert] = before[expert] + pairs[ofNext + expert];
        extend(depth + 1, sumWith);
        continue;
      }
      const row = rowOf(index, experts);
      for (let expert = 0; expert < next; expert++) {
        const total = sumWith + before[expert] + pairs[ofNext + expert] + sums[row + expert];
        if (total >= 0) continue;
        experts[0] = expert;
        visit(experts, total);
      }
    }
  };
  extend(0, 0);
}

/** Where the sets lie, among those of `largest`, that another expert below `experts[1]` completes. */
function rowOf({ largest, comb }: SubsetIndex, experts: ArrayLike<number>): number {
  let row = 0;
  for (let at = 1; at < largest; at++) row += comb[at + 1][experts[at]];
  return row;
}
