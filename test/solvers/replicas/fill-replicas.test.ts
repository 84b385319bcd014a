import { expect } from "chai";
import * as fc from "fast-check";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import type { Chiplets } from "../../../lib/placement/placement.js";
import { createProblem } from "../../../lib/placement/problem.js";
import { verifyChiplets } from "../../../lib/placement/verify.js";
import { findSolver } from "../../../solvers/index.js";
import { fillReplicas } from "../../../solvers/replicas/fill-replicas.js";

function problemOf(
  load: readonly number[],
  shape: { numChiplets: number; numReplicas: number; numGroups: number },
) {
  const patterns = {
    numExperts: load.length,
    numPatterns: load.length,
    numTokens: load.reduce((sum, tokens) => sum + tokens, 0),
    offsets: Uint32Array.from({ length: load.length + 1 }, (_, expert) => expert),
    experts: Uint16Array.from(load.keys()),
    counts: Uint32Array.from(load),
  };
  return createProblem(patterns, { ...shape, objective: { minimise: "load" }, dispatch: "uniform" });
}

const arbitraryLoads = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 8, maxLength: 24 });

describe("fillReplicas", () => {
  it("adds what is missing, busiest experts first, none twice on a chiplet", () => {
    const problem = problemOf([90, 10, 10, 10], { numChiplets: 4, numReplicas: 4, numGroups: 2 });
    const isSound = (chiplets: Chiplets) => verifyChiplets(problem, chiplets).length === 0;
    const filled = fillReplicas(problem, [[0], [1], [2], [3]], isSound);
    expect(filled.flat().filter((expert) => expert === 0)).to.have.length(4);
    expect(filled.flat()).to.have.length(8);
    expect(verifyChiplets(problem, filled)).to.deep.equal([]);
    expect(fillReplicas(problem, filled, isSound)).to.equal(filled);
  });

  it("leaves EPLB, quick answers and all others with all replicas asked for", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryLoads, fc.integer({ min: 1, max: 20 }), async (load, numReplicas) => {
        const problem = problemOf(load, { numChiplets: 4, numGroups: 2, numReplicas });
        for (const name of ["eplb-global", "eplb-hierarchical", "local-search"]) {
          const answer = await findSolver(name)!.solve(problem, DEFAULT_SOLVER_OPTIONS);
          expect("chiplets" in answer && answer.chiplets.flat().length, name).to.equal(
            load.length + numReplicas,
          );
        }
      }),
      { numRuns: 40 },
    );
  });
});
