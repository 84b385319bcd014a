import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

/**
 * The triples and quadruples of experts that a token chose together, numbered in order of first appearance, so that
 * functions of subsets are kept for these alone: where experts are many, nearly all others have no token.
 */
export interface TokenSubsets {
  readonly patterns: TokenPatterns;
  /** Experts with the idle ones that fill chiplets up, which no token chose. */
  readonly numExperts: number;
  readonly numTriples: number;
  readonly numQuadruples: number;
  /** Of every pattern in turn, its triples in lexicographic order of their positions. */
  readonly triplesOfPatterns: Int32Array;
  /** Of every pattern in turn, its quadruples, each triple followed by the positions above it. */
  readonly quadruplesOfPatterns: Int32Array;
  /** Of the pair a * numExperts + b, a < b: the experts that make it a triple. */
  readonly ofPairs: Completions;
  /** Of every triple: the experts that make it a quadruple. */
  readonly ofTriples: Completions;
  /** The number of a triple, experts ascending; -1 where no token chose it. */
  readonly tripleOf: (a: number, b: number, c: number) => number;
}

/** Rows of experts, each of which completes the row's subset to a larger one. */
export interface Completions {
  /** Shape [rows + 1]. */
  readonly starts: Int32Array;
  /** Shape [starts[rows]]. */
  readonly experts: Uint16Array;
  /** Number of the completed subset. Shape [starts[rows]]. */
  readonly subsets: Int32Array;
}

/** Adds the weights of a row, given row by row, to the sums of the experts that complete its subset. Hot. */
export function addRow(
  sums: Float64Array,
  weights: Float64Array,
  { rows: { starts, experts }, row }: { rows: Completions; row: number },
): void {
  for (let at = starts[row], end = starts[row + 1]; at < end; at++) sums[experts[at]] += weights[at];
}

/** Keys are 32-bit integers. */
const LARGEST_KEY = 2 ** 31 - 1;

/**
 * Numbers the triples and quadruples of tokens. Time and memory O(numPatterns * comb(topK, 4)).
 *
 * @returns Undefined where more than `mostSubsets` subsets of patterns would have to be looked at.
 */
export function indexTokenSubsets(
  patterns: TokenPatterns,
  { numExperts, mostSubsets }: { numExperts: number; mostSubsets: number },
): TokenSubsets | undefined {
  const { numPatterns, offsets, experts } = patterns;
  let [numTriplesOf, numQuadruplesOf] = [0, 0];
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const width = offsets[pattern + 1] - offsets[pattern];
    numTriplesOf += (width * (width - 1) * (width - 2)) / 6;
    numQuadruplesOf += (width * (width - 1) * (width - 2) * (width - 3)) / 24;
  }
  if (
    numQuadruplesOf > mostSubsets ||
    numExperts ** 3 > LARGEST_KEY ||
    numTriplesOf * numExperts > LARGEST_KEY
  )
    return undefined;
  const triples = new KeyTable(numTriplesOf);
  const quadruples = new KeyTable(numQuadruplesOf);
  const triplesOfPatterns = new Int32Array(numTriplesOf);
  const quadruplesOfPatterns = new Int32Array(numQuadruplesOf);
  for (let pattern = 0, atTriple = 0, atQuadruple = 0; pattern < numPatterns; pattern++) {
    const end = offsets[pattern + 1];
    for (let a = offsets[pattern]; a < end; a++) {
      for (let b = a + 1; b < end; b++) {
        for (let c = b + 1; c < end; c++) {
          const triple = triples.add((experts[a] * numExperts + experts[b]) * numExperts + experts[c]);
          triplesOfPatterns[atTriple++] = triple;
          for (let d = c + 1; d < end; d++) {
            quadruplesOfPatterns[atQuadruple++] = quadruples.add(triple * numExperts + experts[d]);
          }
        }
      }
    }
  }
  const tripleOf = (a: number, b: number, c: number) => triples.find((a * numExperts + b) * numExperts + c);
  const expertsOfTriple = (triple: number) => {
    const key = triples.keys[triple];
    const pair = Math.floor(key / numExperts);
    return [Math.floor(pair / numExperts), pair % numExperts, key % numExperts] as const;
  };
  return {
    patterns,
    numExperts,
    numTriples: triples.size,
    numQuadruples: quadruples.size,
    triplesOfPatterns,
    quadruplesOfPatterns,
    ofPairs: collectCompletions(
      { numRows: numExperts ** 2, numSubsets: triples.size, size: 3 },
      (triple, add) => {
        const [a, b, c] = expertsOfTriple(triple);
        add(a * numExperts + b, c);
        add(a * numExperts + c, b);
        add(b * numExperts + c, a);
      },
    ),
    ofTriples: collectCompletions(
      { numRows: triples.size, numSubsets: quadruples.size, size: 4 },
      (quadruple, add) => {
        const key = quadruples.keys[quadruple];
        const triple = Math.floor(key / numExperts);
        const d = key % numExperts;
        const [a, b, c] = expertsOfTriple(triple);
        add(triple, d);
        add(tripleOf(a, b, d), c);
        add(tripleOf(a, c, d), b);
        add(tripleOf(b, c, d), a);
      },
    ),
    tripleOf,
  };
}

/** Collects rows; `list` names, for a subset, the row of each subset one smaller and the expert that completes it. */
function collectCompletions(
  { numRows, numSubsets, size }: { numRows: number; numSubsets: number; size: number },
  list: (subset: number, add: (row: number, expert: number) => void) => void,
): Completions {
  const starts = new Int32Array(numRows + 1);
  for (let subset = 0; subset < numSubsets; subset++) list(subset, (row) => starts[row + 1]++);
  for (let row = 0; row < numRows; row++) starts[row + 1] += starts[row];
  const next = starts.slice();
  const experts = new Uint16Array(size * numSubsets);
  const subsets = new Int32Array(size * numSubsets);
  for (let subset = 0; subset < numSubsets; subset++) {
    list(subset, (row, expert) => {
      const place = next[row]++;
      experts[place] = expert;
      subsets[place] = subset;
    });
  }
  return { starts, experts, subsets };
}

/** Numbers distinct keys, 31-bit integers, in the order in which they come: open addressing, at most half full. */
class KeyTable {
  readonly keys: Int32Array;
  size = 0;
  /** Number + 1 of the key in each bucket, 0 where free. Its length is a power of two. */
  readonly #buckets: Int32Array;

  constructor(mostKeys: number) {
    this.keys = new Int32Array(mostKeys);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(2 * mostKeys + 2)));
  }

  /** The number of a key, a new one where it has none. */
  add(key: number): number {
    const bucket = this.#bucketOf(key);
    const number = this.#buckets[bucket] - 1;
    if (number >= 0) return number;
    this.keys[this.size++] = key;
    this.#buckets[bucket] = this.size;
    return this.size - 1;
  }

  /** The number of a key, -1 where it has none. */
  find(key: number): number {
    return this.#buckets[this.#bucketOf(key)] - 1;
  }

  #bucketOf(key: number): number {
    const mask = this.#buckets.length - 1;
    const hash = Math.imul(key ^ (key >>> 15), 0x2c1b3c6d);
    let bucket = (hash ^ (hash >>> 13)) & mask;
    while (this.#buckets[bucket] !== 0 && this.keys[this.#buckets[bucket] - 1] !== key)
      bucket = (bucket + 1) & mask;
    return bucket;
  }
}
