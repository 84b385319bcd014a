import { expect } from "chai";
import * as fc from "fast-check";
import { countSubsets, tabulateSubsetCosts } from "../../../solvers/columns/subset-costs.js";
import { columnModelOf } from "../../../solvers/columns/admissible-columns.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { createColumnTable } from "../../../solvers/columns/column-table.js";
import { createTokenCounter } from "../../../solvers/constraints/violations.js";
import { freeProblems } from "../arbitrary-problem.js";

describe("column table", () => {
  it("counts the tokens of every set of experts as a slow count does", () => {
    fc.assert(
      fc.property(freeProblems, fc.integer({ min: 1, max: 5 }), (problem, wanted) => {
        const size = Math.min(wanted, problem.numExperts);
        const table = tabulateSubsetCosts(problem.patterns, size);
        expect(table.length).to.equal(countSubsets(problem.numExperts, size));
        const tokensOf = createTokenCounter(problem.patterns);
        const sets = subsetsInColexOrder(problem.numExperts, size);
        expect([...table]).to.deep.equal(sets.map(tokensOf));
      }),
    );
  });

  it("finds the least reduced cost, and walks exactly the columns up to a limit", () => {
    fc.assert(
      fc.property(freeProblems, fc.nat(), (problem, seed) => {
        const { numExperts, numTokens } = problem.patterns;
        const expert = Float64Array.from({ length: numExperts }, (_, id) => ((id * 7 + seed) % 11) * 0.3);
        const prices = { expert, chiplet: -0.5 };
        const table = createColumnTable(columnModelOf(constraintModelOf(problem)));
        const all: number[] = [];
        table.walk(prices, Infinity, (members, tokens, reducedCost) => {
          const paid = [...members].reduce((sum, member) => sum + expert[member], -0.5);
          expect(reducedCost).to.be.closeTo(tokens - paid, 1e-9);
          all.push(reducedCost);
        });
        expect(table.leastReducedCost(prices)).to.be.closeTo(Math.min(...all), 1e-9);
        const limit = numTokens / 2;
        let walked = 0;
        table.walk(prices, limit, () => walked++);
        expect(walked).to.equal(all.filter((reducedCost) => reducedCost <= limit).length);
      }),
    );
  });
});

function subsetsInColexOrder(numExperts: number, size: number): number[][] {
  if (size === 0) return [[]];
  return Array.from({ length: numExperts }, (_, largest) =>
    subsetsInColexOrder(largest, size - 1).map((set) => [...set, largest]),
  ).flat();
}
