import { expect } from "chai";
import { createProblem, type ProblemOptions } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { verifyChiplets, verifyFound } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { findSolver } from "../../../solvers/index.js";
import { patternsOf } from "../arbitrary-problem.js";

const RESILIENT = { limits: { groupsPerExpert: 2 } };

/** Tokens of 2 out of `numExperts`, the first of them more often. */
function skewedTokens(numExperts: number, seed: number) {
  const random = createRandom(seed);
  const tokens = Array.from({ length: 25 }, () => {
    const chosen = new Set<number>();
    while (chosen.size < 2) chosen.add(random.below(1 + random.below(numExperts)));
    return [...chosen];
  });
  return patternsOf(tokens, numExperts);
}

function solve(numExperts: number, seed: number, options: ProblemOptions) {
  const problem = createProblem(skewedTokens(numExperts, seed), options);
  const solver = findSolver("auto");
  if (!solver) throw new Error("there is a default solver");
  return solver.solve(problem, DEFAULT_SOLVER_OPTIONS).then((solution) => ({ problem, solution }));
}

describe("separation over chiplet groups", () => {
  it("keeps every expert when any chiplet group is lost", async () => {
    const { problem, solution } = await solve(16, 1, {
      numChiplets: 8,
      numGroups: 4,
      numReplicas: 20,
      ...RESILIENT,
    });
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(verifyFound(problem, solution)).to.deep.equal([]);
    for (let lost = 0; lost < 4; lost++) {
      const left = solution.chiplets.filter((_, chiplet) => Math.floor(chiplet / 2) !== lost);
      expect(new Set(left.flat()).size).to.equal(16);
    }
  });

  it("has room where replicas fill every slot, with experts apart and pinned", async () => {
    const { problem, solution } = await solve(12, 2, {
      numChiplets: 6,
      numGroups: 3,
      slotsPerChiplet: 4,
      numReplicas: 12,
      pins: [{ expert: 5, chiplet: 2 }],
      antiAffinity: [[0, 1]],
      ...RESILIENT,
    });
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(verifyFound(problem, solution)).to.deep.equal([]);
  });

  const refused: [string, ProblemOptions, string][] = [
    [
      "replicas",
      { numChiplets: 4, numGroups: 2, numReplicas: 5 },
      "every expert must be in 2 chiplet groups, which takes 8 replicas, 5 are allowed: 3 too few",
    ],
    [
      "replicas at all",
      { numChiplets: 4, numGroups: 2 },
      "every expert must be in 2 chiplet groups, which takes 8 replicas, 0 are allowed: 8 too few",
    ],
    [
      "chiplet groups",
      { numChiplets: 4, numReplicas: 8 },
      "every expert must be in 2 chiplet groups, there are 1: 1 too few",
    ],
    [
      "memory",
      { numChiplets: 4, numGroups: 2, numReplicas: 8, limits: { groupBytes: 7 } },
      "the mean bytes of a chiplet group is at least 8, the limit is 7: 1 too low",
    ],
  ];
  for (const [what, options, reason] of refused) {
    it(`is refused with the reason where ${what} do not suffice`, async () => {
      const limits = { ...options.limits, ...RESILIENT.limits };
      const { solution } = await solve(8, 3, { ...options, limits });
      expect(solution).to.deep.equal({ status: "infeasible", reason });
    });
  }

  it("finds what brute force finds on tiny problems, and never less", async () => {
    let [numFound, numBest] = [0, 0];
    for (let seed = 0; seed < 12; seed++) {
      const shape = { numChiplets: 4, numGroups: 2, numReplicas: 4 + (seed % 3), slotsPerChiplet: 3 };
      const { problem, solution } = await solve(4, seed, { ...shape, ...RESILIENT });
      const best = bruteForce(problem);
      if (!("chiplets" in solution)) expect.fail(`${solution.status} at seed ${seed}, best ${best}`);
      expect(verifyFound(problem, solution)).to.deep.equal([]);
      expect(solution.cost).to.be.at.least(best - 1e-9);
      numFound++;
      if (solution.cost <= best + 1e-9) numBest++;
    }
    expect(numFound).to.equal(12);
    expect(numBest).to.be.at.least(9);
  });

  it("is verified by itself", () => {
    const problem = createProblem(skewedTokens(4, 1), {
      numChiplets: 4,
      numGroups: 2,
      numReplicas: 4,
      ...RESILIENT,
    });
    expect(verifyChiplets(problem, [[0, 1], [2, 3], [0, 1], [2, 3]])).to.deep.equal([]); // prettier-ignore
    expect(verifyChiplets(problem, [[0, 1], [0, 2], [1, 2], [3]])).to.deep.equal([
      "expert 0 is in chiplet group 0 alone, expected in 2",
      "expert 3 is in chiplet group 1 alone, expected in 2",
    ]); // prettier-ignore
  });
});

/** Tries every set of chiplets for every expert. */
function bruteForce(problem: ReturnType<typeof createProblem>): number {
  const { numExperts, numChiplets, patterns } = problem;
  let best = Infinity;
  const extend = (chiplets: readonly (readonly number[])[], expert: number): void => {
    if (chiplets.some((experts) => experts.length > problem.slotsPerChiplet)) return;
    if (expert === numExperts) {
      if (verifyChiplets(problem, chiplets).length > 0) return;
      const { chipletTokens } = countTraffic(patterns, chiplets, problem);
      best = Math.min(best, chipletTokens.reduce((sum, tokens) => sum + tokens, 0) / patterns.numTokens);
      return;
    }
    for (let set = 1; set < 2 ** numChiplets; set++) {
      extend(
        chiplets.map((experts, chiplet) => ((set >> chiplet) & 1 ? [...experts, expert] : experts)),
        expert + 1,
      );
    }
  };
  extend(
    Array.from({ length: numChiplets }, () => []),
    0,
  );
  return best;
}
