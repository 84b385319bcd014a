import { expect } from "chai";
import { createProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { createRandom } from "../../../lib/random.js";
import { verifyFound } from "../../../lib/placement/verify.js";
import { enumerateReplicas } from "../../../solvers/replicas/enumerate-replicas.js";
import { exact } from "../../../solvers/exact.js";
import { boundReplicas, boundWithoutReplicas } from "../../../solvers/replicas/replica-bound.js";
import { replicate } from "../../../solvers/replicas/replicate.js";
import { patternsOf, solvedReplicatedProblems } from "../arbitrary-problem.js";

describe("proofs of placements with replicas", () => {
  it("are bounds that the best of all placements is not below, by both ways of dispatch", () => {
    let [nearest, uniform, above] = [0, 0, 0];
    for (const { problem, best } of solvedReplicatedProblems()) {
      if (best === Infinity) continue;
      const everywhere = Array.from({ length: problem.numChiplets }, (_, chiplet) =>
        chiplet === 0 ? [...Array(problem.numExperts).keys()] : [],
      );
      const bound = boundReplicas(problem, everywhere);
      expect(bound).to.be.at.most(best + 1e-9);
      if (problem.dispatch === "nearest") nearest++;
      else uniform++;
      if (bound > 1) above++;
    }
    expect(nearest).to.be.at.least(5);
    expect(uniform).to.be.at.least(5);
    expect(above).to.be.at.least(3);
  });

  it("are bounds by a solver that proves placements without replicas", async () => {
    let above = 0;
    for (const { problem, best } of solvedReplicatedProblems()) {
      if (best === Infinity) continue;
      const bound = await boundWithoutReplicas(problem, exact, DEFAULT_SOLVER_OPTIONS);
      expect(bound).to.be.at.most(best + 1e-9);
      if (bound > 1) above++;
    }
    expect(above).to.be.at.least(3);
  });

  it("know how far a few replicas can go", () => {
    const random = createRandom(2);
    const tokens = Array.from({ length: 300 }, () => random.shuffle([...Array(16).keys()]).slice(0, 4));
    const patterns = patternsOf(tokens, 16);
    const everywhere = Array.from({ length: 4 }, (_, chiplet) =>
      [...Array(16).keys()].filter((e) => e % 4 === chiplet),
    );
    const boundOf = (numReplicas: number) => {
      const shape = { numChiplets: 4, slotsPerChiplet: 6, numReplicas, dispatch: "nearest" } as const;
      return boundReplicas(createProblem(patterns, shape), everywhere);
    };
    expect(boundOf(1)).to.be.above(1.4);
    expect(boundOf(4)).to.be.below(boundOf(1));
    expect(boundOf(8)).to.be.below(boundOf(4));
  });

  it("are of all placements where they are few: each optimum is found, and that there is none with all replicas, or at all", async () => {
    for (const { problem, best, bestWithAll } of solvedReplicatedProblems()) {
      const solution = await replicate(problem, { ...DEFAULT_SOLVER_OPTIONS, proves: true });
      if (best === Infinity) expect(solution.status).to.equal("infeasible");
      else {
        if (!("chiplets" in solution)) expect.fail(solution.status);
        expect(verifyFound(problem, solution)).to.deep.equal([]);
        const hasAll = solution.chiplets.flat().length === problem.numExperts + problem.numReplicas;
        expect(hasAll).to.equal(bestWithAll < Infinity);
        // With fewer than asked for nothing is proved but by the bound, which holds for these, too.
        const isProved = hasAll || (solution.bound ?? 0) > solution.cost - 1e-9;
        expect(solution.status).to.equal(isProved ? "optimal" : "feasible");
        expect(solution.cost).to.be.closeTo(hasAll ? bestWithAll : best, 1e-9);
      }
    }
  });

  it("say so where there are too many to try", () => {
    const tokens = Array.from({ length: 200 }, (_, token) => [token % 11, (3 * token + 1) % 11].toSorted());
    const patterns = patternsOf(
      tokens.filter(([a, b]) => a !== b),
      11,
    );
    const all = { mostCost: Infinity, isSound: () => true };
    const many = createProblem(patterns, { numChiplets: 5, numReplicas: 4 });
    expect(enumerateReplicas(many, all)?.isComplete).to.be.false;
    const wide = createProblem(patterns, { numChiplets: 11, numReplicas: 4 });
    expect(enumerateReplicas(wide, all)).to.be.undefined;
  });

  it("begin with a placement that is given, and are never worse", async () => {
    const [{ problem }] = solvedReplicatedProblems().filter(({ best }) => best < Infinity);
    const solved = await replicate(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solved)) expect.fail(solved.status);
    const start = solved.chiplets;
    const again = await replicate(
      { ...problem, numReplicas: problem.numReplicas },
      { ...DEFAULT_SOLVER_OPTIONS, start },
    );
    expect("cost" in again && again.cost).to.be.at.most(solved.cost + 1e-12);
  });
});
