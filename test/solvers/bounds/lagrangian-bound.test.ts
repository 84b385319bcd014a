import { expect } from "chai";
import { chipletOfExperts } from "../../../lib/placement/placement.js";
import { louvain } from "../../../solvers/louvain.js";
import { contiguousPlacement } from "../../../solvers/starts/contiguous-placement.js";
import { lagrangianBound } from "../../../solvers/bounds/lagrangian-bound.js";
import { createProblem, type PlacementProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { collectPatterns } from "../../../lib/trace/token-patterns.js";
import { synthesizeTrace } from "../../../traces/synthetic.js";
import { countSubsets } from "../../../solvers/columns/subset-costs.js";
import { solvedProblems } from "../arbitrary-problem.js";

/** The bound in chiplets a token with sets of up to `largest` experts priced, from a placement that knows nothing. */
function boundOf(
  problem: PlacementProblem,
  largest: number,
  chipletOf = contiguousPlacement(problem),
): number {
  const slots = problem.numChiplets * Math.min(problem.slotsPerChiplet, problem.numExperts);
  const mostSubsets = countSubsets(slots, largest);
  return (
    lagrangianBound(problem, { chipletOf, mostSubsets, deadline: Infinity }) / problem.patterns.numTokens
  );
}

describe("lagrangianBound", () => {
  it("is never above the optimum, nor below one chiplet a token, whatever sets are priced", () => {
    for (const { problem, best } of solvedProblems()) {
      for (const largest of [2, 3, 4]) {
        const bound = boundOf(problem, largest);
        expect(bound).to.be.at.most(best);
        expect(bound).to.be.at.least(1 - 1e-6);
      }
    }
  });

  it("reaches the optimum where experts come in fixed companies", () => {
    const patterns = companies();
    const problem = createProblem(patterns, { numChiplets: 4 });
    expect(boundOf(problem, 2)).to.be.closeTo(1, 1e-3);
  });

  it("rises with the size of the sets that are priced", async () => {
    const trace = synthesizeTrace({ preset: "deepseek-moe-16b", seed: 1, tokens: 2000, layers: 1 });
    const problem = createProblem(collectPatterns(trace.layers[0], trace), { numChiplets: 8 });
    const found = await louvain.solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in found)) throw new Error(found.status);
    const chipletOf = chipletOfExperts(found.chiplets, problem.numExperts);
    const [pairs, triples, quadruples] = [2, 3, 4].map((largest) => boundOf(problem, largest, chipletOf));
    expect(triples).to.be.above(1.01 * pairs);
    expect(quadruples).to.be.above(1.01 * triples);
    expect(quadruples).to.be.below(found.cost);
  });

  it("says what it has when time is up", () => {
    const patterns = companies();
    const problem = createProblem(patterns, { numChiplets: 4 });
    const options = { chipletOf: contiguousPlacement(problem), mostSubsets: 100, deadline: 0 };
    expect(lagrangianBound(problem, options)).to.be.closeTo(patterns.numTokens, 1e-6);
  });
});

/** Tokens that choose experts 2i and 2i + 1, ten each. */
function companies() {
  return {
    numExperts: 8,
    numPatterns: 4,
    numTokens: 40,
    offsets: Uint32Array.of(0, 2, 4, 6, 8),
    experts: Uint16Array.of(0, 1, 2, 3, 4, 5, 6, 7),
    counts: Uint32Array.of(10, 10, 10, 10),
  };
}
