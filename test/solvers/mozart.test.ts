import { expect } from "chai";
import { clusterExperts, mozart } from "../../solvers/mozart.js";
import { countTokenCopies } from "../../lib/placement/cost.js";
import { chipletOfExperts } from "../../lib/placement/placement.js";
import { createProblem } from "../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../../lib/placement/solver.js";
import { splitHoldout } from "../../lib/trace/routing-trace.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { contiguous } from "../../solvers/contiguous.js";
import { readTrace } from "../../traces/read-trace.js";
import { realFile } from "../traces/trace-files.js";
import { patternsOf } from "./arbitrary-problem.js";

describe("clusterExperts", () => {
  it("starts with the strongest pair, then with the expert farthest from all placed", () => {
    const pairs = symmetric(6, [
      [0, 3, 9],
      [0, 1, 5],
      [3, 4, 4],
      [1, 2, 7],
      [2, 4, 2],
      [4, 5, 6],
    ]);
    // 5 has nothing in common with 0 and 3; 4 is what it is chosen with most.
    expect(clusterExperts(pairs, 3)).to.deep.equal([
      [0, 3],
      [2, 1],
      [5, 4],
    ]);
  });

  it("breaks ties by the lowest id", () => {
    expect(clusterExperts(new Float64Array(36), 3)).to.deep.equal([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
  });

  it("shares out experts that the clusters do not divide", () => {
    expect(clusterExperts(new Float64Array(49), 3).map((cluster) => cluster.length)).to.deep.equal([3, 2, 2]);
  });
});

describe("mozart", () => {
  it("puts clusters on chiplet groups so that their loads are even", async () => {
    // Four pairs of loads 8, 7, 2 and 1: a group takes 8 + 1, the other 7 + 2.
    const tokens = [
      [0, 1, 8],
      [2, 3, 7],
      [4, 5, 2],
      [6, 7, 1],
    ].flatMap(([first, second, times]) => Array.from({ length: times }, () => [first, second]));
    const problem = createProblem(patternsOf(tokens, 8), { numChiplets: 4, numGroups: 2 });
    const solution = await mozart.solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(solution.chiplets).to.deep.equal([
      [0, 1],
      [6, 7],
      [2, 3],
      [4, 5],
    ]);
    expect(solution.cost).to.equal(1);
  });
});

describe("mozart on real traces", () => {
  it("is judged at C_T 4.197 on held-out law tokens, where the contiguous layout is at 5.309", async function () {
    const path = realFile(this, "traces", "esft-dsv2lite-law.jsonl.gz");
    const { trace } = await readTrace([path]);
    // The published figures cut at three quarters of the tokens, whichever sequence they belong to.
    const layers = trace.layers.map(({ layer, numTokens, experts }) => ({ layer, numTokens, experts }));
    const { learn, heldOut } = splitHoldout({ ...trace, layers }, 0.25);
    const judge = async (solver: Solver) => {
      let sum = 0;
      for (const [index, layer] of learn.layers.entries()) {
        const problem = createProblem(collectPatterns(layer, trace), { numChiplets: 16, numGroups: 4 });
        const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
        if (!("chiplets" in solution)) expect.fail(solution.status);
        const unseen = collectPatterns(heldOut.layers[index], trace);
        sum +=
          countTokenCopies(unseen, chipletOfExperts(solution.chiplets, trace.numExperts)) / unseen.numTokens;
      }
      return sum / learn.layers.length;
    };
    expect(await judge(mozart)).to.be.closeTo(4.197, 5e-4);
    expect(await judge(contiguous)).to.be.closeTo(5.309, 5e-4);
  });
});

function symmetric(size: number, entries: [number, number, number][]): Float64Array {
  const matrix = new Float64Array(size * size);
  for (const [row, column, value] of entries) {
    matrix[row * size + column] = value;
    matrix[column * size + row] = value;
  }
  return matrix;
}
