import { expect } from "chai";
import { createRandom } from "../../../lib/random.js";
import { sum } from "../../../lib/statistics.js";
import { createProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyFound } from "../../../lib/placement/verify.js";
import { balanced } from "../../../solvers/objectives/balance.js";
import { localSearch } from "../../../solvers/local-search.js";
import { replicate } from "../../../solvers/replicas/replicate.js";
import { collectPatterns } from "../../../lib/trace/token-patterns.js";
import { synthesizeTrace } from "../../../traces/synthetic.js";
import { patternsOf, solvedReplicatedProblems } from "../arbitrary-problem.js";

/** Expert 0 belongs to both communities, 1 to 3 and 4 to 6; with a replica of it every token needs one chiplet. */
const shared = patternsOf(
  Array.from({ length: 60 }, (_, token) =>
    token % 2 ? [0, 1, 2 + (token % 4 === 1 ? 1 : 0)] : [0, 4, 5 + (token % 4 ? 1 : 0)],
  ),
  8,
);

describe("replicate", () => {
  it("replicates the expert that two communities share", async () => {
    const problem = createProblem(shared, { numChiplets: 2, numReplicas: 2 });
    const solution = await replicate(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(solution.cost).to.equal(1);
    expect(solution.chiplets.every((experts) => experts.includes(0))).to.be.true;
    const without = createProblem(shared, { numChiplets: 2, slotsPerChiplet: 5 });
    const single = await localSearch.solve(without, DEFAULT_SOLVER_OPTIONS);
    expect("cost" in single && single.cost).to.be.above(1);
  });

  it("finds the optimum of most small problems, and never more than the least without replicas", async () => {
    const solvable = solvedReplicatedProblems().filter(({ best }) => best < Infinity);
    let [optimal, compared] = [0, 0];
    for (const { problem, best, bestWithout } of solvable) {
      const solution = await replicate(problem, DEFAULT_SOLVER_OPTIONS);
      const cost = "cost" in solution ? solution.cost : Infinity;
      if (cost <= best + 1e-9) optimal++;
      // Tokens dealt evenly over the replicas may go farther with more of them.
      if (problem.dispatch === "uniform" || bestWithout === Infinity) continue;
      expect(cost).to.be.at.most(bestWithout + 1e-9);
      compared++;
    }
    expect(solvable.length).to.be.at.least(20);
    expect(compared).to.be.at.least(8);
    expect(optimal).to.be.at.least(Math.floor(0.9 * solvable.length));
  });

  it("puts balance first when asked to", async () => {
    const problem = createProblem(shared, { numChiplets: 2, numReplicas: 2, dispatch: "uniform" });
    const solution = await balanced({ ...localSearch, solve: replicate }).solve(
      problem,
      DEFAULT_SOLVER_OPTIONS,
    );
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(verifyFound(problem, solution)).to.deep.equal([]);
    expect(solution.load?.cost).to.be.closeTo(1, 1e-9);
  });

  it("respects a load cap that no placement without replicas meets", async () => {
    const problem = createProblem(shared, { numChiplets: 2, numReplicas: 2, limits: { chipletLoad: 91 } });
    const solution = await replicate(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(verifyFound(problem, solution)).to.deep.equal([]);
  });

  for (const dispatch of ["nearest", "uniform", "vllm-ascend"] as const) {
    it(`is never worse under a laxer cap than under a usual one, by ${dispatch} dispatch`, async () => {
      const random = createRandom(4);
      // Experts of low numbers are chosen most.
      const tokens = Array.from({ length: 200 }, () => {
        const chosen = new Set<number>();
        while (chosen.size < 3) chosen.add(Math.floor(24 * random.next() ** 1.6));
        return [...chosen];
      });
      const patterns = patternsOf(tokens, 24);
      const shape = { numChiplets: 6, slotsPerChiplet: 6, numReplicas: 8, dispatch };
      const mean = sum(createProblem(patterns, shape).load) / 6;
      let tighter = Infinity;
      for (const cap of [1.05, 1.1, 1.3]) {
        const problem = createProblem(patterns, { ...shape, limits: { chipletLoad: cap * mean } });
        const solution = await replicate(problem, DEFAULT_SOLVER_OPTIONS);
        if (!("chiplets" in solution)) expect.fail(`${solution.status} under ${cap}`);
        expect(verifyFound(problem, solution)).to.deep.equal([]);
        expect(solution.cost).to.be.at.most(tighter);
        tighter = solution.cost;
      }
    });
  }

  it("keeps a tight load cap with replicas, and leaves room on every chiplet for tokens that could go elsewhere", async () => {
    const trace = synthesizeTrace({ preset: "gpt-oss-20b", seed: 1, tokens: 1000, layers: 4 });
    for (const layer of trace.layers) {
      const patterns = collectPatterns(layer, trace);
      const mean = (1000 * trace.topK) / 8;
      const limits = { chipletLoad: 1.05 * mean };
      const problem = createProblem(patterns, { numChiplets: 8, numReplicas: 8, limits });
      const solution = await replicate(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution)) expect.fail(solution.status);
      expect(verifyFound(problem, solution)).to.deep.equal([]);
      const held = solution.chiplets.flat();
      expect(held).to.have.length(40);
      const isAlone = (expert: number) => held.filter((own) => own === expert).length === 1;
      for (const experts of solution.chiplets) {
        const bound = experts.filter(isAlone).reduce((sum, expert) => sum + problem.load[expert], 0);
        expect(bound).to.be.at.most(0.93 * limits.chipletLoad);
      }
    }
  });
});
