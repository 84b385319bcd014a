import { expect } from "chai";
import { starBound } from "../../solvers/star-bound.js";
import { solvedProblems } from "./arbitrary-problem.js";

describe("starBound", () => {
  it("is never above the optimum, nor below one chiplet a token", () => {
    for (const { problem, best } of solvedProblems()) {
      const { numTokens } = problem.patterns;
      const bound = starBound(problem) / numTokens;
      expect(bound).to.be.at.most(best);
      expect(bound).to.be.at.least(1 - 1e-6);
    }
  });

  it("reaches the optimum where experts come in fixed companies", () => {
    const patterns = companies();
    const problem = {
      ...solvedProblems()[0].problem,
      patterns,
      numExperts: 8,
      slotsPerChiplet: 2,
      numChiplets: 4,
    };
    expect(starBound(problem)).to.be.closeTo(patterns.numTokens, 1e-3 * patterns.numTokens);
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
