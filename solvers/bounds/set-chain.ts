import { LARGEST, type SubsetWeights } from "./subset-weights.js";
import { addRow } from "./token-subsets.js";

/** What is known of the first so many experts of a chain. */
export interface ChainLevel {
  /** Weights of their subsets of j experts, by j. */
  readonly sums: Float64Array;
  /** What each expert would add in pairs, triples and quadruples. Shapes [numExperts]. */
  readonly pairs: Float64Array;
  readonly triples: Float64Array;
  readonly quadruples: Float64Array;
  /** The same for the same experts in any order. */
  hash: number;
}

/**
 * A set of experts that grows and shrinks by its last, with what its subsets weigh and what each further expert would add.
 *
 * `push` costs O(numExperts + entries of the rows of its pairs and triples with the new expert); `pop` O(1). Hot.
 */
export class SetChain {
  size = 0;
  /** How often the set has grown: as long as it does not change, the set at hand has not either. */
  pushes = 0;
  /** Shape [slots]; the first `size` are in the set. */
  readonly members: Uint16Array;
  /** 1 for those in the set. Shape [numExperts]. */
  readonly isMember: Uint8Array;
  readonly levels: readonly ChainLevel[];
  /** What each expert adds to the hash of a set. Shape [numExperts]. */
  readonly codes: Int32Array;
  readonly #weights: SubsetWeights;
  readonly #own: Float64Array;

  /** @param options.own What each expert weighs on its own. Shape [numExperts]. */
  constructor(weights: SubsetWeights, { own, slots }: { own: Float64Array; slots: number }) {
    const { numExperts: n } = weights.subsets;
    this.members = new Uint16Array(slots);
    this.isMember = new Uint8Array(n);
    this.levels = Array.from({ length: slots + 1 }, () => ({
      sums: new Float64Array(LARGEST + 1),
      pairs: new Float64Array(n),
      triples: new Float64Array(n),
      quadruples: new Float64Array(n),
      hash: 0,
    }));
    this.codes = Int32Array.from({ length: n }, (_, expert) => codeOf(expert));
    this.#weights = weights;
    this.#own = own;
  }

  push(expert: number): void {
    const { subsets, ofPairs, ofTriples, ofQuadruples } = this.#weights;
    const { numExperts: n, triples } = subsets;
    const { members, size } = this;
    const before = this.levels[size];
    const after = this.levels[size + 1];
    after.hash = (before.hash + this.codes[expert]) | 0;
    after.sums[1] = before.sums[1] + this.#own[expert];
    after.sums[2] = before.sums[2] + before.pairs[expert];
    after.sums[3] = before.sums[3] + before.triples[expert];
    after.sums[4] = before.sums[4] + before.quadruples[expert];
    const pairs = after.pairs;
    const pairsBefore = before.pairs;
    const ofExpert = expert * n;
    for (let partner = 0; partner < n; partner++)
      pairs[partner] = pairsBefore[partner] + ofPairs[ofExpert + partner];
    after.triples.set(before.triples);
    after.quadruples.set(before.quadruples);
    for (let i = 0; i < size; i++) {
      const low = Math.min(members[i], expert);
      const high = Math.max(members[i], expert);
      addRow(after.triples, ofTriples, subsets.ofPairs, low * n + high);
      for (let j = 0; j < i; j++) {
        const triple = triples.findWith(low, high, members[j]);
        if (triple >= 0) addRow(after.quadruples, ofQuadruples, subsets.ofTriples, triple);
      }
    }
    members[size] = expert;
    this.isMember[expert] = 1;
    this.size = size + 1;
    this.pushes++;
  }

  pop(): void {
    this.size--;
    this.isMember[this.members[this.size]] = 0;
  }
}

/** A 32-bit number that looks random. */
function codeOf(expert: number): number {
  let code = Math.imul(expert + 1, 0x9e3779b1);
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b);
  return code ^ (code >>> 13);
}
