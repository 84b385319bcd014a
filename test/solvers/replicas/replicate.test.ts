import { expect } from "chai";
import * as fc from "fast-check";
import { createRandom } from "../../../lib/random.js";
import { sum } from "../../../lib/statistics.js";
import { createProblem } from "../../../lib/placement/problem.js";
import { DISPATCH_MODELS } from "../../../lib/placement/dispatch.js";
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

/** Tokens of 16 experts of which those of low numbers are chosen most. */
function skewedTokens(seed: number) {
  const random = createRandom(seed);
  const tokens = Array.from({ length: 120 }, () => {
    const chosen = new Set<number>();
    while (chosen.size < 3) chosen.add(Math.floor(16 * random.next() ** 1.6));
    return [...chosen];
  });
  return patternsOf(tokens, 16);
}

/** A load cap in parts of the mean; those near it are the ones that are asked for. */
const cap = fc
  .oneof(fc.integer({ min: 1000, max: 1100 }), fc.integer({ min: 1000, max: 2200 }))
  .map((n) => n / 1000);

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

  it("makes all replicas that are asked for, also where fewer would make fewer copies", async () => {
    for (const dispatch of DISPATCH_MODELS) {
      for (const [numChiplets, numReplicas] of [
        [2, 2],
        [4, 4],
        [5, 2],
      ] as const) {
        const problem = createProblem(shared, { numChiplets, numReplicas, dispatch });
        const solution = await replicate(problem, { ...DEFAULT_SOLVER_OPTIONS, proves: true });
        if (!("chiplets" in solution)) expect.fail(solution.status);
        expect(solution.chiplets.flat(), `${dispatch} ${numChiplets}`).to.have.length(8 + numReplicas);
        expect(verifyFound(problem, solution)).to.deep.equal([]);
      }
    }
  });

  it("proves nothing of a placement that lacks replicas, which stands in where none with all keeps the limits", async () => {
    const random = createRandom(19);
    const tokens = Array.from({ length: 60 }, () => {
      const chosen = new Set<number>();
      while (chosen.size < 2) chosen.add(random.below(6));
      return [...chosen];
    });
    const problem = createProblem(patternsOf(tokens, 6), {
      ...{ numChiplets: 3, numReplicas: 2, slotsPerChiplet: 4, antiAffinity: [[0, 1]] },
      limits: { chipletLoad: 40 },
    });
    const solution = await replicate(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(solution.chiplets.flat()).to.have.length(6);
    expect(solution.status).to.equal("feasible");
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

  for (const dispatch of DISPATCH_MODELS) {
    it(`is never worse under a laxer cap than under a tighter one, whichever they are, by ${dispatch} dispatch`, async () => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(fc.nat(), cap, cap, async (seed, one, other) => {
          const patterns = skewedTokens(seed);
          const shape = { numChiplets: 6, slotsPerChiplet: 4, numReplicas: 6, dispatch };
          const mean = sum(createProblem(patterns, shape).load) / 6;
          let tighter = Infinity;
          for (const maxLoad of [Math.min(one, other), Math.max(one, other)]) {
            const problem = createProblem(patterns, { ...shape, limits: { chipletLoad: maxLoad * mean } });
            const solution = await replicate(problem, { ...DEFAULT_SOLVER_OPTIONS, effort: 0.04 });
            if (!("chiplets" in solution)) {
              expect(tighter, "a laxer cap than one that was kept").to.equal(Infinity);
              continue;
            }
            expect(verifyFound(problem, solution)).to.deep.equal([]);
            expect(solution.cost).to.be.at.most(tighter);
            if (tighter < Infinity) compared++;
            tighter = solution.cost;
          }
        }),
        { numRuns: 12, seed: 1 },
      );
      expect(compared).to.be.at.least(6);
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
