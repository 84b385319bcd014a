import { expect } from "chai";
import { createProblem, meanChipletLoad, type ProblemOptions } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyFound } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { requireSolver } from "../../../solvers/index.js";
import { openLayerThreads } from "../../../solvers/threads/layer-threads.js";
import { patternsOf } from "../arbitrary-problem.js";

describe("a time limit that has run out before the search began", () => {
  const random = createRandom(6);
  const tokens = Array.from({ length: 400 }, () => {
    const first = Math.floor(24 * random.next() ** 1.5);
    return [first, (first + 1 + random.below(23)) % 24];
  });
  const patterns = patternsOf(tokens, 24);
  const solve = async (asked: Partial<ProblemOptions>) => {
    const problem = createProblem(patterns, { numChiplets: 8, numGroups: 2, ...asked });
    const threads = openLayerThreads({ numThreads: 1 });
    const options = { ...DEFAULT_SOLVER_OPTIONS, timeLimitMs: 1 };
    const solution = await threads.inThread(requireSolver("auto")).solve(problem, options);
    await threads.close();
    return { problem, solution };
  };
  const mean = meanChipletLoad(createProblem(patterns, { numChiplets: 8 }));
  const asked: Record<string, Partial<ProblemOptions>> = {
    "even slots": { numChiplets: 10, numGroups: 1, evenSlots: true },
    "groups of the router, whole on chiplets": { routerGroups: 8 },
    "groups of the router, each on two chiplets": { routerGroups: 4 },
    pins: { pins: [{ expert: 0, chiplet: 7 }, { expert: 1, chiplet: 7 }, { expert: 23, chiplet: 0 }] }, // prettier-ignore
    separations: { antiAffinity: [[0, 1, 2, 3, 4, 5, 6, 7]] },
    "a cap on loads": { slotsPerChiplet: 4, limits: { chipletLoad: 1.1 * mean } },
    replicas: { numReplicas: 8, dispatch: "uniform" },
  };
  for (const [what, limits] of Object.entries(asked)) {
    it(`cuts the search and not the answer: ${what}`, async () => {
      for (const minimise of ["traffic", "load"] as const) {
        const { problem, solution } = await solve({ ...limits, objective: { minimise } });
        if (!("chiplets" in solution)) expect.fail(solution.status);
        expect(verifyFound(problem, solution)).to.deep.equal([]);
        expect(solution.stoppedBy).to.equal("time limit");
      }
    });
  }

  it("proves by counting what cannot be met", async () => {
    const { solution } = await solve({ limits: { chipletLoad: mean / 2 } });
    expect(solution).to.include({ status: "infeasible" });
  });
});
