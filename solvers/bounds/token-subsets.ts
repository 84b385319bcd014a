import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { countSubsets } from "../columns/subset-costs.js";

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
  readonly triples: TripleTable;
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

/** Keys are 32-bit integers. */
const LARGEST_KEY = 2 ** 31 - 1;

/**
 * Numbers the triples and quadruples of tokens. Time O(numPatterns * comb(topK, 4)), memory that and 4 bytes for each of the
 * comb(numExperts, 3) triples there are.
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
  const mostTriples = Math.min(numTriplesOf, countSubsets(numExperts, 3));
  if (numQuadruplesOf > mostSubsets || mostTriples * numExperts > LARGEST_KEY) return undefined;
  const triples = new TripleTable(numExperts);
  const quadruples = new KeyTable();
  const triplesOfPatterns = new Int32Array(numTriplesOf);
  const quadruplesOfPatterns = new Int32Array(numQuadruplesOf);
  for (let pattern = 0, atTriple = 0, atQuadruple = 0; pattern < numPatterns; pattern++) {
    const end = offsets[pattern + 1];
    for (let a = offsets[pattern]; a < end; a++) {
      for (let b = a + 1; b < end; b++) {
        for (let c = b + 1; c < end; c++) {
          const triple = triples.add(experts[a], experts[b], experts[c]);
          triplesOfPatterns[atTriple++] = triple;
          for (let d = c + 1; d < end; d++) {
            quadruplesOfPatterns[atQuadruple++] = quadruples.add(triple * numExperts + experts[d]);
          }
        }
      }
    }
  }
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
        const [a, b, c] = triples.expertsOf(triple);
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
        const [a, b, c] = triples.expertsOf(triple);
        add(triple, d);
        add(triples.find(a, b, d), c);
        add(triples.find(a, c, d), b);
        add(triples.find(b, c, d), a);
      },
    ),
    triples,
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

/** Numbers triples in the order in which they come, by a table of all there are: a look-up is one access to memory. */
export class TripleTable {
  size = 0;
  /** Number + 1 of the triple a < b < c at a + comb(b, 2) + comb(c, 3), 0 where it has none. */
  readonly #numbers: Int32Array;
  /** comb(expert, 2) and comb(expert, 3). Shapes [numExperts]. */
  readonly pairs: Int32Array;
  readonly triples: Int32Array;
  /** Shape [size, 3], with room for more. */
  #experts = new Uint16Array(3 << 12);

  constructor(numExperts: number) {
    this.#numbers = new Int32Array(countSubsets(numExperts, 3));
    this.pairs = Int32Array.from({ length: numExperts }, (_, expert) => countSubsets(expert, 2));
    this.triples = Int32Array.from({ length: numExperts }, (_, expert) => countSubsets(expert, 3));
  }

  /** How many places {@link placeOf} tells of. */
  get numPlaces(): number {
    return this.#numbers.length;
  }

  /** Of a triple a < b < c: a + comb(b, 2) + comb(c, 3). */
  placeOf(triple: number): number {
    const start = 3 * triple;
    return (
      this.#experts[start] + this.pairs[this.#experts[start + 1]] + this.triples[this.#experts[start + 2]]
    );
  }

  /** The number of a triple, experts ascending, a new one where it has none. */
  add(a: number, b: number, c: number): number {
    const place = a + this.pairs[b] + this.triples[c];
    if (this.#numbers[place] > 0) return this.#numbers[place] - 1;
    const start = 3 * this.size;
    if (start === this.#experts.length) this.#experts = grown(this.#experts, new Uint16Array(2 * start));
    this.#experts[start] = a;
    this.#experts[start + 1] = b;
    this.#experts[start + 2] = c;
    this.#numbers[place] = ++this.size;
    return this.size - 1;
  }

  /** The number of a triple, experts ascending; -1 where no token chose it. */
  find(a: number, b: number, c: number): number {
    return this.#numbers[a + this.pairs[b] + this.triples[c]] - 1;
  }

  /** The number of the triple of a pair and any third expert, -1 where no token chose it. */
  findWith(low: number, high: number, third: number): number {
    if (third < low) return this.find(third, low, high);
    return third < high ? this.find(low, third, high) : this.find(low, high, third);
  }

  expertsOf(triple: number): readonly [number, number, number] {
    const start = 3 * triple;
    return [this.#experts[start], this.#experts[start + 1], this.#experts[start + 2]];
  }
}

/** Numbers distinct keys, 31-bit integers, in the order in which they come: open addressing, at most half full. */
class KeyTable {
  size = 0;
  keys = new Int32Array(1 << 12);
  /** Number + 1 of the key in each bucket, 0 where free. Twice as many as there is room for keys: a power of two. */
  #buckets = new Int32Array(1 << 13);

  /** The number of a key, a new one where it has none. */
  add(key: number): number {
    const bucket = this.#bucketOf(key);
    const number = this.#buckets[bucket] - 1;
    if (number >= 0) return number;
    this.keys[this.size++] = key;
    this.#buckets[bucket] = this.size;
    if (this.size === this.keys.length) this.#grow();
    return this.size - 1;
  }

  #bucketOf(key: number): number {
    const mask = this.#buckets.length - 1;
    const hash = Math.imul(key ^ (key >>> 15), 0x2c1b3c6d);
    let bucket = (hash ^ (hash >>> 13)) & mask;
    while (this.#buckets[bucket] !== 0 && this.keys[this.#buckets[bucket] - 1] !== key)
      bucket = (bucket + 1) & mask;
    return bucket;
  }

  #grow(): void {
    this.keys = grown(this.keys, new Int32Array(2 * this.keys.length));
    this.#buckets = new Int32Array(2 * this.#buckets.length);
    for (let number = 0; number < this.size; number++)
      this.#buckets[this.#bucketOf(this.keys[number])] = number + 1;
  }
}

function grown<T extends Int32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
