import { expect } from "chai";
import { createProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyChiplets } from "../../../lib/placement/verify.js";
import { collectPatterns } from "../../../lib/trace/token-patterns.js";
import { generateColumns } from "../../../solvers/columns/column-generation.js";
import { sumTokens } from "../../../solvers/columns/column.js";
import { createColumnPricer } from "../../../solvers/columns/heuristic-pricing.js";
import { columnModelOf } from "../../../solvers/columns/admissible-columns.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { swapModelOf } from "../../../solvers/search/swap-model.js";
import { createColumnTable } from "../../../solvers/columns/column-table.js";
import { priceIntoPool } from "../../../solvers/columns/pool-pricing.js";
import { startSearch } from "../../../solvers/search/iterated-local-search.js";
import { createTokenCounter } from "../../../solvers/constraints/violations.js";
import { synthesizeTrace } from "../../../traces/synthetic.js";

const trace = synthesizeTrace({ preset: "gpt-oss-20b", seed: 1, tokens: 2000, layers: 1 });
const patterns = collectPatterns(trace.layers[0], trace);
const prices = {
  expert: Float64Array.from({ length: 32 }, (_, expert) => 100 + 10 * ((expert * 7) % 11)),
  chiplet: 0,
};

describe("createColumnPricer", () => {
  it("ends where no exchange of one expert lowers the reduced cost, with the tokens counted right", () => {
    const problem = createProblem(patterns, { numChiplets: 8 });
    const { improve, grow } = createColumnPricer(columnModelOf(constraintModelOf(problem)));
    const count = createTokenCounter(problem.patterns);
    const reducedCost = (experts: readonly number[]) =>
      experts.reduce((cost, expert) => cost - prices.expert[expert], count(experts));
    for (let first = 0; first < 32; first += 4) {
      const begun = { experts: [0, 1, 2, 3].map((more) => first + more), tokens: 0 };
      const improved = improve(begun, prices);
      expect(reducedCost(improved.experts)).to.be.at.most(reducedCost(begun.experts));
      const grown = grow(first, prices);
      expect(grown.experts.length).to.equal(4);
      expect(grown.tokens).to.equal(count(grown.experts));
      const { experts, tokens } = first % 8 === 0 ? improved : grown;
      expect(tokens).to.equal(count(experts));
      for (const left of experts) {
        for (let expert = 0; expert < 32; expert++) {
          if (experts.includes(expert)) continue;
          const exchanged = experts.map((held) => (held === left ? expert : held));
          expect(reducedCost(exchanged)).to.be.at.least(reducedCost(experts) - 1e-6);
        }
      }
    }
  });

  it("keeps columns within the limits, experts apart and pins where they are", () => {
    const mean = (2000 * 4) / 8;
    const problem = createProblem(patterns, {
      numChiplets: 8,
      limits: { chipletLoad: 1.2 * mean },
      antiAffinity: [[0, 9]],
      pins: [{ expert: 0, chiplet: 0 }],
    });
    const { improve, grow } = createColumnPricer(columnModelOf(constraintModelOf(problem)));
    const search = startSearch(
      swapModelOf(constraintModelOf(problem), problem.layer),
      DEFAULT_SOLVER_OPTIONS,
    );
    const found = search.run({ starts: 4, restarts: 1, kicks: 0 });
    if (!found) throw new Error("nothing found");
    for (let expert = 1; expert < 32; expert++) {
      const { experts } = grow(expert, prices);
      expect(experts.includes(0)).to.equal(false);
      expect(columnModelOf(constraintModelOf(problem)).admits?.(experts)).to.equal(true);
    }
    for (const column of search.columnsOf(found)) {
      const { experts } = improve(column, prices);
      expect(experts.includes(0)).to.equal(column.experts.includes(0));
      expect(experts.includes(0) && experts.includes(9)).to.equal(false);
      expect(experts.reduce((load, expert) => load + problem.load[expert], 0)).to.be.at.most(1.2 * mean);
    }
    expect(
      verifyChiplets(
        { ...problem, pins: [] },
        search.columnsOf(found).map(({ experts }) => experts),
      ),
    ).to.eql([]);
  });
});

describe("priceIntoPool", () => {
  it("estimates the LP over all columns, from above", async () => {
    const problem = createProblem(patterns, { numChiplets: 8 });
    const search = startSearch(
      swapModelOf(constraintModelOf(problem), problem.layer),
      DEFAULT_SOLVER_OPTIONS,
    );
    const best = search.run({ starts: 10, restarts: 3, kicks: 20 });
    if (!best) throw new Error("nothing found");
    const before = search.pool.columns.length;
    const estimate = await priceIntoPool(columnModelOf(constraintModelOf(problem)), search.pool, {
      chipletOf: best,
      deadline: Infinity,
    });
    const { bound } = await generateColumns(
      problem,
      createColumnTable(columnModelOf(constraintModelOf(problem))),
      {
        columns: search.pool.columns,
        cutoff: Infinity,
        deadline: Infinity,
      },
    );
    expect(search.pool.columns.length).to.be.above(before);
    expect(estimate).to.be.at.least(bound - 1);
    expect(estimate).to.be.at.most(sumTokens(search.columnsOf(best)) + 1e-6);
  });
});
