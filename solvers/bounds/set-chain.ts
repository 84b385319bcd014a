import { countSubsets } from "../columns/subset-costs.js";
import { plainChainTables, vectorChainTables, type SizeFactors } from "./chain-tables.js";
import { GRAIN, LARGEST, type SubsetWeights } from "./subset-weights.js";
import type { TokenSubsets } from "./token-subsets.js";

/** Sums in tables have 32 bits and a sign. */
const LARGEST_SUM = 2 ** 31;

/**
 * A set of experts that grows and shrinks by its last, with what its subsets weigh and what each further expert would add.
 *
 * Its tables hold integers (see `chain-tables.ts`): weights are kept in grains of 1/1024 token, coarser ones where tokens are
 * so many that sums would not fit, rounded down. So what is told of a set is never more than it weighs.
 */
export class SetChain {
  size = 0;
  /** How often the set has grown: as long as it does not change, the set at hand has not either. */
  pushes = 0;
  readonly slots: number;
  /** Shape [slots]; the first `size` are in the set. */
  readonly members: Uint16Array;
  /** 1 for those in the set. Shape [numExperts]. */
  readonly isMember: Uint8Array;
  /** Of sets of every size, what {@link list} found. */
  readonly listed: readonly Uint16Array[];
  /** Of the first so many members, the same for the same experts in any order. Shape [slots]. */
  readonly hashes: Int32Array;
  /** What each expert adds to the hash of a set. Shape [numExperts]. */
  readonly codes: Int32Array;
  /** Weights of the subsets of the first so many members, by how many experts these have. Shape [slots, 1 + LARGEST], row-major. */
  readonly #sums: Float64Array;
  readonly #tables;
  readonly #grain: number;

  /** @param options.withKernel Whether tables are kept by a kernel where there is one. */
  constructor(subsets: TokenSubsets, { slots, withKernel = true }: { slots: number; withKernel?: boolean }) {
    const { numExperts: n, patterns } = subsets;
    this.slots = slots;
    this.#tables = (withKernel && vectorChainTables(subsets, slots)) || plainChainTables(subsets, slots);
    this.members = this.#tables.members;
    this.listed = this.#tables.listed;
    this.isMember = new Uint8Array(n);
    this.hashes = new Int32Array(slots);
    this.codes = Int32Array.from({ length: n }, (_, expert) => codeOf(expert));
    this.#sums = new Float64Array(slots * (1 + LARGEST));
    // No weight is more than the tokens that chose its subset; the most of them are added for the quadruples of one expert.
    const largestSum = patterns.numTokens * Math.max(1, countSubsets(slots, 3));
    this.#grain = Math.max(GRAIN, 2 ** Math.ceil(Math.log2(largestSum / LARGEST_SUM)));
  }

  /**
   * Empties the set, and has it weighed anew.
   *
   * @param own What each expert weighs on its own, in tokens. Shape [numExperts].
   */
  load(weights: SubsetWeights, own: Float64Array): void {
    while (this.size > 0) this.pop();
    this.#tables.load(weights, own, this.#grain);
  }

  push(expert: number): void {
    const { size } = this;
    this.#tables.push(size, expert);
    this.isMember[expert] = 1;
    this.size = size + 1;
    this.pushes++;
    this.hashes[size + 1] = this.hashes[size] + this.codes[expert];
    const { pairs, triples, quadruples } = this.#tables.levels[size];
    const from = size * (1 + LARGEST);
    const to = from + 1 + LARGEST;
    this.#sums[to + 1] = this.#sums[from + 1] + this.#tables.own[expert];
    this.#sums[to + 2] = this.#sums[from + 2] + pairs[expert];
    this.#sums[to + 3] = this.#sums[from + 3] + triples[expert];
    this.#sums[to + 4] = this.#sums[from + 4] + quadruples[expert];
  }

  pop(): void {
    this.size--;
    this.isMember[this.members[this.size]] = 0;
  }

  /**
   * Lists, ascending, the experts with which the set amounts to at most `most` tokens: its subsets of j experts times factor j. Members
   * may be among them, and behind all others some numbers that no expert has.
   *
   * @returns How many; `listed[size]` has them.
   */
  list(factors: SizeFactors, most: number): number {
    const { size } = this;
    const from = size * (1 + LARGEST);
    let left = most / this.#grain;
    for (let j = 1; j <= LARGEST; j++) left -= factors[j] * this.#sums[from + j];
    return this.#tables.list(size, factors, left);
  }
}

/** A 32-bit number that looks random. */
function codeOf(expert: number): number {
  let code = Math.imul(expert + 1, 0x9e3779b1);
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b);
  return code ^ (code >>> 13);
}
