import { expect } from "chai";
import * as fc from "fast-check";
import { createRandom } from "../../../lib/random.js";
import { plainTokenCounter, vectorTokenCounter } from "../../../solvers/bounds/token-counter.js";
import { createTokenCounter } from "../../../solvers/constraints/violations.js";
import { tokenPatterns } from "../arbitrary-problem.js";

describe("tokens of columns", () => {
  it("are those that a slow count finds, with vectors and without, idle experts or not", () => {
    fc.assert(
      fc.property(tokenPatterns(12), fc.integer(), (patterns, seed) => {
        const random = createRandom(seed);
        const count = createTokenCounter(patterns);
        const counters = [plainTokenCounter(patterns), vectorTokenCounter(patterns)];
        const withIdle = patterns.numExperts + 2;
        for (let column = 0; column < 4; column++) {
          const experts = Uint16Array.from({ length: 3 }, () => random.below(withIdle));
          for (const counter of counters) counter?.begin(experts);
          for (let last = 0; last < withIdle; last++) {
            const chosen = [...new Set([...experts, last])].filter((expert) => expert < patterns.numExperts);
            const tokens = count(chosen);
            expect(counters.map((counter) => counter?.countWith(last))).to.deep.equal([tokens, tokens]);
          }
        }
      }),
      { numRuns: 50, seed: 1 },
    );
  });
});
