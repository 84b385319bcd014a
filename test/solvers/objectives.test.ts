import { expect } from "chai";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { verifyFound } from "../../lib/placement/verify.js";
import { balanced, leastLargestLoad } from "../../solvers/balance.js";
import { contiguous } from "../../solvers/contiguous.js";
import { exact } from "../../solvers/exact.js";
import { fastest } from "../../solvers/fastest.js";
import { localSearch } from "../../solvers/local-search.js";
import { mozart } from "../../solvers/mozart.js";
import { solvedProblems } from "./arbitrary-problem.js";

const problems = solvedProblems()
  .filter(({ best }) => best < Infinity)
  .slice(0, 40)
  .map(({ problem }) => problem);

describe("balanced", () => {
  it("finds the least largest load, or says that it may not have, and verifies", async () => {
    let optimal = 0;
    for (const problem of problems) {
      const solution = await balanced(exact).solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution) || !solution.load) expect.fail(solution.status);
      expect(verifyFound(problem, { ...solution, status: "feasible" })).to.deep.equal([]);
      if (solution.load.status === "optimal") optimal++;
      const plain = await localSearch.solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in plain)) expect.fail(plain.status);
      const mean = problem.load.reduce((sum, load) => sum + load, 0) / problem.numChiplets;
      const largest = Math.max(
        ...plain.chiplets.map((experts) => experts.reduce((sum, expert) => sum + problem.load[expert], 0)),
      );
      expect(solution.load.cost).to.be.at.most((largest / mean) * (1 + 1e-9));
    }
    expect(optimal).to.be.greaterThan(5);
  });

  it("bounds the largest load from below", () => {
    const problem = { ...problems[0], numExperts: 4, numChiplets: 2, slotsPerChiplet: 2 };
    expect(leastLargestLoad({ ...problem, load: Float64Array.of(9, 1, 2, 3) })).to.equal(10);
    expect(leastLargestLoad({ ...problem, load: Float64Array.of(4, 3, 2, 2) })).to.equal(6);
    expect(leastLargestLoad({ ...problem, load: Float64Array.of(9, 1, 2, 3), slotsPerChiplet: 3 })).to.equal(
      9,
    );
  });
});

describe("fastest", () => {
  /** A machine on which the busiest chiplet link is all that counts. */
  const judge: Parameters<typeof fastest>[1]["judge"] = (problem, chiplets) =>
    Math.max(...chiplets.map((experts) => experts.reduce((sum, expert) => sum + problem.load[expert], 0)));

  it("is never slower than a rival or than the solver alone", async () => {
    for (const problem of problems.slice(0, 15)) {
      const rivals = [contiguous, mozart];
      const solver = fastest(exact, { judge, rivals });
      const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution)) expect.fail(solution.status);
      expect(verifyFound(problem, solution)).to.deep.equal([]);
      for (const rival of [...rivals, exact]) {
        const other = await rival.solve(problem, DEFAULT_SOLVER_OPTIONS);
        if (!("chiplets" in other)) continue;
        expect(judge(problem, solution.chiplets)).to.be.at.most(judge(problem, other.chiplets));
      }
    }
  });
});
