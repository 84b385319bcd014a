import { expect } from "chai";
import { createProblem, type ProblemOptions } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyFound } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { findSolver } from "../../../solvers/index.js";
import { patternsOf } from "../arbitrary-problem.js";

/** Tokens of `topK` experts out of `numExperts`, drawn evenly. */
function evenTokens(numExperts: number, topK: number, numTokens: number) {
  const random = createRandom(33);
  const tokens = Array.from({ length: numTokens }, () => {
    const chosen = new Set<number>();
    while (chosen.size < topK) chosen.add(random.below(numExperts));
    return [...chosen];
  });
  return patternsOf(tokens, numExperts);
}

async function solve(name: string, numExperts: number, options: ProblemOptions) {
  const problem = createProblem(evenTokens(numExperts, 4, 200), options);
  const solution = await findSolver(name)?.solve(problem, DEFAULT_SOLVER_OPTIONS);
  if (!solution || !("chiplets" in solution))
    return expect.fail(`${name}: ${solution?.status ?? "no solver"}`);
  expect(verifyFound(problem, solution)).to.deep.equal([]);
  return solution;
}

describe("problems that one chiplet has room for", () => {
  for (const name of ["ilp", "exact", "auto"]) {
    it(`are solved by ${name} with C_T 1, optimal, however many columns they have`, async () => {
      for (const numExperts of [24, 32, 64, 128]) {
        expect(await solve(name, numExperts, { numChiplets: 1 })).to.include({
          status: "optimal",
          cost: 1,
          bound: 1,
        });
      }
      const roomy = { numChiplets: 4, numGroups: 2, slotsPerChiplet: 16 };
      expect(await solve(name, 16, roomy)).to.deep.include({
        status: "optimal",
        cost: 1,
        groups: { status: "optimal", cost: 1, bound: 1 },
      });
      const pinned = await solve(name, 16, { ...roomy, pins: [{ expert: 3, chiplet: 2 }] });
      expect(pinned.chiplets[2]).to.have.length(16);
    });
  }

  it("are proved where a slot is missing or a constraint forbids it, too", async () => {
    const roomy = { numChiplets: 4, numGroups: 2 };
    for (const options of [{ slotsPerChiplet: 11 }, { slotsPerChiplet: 12, antiAffinity: [[0, 1]] }]) {
      const solution = await solve("auto", 12, { ...roomy, ...options });
      expect(solution.status).to.equal("optimal");
      expect(solution.cost).to.be.above(1);
    }
  });

  it("have no bound below 1 where the clock cuts the proof", async () => {
    const problem = createProblem(evenTokens(14, 4, 200), { numChiplets: 2, slotsPerChiplet: 13 });
    const solution = await findSolver("exact")?.solve(problem, { ...DEFAULT_SOLVER_OPTIONS, timeLimitMs: 1 });
    expect(solution).to.have.property("bound").that.is.at.least(1);
  });
});
