import { expect } from "chai";
import * as fc from "fast-check";
import { createRandom } from "../../../lib/random.js";
import type { TokenPatterns } from "../../../lib/trace/token-patterns.js";
import { SetChain } from "../../../solvers/bounds/set-chain.js";
import { createWeightFitter } from "../../../solvers/bounds/subset-weights.js";
import { indexTokenSubsets, type TokenSubsets } from "../../../solvers/bounds/token-subsets.js";
import { patternsOf } from "../arbitrary-problem.js";

const SLOTS = 5;
const FACTORS = [0, 2, 1.5, 1.25, 1];

/** Tokens of up to 7 of 6 to 13 experts, so that vectors are filled up to different lengths. */
const tokens: fc.Arbitrary<TokenPatterns> = fc
  .record({ numExperts: fc.integer({ min: 6, max: 13 }), topK: fc.integer({ min: 1, max: 7 }) })
  .chain(({ numExperts, topK }) => {
    const width = Math.min(topK, numExperts);
    const all = Array.from({ length: numExperts }, (_, expert) => expert);
    return fc
      .array(fc.shuffledSubarray(all, { minLength: width, maxLength: width }), {
        minLength: 1,
        maxLength: 30,
      })
      .map((list) => patternsOf(list, numExperts));
  });

describe("SetChain", () => {
  it("lists those that a slow sum finds, with vectors and without, as experts come and go", () => {
    fc.assert(
      fc.property(tokens, fc.integer(), (patterns, seed) => {
        const random = createRandom(seed);
        const n = patterns.numExperts;
        const subsets = indexTokenSubsets(patterns, { numExperts: n, mostSubsets: 1e6 }) as TokenSubsets;
        const weights = createWeightFitter(subsets, { slots: SLOTS })([
          { experts: [0, 1, 2, 3, 4], weight: 1 },
        ]);
        const own = weights.ofExperts.map((weight) => weight - random.below(8));
        const chains = [true, false].map((withKernel) => new SetChain(subsets, { slots: SLOTS, withKernel }));
        for (const chain of chains) chain.load(weights, own);
        for (let step = 0; step < 20; step++) {
          const { size, members } = chains[0];
          const most = random.below(20) - 10;
          const listed = chains.map((chain) => {
            const found = [...chain.listed[chain.size].subarray(0, chain.list(FACTORS, most))];
            return found.filter((expert) => expert < n && chain.isMember[expert] === 0);
          });
          const set = [...members.subarray(0, size)];
          const slow = Array.from({ length: n }, (_, expert) => expert).filter(
            (expert) => !set.includes(expert) && amountOf({ ...weights, own }, [...set, expert]) <= most,
          );
          expect(listed).to.deep.equal([slow, slow]);
          const others = Array.from({ length: n }, (_, expert) => expert).filter((e) => !set.includes(e));
          const isFull = size === SLOTS - 1;
          const next = others[random.below(others.length)];
          for (const chain of chains) {
            if (isFull || (size > 0 && step % 3 === 2)) chain.pop();
            else chain.push(next);
          }
          expect(chains[0].hashes[chains[0].size]).to.equal(chains[1].hashes[chains[1].size]);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it("never tells of more than a set weighs where tokens are too many for fine grains", () => {
    const patterns = patternsOf(
      [
        [0, 1, 2, 3],
        [1, 2, 4, 5],
      ],
      6,
    );
    const many = { ...patterns, numTokens: 3e9, counts: Uint32Array.of(1e9 + 1, 2e9 - 1) };
    const subsets = indexTokenSubsets(many, { numExperts: 6, mostSubsets: 1e6 }) as TokenSubsets;
    const weights = createWeightFitter(subsets, { slots: SLOTS })([{ experts: [0, 1, 2, 3, 4], weight: 1 }]);
    for (const withKernel of [true, false]) {
      const chain = new SetChain(subsets, { slots: SLOTS, withKernel });
      chain.load(weights, weights.ofExperts);
      for (const expert of [0, 1, 2, 3]) chain.push(expert);
      const amount = amountOf({ ...weights, own: weights.ofExperts }, [0, 1, 2, 3, 4]);
      expect([...chain.listed[4].subarray(0, chain.list(FACTORS, amount))]).to.include(4);
      expect([...chain.listed[4].subarray(0, chain.list(FACTORS, amount - 1e4))]).not.to.include(4);
    }
  });
});

type Weighed = ReturnType<ReturnType<typeof createWeightFitter>> & { readonly own: Float64Array };

/** Weights of all subsets of a set of experts, by factors of their sizes. */
function amountOf(
  { subsets, own, ofPairs, ofTriples, ofQuadruples }: Weighed,
  experts: readonly number[],
): number {
  const { numExperts: n, triples } = subsets;
  const set = experts.toSorted((a, b) => a - b);
  const weightIn = (
    { starts, experts: ends }: TokenSubsets["ofPairs"],
    weights: Float64Array,
    { row, expert }: { row: number; expert: number },
  ) => {
    for (let at = starts[row]; at < starts[row + 1]; at++) if (ends[at] === expert) return weights[at];
    return 0;
  };
  let amount = 0;
  set.forEach((a, i) => {
    amount += FACTORS[1] * own[a];
    set.slice(0, i).forEach((b, j) => {
      amount += FACTORS[2] * ofPairs[a * n + b];
      set.slice(0, j).forEach((c, k) => {
        amount += FACTORS[3] * weightIn(subsets.ofPairs, ofTriples, { row: c * n + b, expert: a });
        const triple = triples.find(c, b, a);
        for (const d of set.slice(0, k))
          if (triple >= 0)
            amount += FACTORS[4] * weightIn(subsets.ofTriples, ofQuadruples, { row: triple, expert: d });
      });
    });
  });
  return amount;
}
