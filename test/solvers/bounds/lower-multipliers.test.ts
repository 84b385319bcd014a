import { expect } from "chai";
import fc from "fast-check";
import { sum } from "../../../lib/statistics.js";
import { lowerMultipliers } from "../../../solvers/bounds/lower-multipliers.js";
import { GRAIN } from "../../../solvers/bounds/subset-weights.js";
import { reducedCostOf } from "../../../solvers/columns/multipliers.js";

const NUM_EXPERTS = 10;
const all = Array.from({ length: NUM_EXPERTS }, (_, expert) => expert);
const columns = fc.array(
  fc.record({
    experts: fc.shuffledSubarray(all, { minLength: 1, maxLength: 4 }),
    tokens: fc.integer({ min: 1, max: 30 }),
  }),
  { maxLength: 30 },
);
const multipliers = fc.record({
  expert: fc
    .array(fc.integer({ min: -2000, max: 20_000 }), { minLength: NUM_EXPERTS, maxLength: NUM_EXPERTS })
    .map((grains) => Float64Array.from(grains, (number) => number * GRAIN)),
  chiplet: fc.constant(-1),
});

describe("lowerMultipliers", () => {
  it("leaves no column below the limit and raises nothing", () => {
    fc.assert(
      fc.property(columns, multipliers, fc.constantFrom(-3, -0.01), (given, before, limit) => {
        const below = given
          .map((column) => ({ column, reducedCost: reducedCostOf(column, before) }))
          .filter(({ reducedCost }) => reducedCost <= limit);
        const after = lowerMultipliers(before, below, { limit });
        for (const { column } of below) expect(reducedCostOf(column, after)).to.be.at.least(limit - 1e-5);
        after.expert.forEach((multiplier, expert) => {
          expect(multiplier).to.be.at.most(before.expert[expert]);
        });
        if (below.length === 0) expect(after.expert).to.deep.equal(before.expert);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it("loses less than every chiplet's share of the worst column, where columns have experts in common", () => {
    const expert = new Float64Array(NUM_EXPERTS).fill(1);
    const below = all
      .slice(1)
      .map((other) => ({ column: { experts: [0, other], tokens: 1 }, reducedCost: -1 }));
    const after = lowerMultipliers({ expert, chiplet: 0 }, below, { limit: 0 });
    expect(sum(expert) - sum(after.expert)).to.be.below(2);
  });
});
