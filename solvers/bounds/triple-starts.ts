import { countSubsets } from "../columns/subset-costs.js";
import { LARGEST, type SubsetWeights } from "./subset-weights.js";

/** Triples of experts that chains can begin with. */
export interface TripleStarts {
  /** Ascending in each triple, triples in lexicographic order. Shape [length, 3], row-major. */
  readonly experts: Uint16Array;
  /** What a quadruple with this triple amounts to at least, or another of its triples is a start. Shape [length]. */
  readonly values: Float64Array;
  readonly length: number;
}

/**
 * Lists the triples that chains of subsets begin with.
 *
 * What a quadruple amounts to, R (see `enumerateColumns`), is the mean over its four triples of what these amount to, and of
 * the quadruple's own weight each time. So one of its triples amounts to no more than R, with that weight; and so with the
 * least weight of any quadruple that it is in. Triples are comb(numExperts, 3) where quadruples are comb(numExperts, 4):
 * of 384 experts 9 million against 891. Hot.
 *
 * @param options.own What each expert weighs on its own, multiplier included. Shape [numExperts].
 * @param options.most Largest value of the triples wanted.
 */
export function listTripleStarts(
  { subsets, ofPairs, ofTriples, ofQuadruples }: SubsetWeights,
  { own, slots, most }: { own: Float64Array; slots: number; most: number },
): TripleStarts {
  const { numExperts: n, patterns, ofPairs: rows } = subsets;
  const numReal = patterns.numExperts;
  const [f1, f2, f3] = [1, 2, 3].map((j) => countSubsets(slots, j) / countSubsets(3, j));
  const f4 = countSubsets(slots, LARGEST);
  const leastOfTriple = leastInRows(subsets.ofTriples.starts, ofQuadruples);
  const terms = new Float64Array(ofTriples.length);
  for (let at = 0; at < terms.length; at++)
    terms[at] = f3 * ofTriples[at] + f4 * leastOfTriple[rows.subsets[at]];
  const added = new Float64Array(n);
  // Idle experts are all alike: they come in the order of their numbers.
  const endAfter = (last: number) => Math.min(n, last < numReal ? numReal + 1 : last + 2);
  const starts = { experts: new Uint16Array(3 << 10), values: new Float64Array(1 << 10) };
  let length = 0;
  for (let a = 0; a < endAfter(-1); a++) {
    for (let b = a + 1; b < endAfter(a); b++) {
      const ofTwo = f1 * (own[a] + own[b]) + f2 * ofPairs[a * n + b];
      const left = most - ofTwo;
      const end = endAfter(b);
      for (let c = b + 1; c < end; c++)
        added[c] = f1 * own[c] + f2 * (ofPairs[a * n + c] + ofPairs[b * n + c]);
      for (let at = rows.starts[a * n + b]; at < rows.starts[a * n + b + 1]; at++)
        added[rows.experts[at]] += terms[at];
      for (let c = b + 1; c < end; c++) {
        if (added[c] > left) continue;
        if (length === starts.values.length) grow(starts);
        starts.experts[3 * length] = a;
        starts.experts[3 * length + 1] = b;
        starts.experts[3 * length + 2] = c;
        starts.values[length++] = ofTwo + added[c];
      }
    }
  }
  return { ...starts, length };
}

/** The least weight in each row, 0 where there is none below. */
function leastInRows(starts: Int32Array, weights: Float64Array): Float64Array {
  const least = new Float64Array(starts.length - 1);
  for (let row = 0; row < least.length; row++) {
    for (let at = starts[row]; at < starts[row + 1]; at++)
      if (weights[at] < least[row]) least[row] = weights[at];
  }
  return least;
}

function grow(starts: { experts: Uint16Array; values: Float64Array }): void {
  const experts = new Uint16Array(2 * starts.experts.length);
  experts.set(starts.experts);
  starts.experts = experts;
  const values = new Float64Array(2 * starts.values.length);
  values.set(starts.values);
  starts.values = values;
}
