import { expect } from "chai";
import { expertsOfChiplets, type Chiplets } from "../../lib/placement/placement.js";
import { createProblem, type PlacementProblem } from "../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { verifyFound } from "../../lib/placement/verify.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { balanceLoads } from "../../solvers/groups/partition-loads.js";
import { balanced, leastLargestLoad } from "../../solvers/objectives/balance.js";
import { contiguous } from "../../solvers/contiguous.js";
import { exact } from "../../solvers/exact.js";
import type { TrafficTime } from "../../solvers/objectives/modelled-time.js";
import { fastest } from "../../solvers/objectives/time.js";
import { localSearch } from "../../solvers/local-search.js";
import { mozart } from "../../solvers/mozart.js";
import { regroupByLoad } from "../../solvers/groups/balance-groups.js";
import { patternsOf, solvedProblems } from "./arbitrary-problem.js";

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
  const searches = { search: localSearch };
  /** A machine on which the busiest chiplet link is all that counts. */
  const busiest: TrafficTime = ({ chipletLoad }) => Math.max(...chipletLoad);
  const judge = () => busiest;
  const timeOf = (problem: PlacementProblem, chiplets: Chiplets) =>
    busiest(countTraffic(problem.patterns, chiplets, problem));

  it("is never slower than a rival or than the solver alone", async () => {
    for (const problem of problems.slice(0, 15)) {
      const rivals = [contiguous, mozart];
      const solver = fastest(exact, { ...searches, rivals: () => rivals, estimate: judge, judge });
      const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution)) expect.fail(solution.status);
      expect(verifyFound(problem, solution)).to.deep.equal([]);
      for (const rival of [...rivals, exact]) {
        const rivalSolution = await rival.solve(problem, DEFAULT_SOLVER_OPTIONS);
        if (!("chiplets" in rivalSolution)) expect.fail(`${rival.name}: ${rivalSolution.status}`);
        expect(timeOf(problem, solution.chiplets)).to.be.at.most(timeOf(problem, rivalSolution.chiplets));
      }
    }
  });

  it("lets the judge overrule the estimate", async () => {
    for (const problem of problems.slice(0, 15)) {
      const estimate = (): TrafficTime => (traffic) => -busiest(traffic);
      const rivals = [contiguous, mozart];
      const solver = fastest(exact, { ...searches, rivals: () => rivals, estimate, judge });
      const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution)) expect.fail(solution.status);
      for (const rival of rivals) {
        const rivalSolution = await rival.solve(problem, DEFAULT_SOLVER_OPTIONS);
        if (!("chiplets" in rivalSolution)) expect.fail(`${rival.name}: ${rivalSolution.status}`);
        expect(timeOf(problem, solution.chiplets)).to.be.at.most(timeOf(problem, rivalSolution.chiplets));
      }
    }
  });
});

describe("regroupByLoad", () => {
  const groupLoads = ({ load, chipletsPerGroup }: PlacementProblem, chiplets: Chiplets) => {
    const loads = new Float64Array(chiplets.length / chipletsPerGroup);
    chiplets.forEach((experts, chiplet) => {
      for (const expert of experts) loads[Math.floor(chiplet / chipletsPerGroup)] += load[expert];
    });
    return loads;
  };

  it("evens the loads of chiplet groups, as far as dealing them out anew would", () => {
    const tokens = Array.from({ length: 600 }, (_, token) => [Math.floor(16 * ((token * 0.618) % 1) ** 2)]);
    const problem = createProblem(patternsOf(tokens, 16), { numChiplets: 16, numGroups: 4 });
    const inOrder = Array.from({ length: 16 }, (_, expert) => [expert]);
    const dealt = balanceLoads([...problem.load], 4)
      .flat()
      .map((chiplet) => inOrder[chiplet]);
    const largest = Math.max(...groupLoads(problem, regroupByLoad(problem, inOrder)));
    expect(largest).to.be.at.most(1.02 * Math.max(...groupLoads(problem, dealt)));
    expect(largest).to.be.below(0.75 * Math.max(...groupLoads(problem, inOrder)));
  });

  it("keeps what chiplets hold, the pinned where they are, and never makes groups less even", () => {
    for (const problem of problems) {
      const chiplets = expertsOfChiplets(
        Array.from({ length: problem.numExperts }, (_, expert) => expert % problem.numChiplets),
        problem.numChiplets,
      );
      const pins = problem.numChiplets > 2 ? [{ expert: 0, chiplet: 0 }] : [];
      const regrouped = regroupByLoad({ ...problem, pins }, chiplets);
      expect(regrouped).to.have.deep.members(chiplets);
      if (pins.length > 0) expect(regrouped[0]).to.equal(chiplets[0]);
      const squares = (loads: Float64Array) => loads.reduce((sum, load) => sum + load * load, 0);
      expect(squares(groupLoads(problem, regrouped))).to.be.at.most(squares(groupLoads(problem, chiplets)));
    }
  });
});
