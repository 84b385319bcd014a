import { expect } from "chai";
import fc from "fast-check";
import { createRandom } from "../../../lib/random.js";
import type { TokenPatterns } from "../../../lib/trace/token-patterns.js";
import { plainTokenSets, vectorTokenSets } from "../../../solvers/objectives/token-sets.js";
import { tokenPatterns } from "../arbitrary-problem.js";

const SHAPE = { numBlocks: 2, mostSets: 8, numSpare: 1 };

describe("token sets", () => {
  it("count the tokens of a block under any exchanges, with kernels and without", () => {
    fc.assert(
      fc.property(tokenPatterns(8), fc.nat(), (patterns, seed) => {
        const random = createRandom(seed);
        const [plain, vector] = [plainTokenSets(patterns, SHAPE), vectorTokenSets(patterns, SHAPE)!];
        const held = new Set<number>();
        for (let step = 0; step < 30; step++) {
          const expert = random.below(patterns.numExperts);
          const other = [...held].find((one) => one !== expert);
          const isHeld = held.has(expert);
          const [out, into] = isHeld ? [expert, undefined] : [other, expert];
          if (out !== undefined) held.delete(out);
          if (into !== undefined) held.add(into);
          const expected = tokensOf(patterns, held);
          for (const sets of [plain, vector]) {
            const setOf = (one: number | undefined) => (one === undefined ? sets.none : sets.ofExpert(one));
            expect(sets.exchange(sets.block(1), setOf(out), setOf(into), sets.spare(0))).to.equal(expected);
            sets.change(sets.block(1), setOf(out), setOf(into));
            expect(sets.exchange(sets.block(1), sets.none, sets.none, sets.spare(0))).to.equal(expected);
            expect(sets.exchange(sets.block(0), sets.none, sets.block(1), sets.spare(0))).to.equal(expected);
          }
          if (random.next() < 0.1) {
            held.clear();
            plain.clear();
            vector.clear();
          }
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });
});

function tokensOf(
  { numPatterns, offsets, experts, counts }: TokenPatterns,
  held: ReadonlySet<number>,
): number {
  let tokens = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const chosen = [...experts.subarray(offsets[pattern], offsets[pattern + 1])];
    if (chosen.some((expert) => held.has(expert))) tokens += counts[pattern];
  }
  return tokens;
}
