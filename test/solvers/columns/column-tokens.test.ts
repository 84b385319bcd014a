import { expect } from "chai";
import * as fc from "fast-check";
import { createRandom } from "../../../lib/random.js";
import { plainColumnTokens, vectorColumnTokens } from "../../../solvers/columns/column-tokens.js";
import { createTokenCounter } from "../../../solvers/constraints/violations.js";
import { patternsOf, tokenPatterns } from "../arbitrary-problem.js";

describe("tokens that experts add to a column", () => {
  const wide = fc.constant(
    patternsOf(
      [Array.from({ length: 300 }, (_, at) => at), Array.from({ length: 300 }, (_, at) => 310 - at)],
      311,
    ),
  );

  it("are those that a slow count finds, with vectors and without, as experts come and go", () => {
    fc.assert(
      fc.property(fc.oneof(tokenPatterns(12), wide), fc.integer(), (patterns, seed) => {
        const random = createRandom(seed);
        const count = createTokenCounter(patterns);
        const columns = [plainColumnTokens(patterns), vectorColumnTokens(patterns)];
        const members = new Set<number>();
        for (let step = 0; step < 12; step++) {
          const other = random.below(patterns.numExperts);
          const added = count([...members, other]) - count([...members]);
          expect(columns.map((column) => column?.adds[other])).to.deep.equal([added, added]);
          const expert = random.below(patterns.numExperts);
          const isMember = members.delete(expert);
          if (!isMember) members.add(expert);
          for (const column of columns) {
            if (isMember) column?.remove(expert);
            else column?.insert(expert);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
