import { startKernel } from "../../lib/kernels/kernel.js";
import { MemoryPlan } from "../../lib/kernels/memory-plan.js";
import { LARGEST, type SubsetWeights } from "./subset-weights.js";
import type { TokenSubsets } from "./token-subsets.js";

/** What is known of the first so many experts of a chain: what each expert would add in pairs, triples and quadruples. Shapes [numExperts]. */
export interface ChainLevel {
  readonly pairs: Int32Array;
  readonly triples: Int32Array;
  readonly quadruples: Int32Array;
}

/** Factors of experts, pairs, triples and quadruples, by how many experts these are. */
export type SizeFactors = readonly number[];

/** The tables of a set that grows and shrinks by its last expert; weights are integers. */
export interface ChainTables {
  /** Shape [slots]. */
  readonly members: Uint16Array;
  /** What each expert weighs on its own. Shape [numExperts]. */
  readonly own: Int32Array;
  /** Of 0 to slots - 1 members. */
  readonly levels: readonly ChainLevel[];
  /** What {@link list} found, of every number of members. */
  readonly listed: readonly Uint16Array[];
  /** Takes weights as multiples of `grain`, in tokens, rounded down. */
  load(weights: SubsetWeights, own: Float64Array, grain: number): void;
  /**
   * Makes an expert the next member of a set of `size`. Hot.
   *
   * Time O(numExperts + entries of the rows of its pairs and triples with the members).
   */
  push(size: number, expert: number): void;
  /**
   * Lists, ascending, the experts that would add at most `most` to the set of so many members: what they weigh, and add in pairs,
   * triples and quadruples, times factors. Members may be among them, and behind all others some numbers that no expert has. Hot.
   *
   * @returns How many.
   */
  list(size: number, factors: SizeFactors, most: number): number;
}

/** The functions of kernels/chain-tables.ts; addresses are in bytes. */
interface ChainTablesKernel {
  readonly configure: (...sizesAndAddresses: readonly number[]) => void;
  readonly push: (size: number, expert: number) => void;
  readonly list: (size: number, f1: number, f2: number, f3: number, f4: number, most: number) => number;
}

/** Experts of 32 bits in a vector. */
const LANES = 4;

/** Tables that a kernel keeps; undefined where there are no kernels. */
export function vectorChainTables(subsets: TokenSubsets, slots: number): ChainTables | undefined {
  const { numExperts: n, numTriples, ofPairs, ofTriples, triples } = subsets;
  const stride = Math.ceil(n / LANES) * LANES;
  const plan = new MemoryPlan();
  const at = {
    members: plan.take(slots, 2),
    own: plan.take(stride, 4),
    ofPairs: plan.take(n * stride, 4),
    pairStarts: plan.take(n * n + 1, 4),
    pairEntries: plan.take(ofPairs.experts.length, 8),
    tripleRows: plan.take(triples.numPlaces, 4),
    tripleEntries: plan.take(ofTriples.experts.length + numTriples, 8),
    comb2: plan.take(n, 4),
    comb3: plan.take(n, 4),
    rowsAtHand: plan.take(slots * slots, 4),
    levels: plan.take(slots * (LARGEST - 1) * stride, 4),
    listed: plan.take(slots * stride, 2),
  };
  const kernel = startKernel("chain-tables", plan.numBytes);
  if (!kernel) return undefined;
  const { buffer } = kernel;
  const { configure, push, list } = kernel.exports as ChainTablesKernel;
  configure(
    4 * stride,
    n,
    at.members,
    at.own,
    at.ofPairs,
    at.pairStarts,
    at.pairEntries,
    at.tripleRows,
    at.tripleEntries,
    at.comb2,
    at.comb3,
    at.rowsAtHand,
    at.levels,
    at.listed,
  );
  const own = new Int32Array(buffer, at.own, n);
  const ofPairsTable = new Int32Array(buffer, at.ofPairs, n * stride);
  const pairEntries = new Int32Array(buffer, at.pairEntries, 2 * ofPairs.experts.length);
  const tripleEntries = new Int32Array(buffer, at.tripleEntries, 2 * (ofTriples.experts.length + numTriples));
  new Int32Array(buffer, at.pairStarts, n * n + 1).set(ofPairs.starts);
  ofPairs.experts.forEach((expert, place) => {
    pairEntries[2 * place] = 4 * expert;
  });
  new Int32Array(buffer, at.comb2, n).set(triples.pairs);
  new Int32Array(buffer, at.comb3, n).set(triples.triples);
  const tripleRows = new Uint32Array(buffer, at.tripleRows, triples.numPlaces);
  for (let triple = 0; triple < numTriples; triple++) {
    const [start, end] = [ofTriples.starts[triple], ofTriples.starts[triple + 1]];
    const row = start + triple;
    if (end > start) tripleRows[triples.placeOf(triple)] = row + 1;
    tripleEntries[2 * row] = end - start;
    for (let place = start; place < end; place++)
      tripleEntries[2 * (place + triple + 1)] = 4 * ofTriples.experts[place];
  }
  const tableOf = (size: number, table: number) =>
    new Int32Array(buffer, at.levels + 4 * stride * ((LARGEST - 1) * size + table), n);
  const sizes = Array.from({ length: slots }, (_, size) => size);
  return {
    members: new Uint16Array(buffer, at.members, slots),
    own,
    levels: sizes.map((size) => ({
      pairs: tableOf(size, 0),
      triples: tableOf(size, 1),
      quadruples: tableOf(size, 2),
    })),
    listed: sizes.map((size) => new Uint16Array(buffer, at.listed + 2 * stride * size, stride)),
    load(weights, ownTokens, grain) {
      for (let expert = 0; expert < n; expert++) {
        own[expert] = Math.floor(ownTokens[expert] / grain);
        for (let partner = 0; partner < n; partner++)
          ofPairsTable[expert * stride + partner] = Math.floor(weights.ofPairs[expert * n + partner] / grain);
      }
      for (let place = 0; place < weights.ofTriples.length; place++)
        pairEntries[2 * place + 1] = Math.floor(weights.ofTriples[place] / grain);
      for (let triple = 0; triple < numTriples; triple++) {
        for (let place = ofTriples.starts[triple]; place < ofTriples.starts[triple + 1]; place++)
          tripleEntries[2 * (place + triple) + 3] = Math.floor(weights.ofQuadruples[place] / grain);
      }
    },
    push,
    list: (size, [, f1, f2, f3, f4], most) => list(size, f1, f2, f3, f4, most),
  };
}

/** The same without kernels. */
export function plainChainTables(subsets: TokenSubsets, slots: number): ChainTables {
  const { numExperts: n, triples } = subsets;
  const members = new Uint16Array(slots);
  const own = new Int32Array(n);
  const levels = Array.from({ length: slots }, () => ({
    pairs: new Int32Array(n),
    triples: new Int32Array(n),
    quadruples: new Int32Array(n),
  }));
  const listed = levels.map(() => new Uint16Array(n));
  const weights = {
    ofPairs: new Int32Array(n * n),
    ofTriples: new Int32Array(subsets.ofPairs.experts.length),
    ofQuadruples: new Int32Array(subsets.ofTriples.experts.length),
  };
  return {
    members,
    own,
    levels,
    listed,
    load(tokens, ownTokens, grain) {
      const round = (to: Int32Array, from: Float64Array) => {
        for (let at = 0; at < to.length; at++) to[at] = Math.floor(from[at] / grain);
      };
      round(own, ownTokens);
      round(weights.ofPairs, tokens.ofPairs);
      round(weights.ofTriples, tokens.ofTriples);
      round(weights.ofQuadruples, tokens.ofQuadruples);
    },
    push(size, expert) {
      const before = levels[size];
      const after = levels[size + 1];
      const ofExpert = expert * n;
      for (let partner = 0; partner < n; partner++)
        after.pairs[partner] = before.pairs[partner] + weights.ofPairs[ofExpert + partner];
      after.triples.set(before.triples);
      after.quadruples.set(before.quadruples);
      for (let i = 0; i < size; i++) {
        const low = Math.min(members[i], expert);
        const high = Math.max(members[i], expert);
        addRow(after.triples, weights.ofTriples, subsets.ofPairs, low * n + high);
        for (let j = 0; j < i; j++) {
          const triple = triples.findWith(low, high, members[j]);
          if (triple >= 0) addRow(after.quadruples, weights.ofQuadruples, subsets.ofTriples, triple);
        }
      }
      members[size] = expert;
    },
    list(size, [, f1, f2, f3, f4], most) {
      const { pairs, triples: inTriples, quadruples } = levels[size];
      const found = listed[size];
      let count = 0;
      for (let expert = 0; expert < n; expert++) {
        const added =
          f1 * own[expert] + f2 * pairs[expert] + f3 * inTriples[expert] + f4 * quadruples[expert];
        if (added <= most) found[count++] = expert;
      }
      return count;
    },
  };
}

/** Adds the weights of a row, given row by row, to the sums of the experts that complete its subset. Hot. */
function addRow(
  sums: Int32Array,
  weights: Int32Array,
  { starts, experts }: TokenSubsets["ofPairs"],
  row: number,
): void {
  for (let at = starts[row], end = starts[row + 1]; at < end; at++) sums[experts[at]] += weights[at];
}
