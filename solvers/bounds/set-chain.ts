import type { SubsetWeights } from "./subset-weights.js";
import { addRow } from "./token-subsets.js";

/** Experts in the sets that chains begin with: the largest that have weights. */
export const FIRST = 4;

/** What is known of the first so many experts of a chain. */
export interface ChainLevel {
  /** Weights of their subsets of j experts, by j. */
  readonly sums: Float64Array;
  /** What each expert would add in pairs, triples and quadruples. Shapes [numExperts]. */
  readonly pairs: Float64Array;
  readonly triples: Float64Array;
  readonly quadruples: Float64Array;
}

/**
 * A set of experts that grows and shrinks by its last, with what its subsets weigh and what each further expert would add.
 *
 * `push` costs O(numExperts + entries of the rows of its pairs and triples with the new expert); `pop` O(1).
 */
export class SetChain {
  readonly members: number[] = [];
  readonly levels: readonly ChainLevel[];
  readonly #weights: SubsetWeights;
  readonly #own: Float64Array;
  readonly #isMember: Uint8Array;

  constructor(weights: SubsetWeights, { own, slots }: { own: Float64Array; slots: number }) {
    const { numExperts: n } = weights.subsets;
    this.levels = Array.from({ length: slots + 1 }, () => ({
      sums: new Float64Array(FIRST + 1),
      pairs: new Float64Array(n),
      triples: new Float64Array(n),
      quadruples: new Float64Array(n),
    }));
    this.#weights = weights;
    this.#own = own;
    this.#isMember = new Uint8Array(n);
  }

  has(expert: number): boolean {
    return this.#isMember[expert] === 1;
  }

  numIdle(numReal: number): number {
    let count = 0;
    for (const expert of this.members) if (expert >= numReal) count++;
    return count;
  }

  push(expert: number): void {
    const { subsets, ofPairs, ofTriples, ofQuadruples } = this.#weights;
    const { numExperts: n } = subsets;
    const { members } = this;
    const size = members.length;
    const before = this.levels[size];
    const after = this.levels[size + 1];
    after.sums[1] = before.sums[1] + this.#own[expert];
    after.sums[2] = before.sums[2] + before.pairs[expert];
    after.sums[3] = before.sums[3] + before.triples[expert];
    after.sums[4] = before.sums[4] + before.quadruples[expert];
    const ofExpert = expert * n;
    for (let partner = 0; partner < n; partner++)
      after.pairs[partner] = before.pairs[partner] + ofPairs[ofExpert + partner];
    after.triples.set(before.triples);
    after.quadruples.set(before.quadruples);
    for (let i = 0; i < size; i++) {
      const a = members[i];
      const row = a < expert ? a * n + expert : ofExpert + a;
      addRow(after.triples, ofTriples, { rows: subsets.ofPairs, row });
      for (let j = 0; j < i; j++) {
        const triple = tripleOfAny(subsets.tripleOf, [a, members[j], expert]);
        if (triple >= 0) addRow(after.quadruples, ofQuadruples, { rows: subsets.ofTriples, row: triple });
      }
    }
    members.push(expert);
    this.#isMember[expert] = 1;
  }

  pop(): void {
    this.#isMember[this.members.pop() as number] = 0;
  }
}

function tripleOfAny(
  tripleOf: (a: number, b: number, c: number) => number,
  [a, b, c]: readonly [number, number, number],
): number {
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  if (c < low) return tripleOf(c, low, high);
  return c < high ? tripleOf(low, c, high) : tripleOf(low, high, c);
}
