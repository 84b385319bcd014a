import { expect } from "chai";
import { createProblem, type PlacementProblem, type ProblemOptions } from "../../../lib/placement/problem.js";
import type { Chiplets } from "../../../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyChiplets } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import type { TokenPatterns } from "../../../lib/trace/token-patterns.js";
import { auto } from "../../../solvers/auto.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { placeColumns } from "../../../solvers/groups/place-columns.js";
import { patternsOf } from "../arbitrary-problem.js";

/** Ten tokens of experts 0 and 1, two of 2 and 3: what is least for C_G loads one group five times as much as the other. */
const lopsided = patternsOf(
  Array.from({ length: 12 }, (_, token) => (token < 10 ? [0, 1] : [2, 3])),
  4,
);

describe("placeColumns", () => {
  it("minimises C_G under no limit but the problem's own", async () => {
    const solution = await auto.solve(
      createProblem(lopsided, { numChiplets: 4, numGroups: 2 }),
      DEFAULT_SOLVER_OPTIONS,
    );
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(solution.chiplets).to.deep.equal([[0], [1], [2], [3]]);
    expect(solution.groups).to.deep.equal({ status: "optimal", cost: 1, bound: 1 });
  });

  it("keeps a limit on the load of chiplet groups where there is one", async () => {
    const problem = createProblem(lopsided, { numChiplets: 4, numGroups: 2, limits: { groupLoad: 12 } });
    const solution = await auto.solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(solution.groups).to.deep.equal({ status: "optimal", cost: 2, bound: 2 });
  });

  it("proves the C_G that brute force finds, within limits on chiplet groups and pins", async () => {
    const random = createRandom(11);
    let numProved = 0;
    for (let round = 0; round < 60; round++) {
      const problem = randomProblem(random.below(1000), round);
      const { chipletsPerGroup } = problem;
      const columns = columnsInOrder(problem);
      const best = bruteForceGroups(
        problem,
        columns.map(({ experts }) => experts),
      );
      const solution = await placeColumns(constraintModelOf(problem), columns, {
        ...DEFAULT_SOLVER_OPTIONS,
        layer: problem.layer,
        stoppedBy: "rule",
      });
      if (!("chiplets" in solution)) {
        expect(best, `round ${round}`).to.equal(Infinity);
        continue;
      }
      expect(verifyChiplets(problem, solution.chiplets), `round ${round}`).to.deep.equal([]);
      expect(solution.groups, `round ${round}`).to.deep.equal({ status: "optimal", cost: best, bound: best });
      expect(groupTokens(problem.patterns, solution.chiplets, chipletsPerGroup)).to.be.closeTo(best, 1e-12);
      numProved++;
    }
    expect(numProved).to.be.greaterThan(40);
  });
});

/** 8 experts on 4 or 6 chiplets in 2 or 3 groups, every third under a cap on the load of a group, every fourth pinned. */
function randomProblem(seed: number, round: number): PlacementProblem {
  const random = createRandom(seed, round);
  const tokens = Array.from({ length: 30 }, () => {
    const chosen = new Set<number>();
    while (chosen.size < 2) chosen.add(random.below(1 + random.below(8)));
    return [...chosen];
  });
  const options: ProblemOptions =
    round % 2 === 0 ? { numChiplets: 4, numGroups: 2 } : { numChiplets: 6, numGroups: 3 };
  return createProblem(patternsOf(tokens, 8), {
    ...options,
    ...(round % 3 === 0 && { limits: { groupLoad: (1.2 * 60) / (options.numGroups ?? 1) } }),
    ...(round % 4 === 0 && { pins: [{ expert: 2, chiplet: options.numChiplets - 1 }] }),
  });
}

/** Experts in the order of their ids, with the tokens of each chiplet. */
function columnsInOrder({ numExperts, numChiplets, patterns }: PlacementProblem) {
  return Array.from({ length: numChiplets }, (_, chiplet) => {
    const experts = Array.from({ length: numExperts }, (__, expert) => expert).filter(
      (expert) => expert % numChiplets === chiplet,
    );
    const tokens = tokensOf(patterns).filter(({ members }) =>
      members.some((member) => experts.includes(member)),
    );
    return { experts, tokens: tokens.reduce((sum, { count }) => sum + count, 0) };
  });
}

function tokensOf({ numPatterns, offsets, experts, counts }: TokenPatterns) {
  return Array.from({ length: numPatterns }, (_, pattern) => ({
    members: [...experts.subarray(offsets[pattern], offsets[pattern + 1])],
    count: counts[pattern],
  }));
}

/** Mean distinct chiplet groups a token. */
function groupTokens(patterns: TokenPatterns, chiplets: Chiplets, perGroup: number): number {
  const groupsOf = (members: readonly number[]) =>
    new Set(
      members.map((expert) => Math.floor(chiplets.findIndex((held) => held.includes(expert)) / perGroup)),
    ).size;
  const copies = tokensOf(patterns).reduce((sum, { members, count }) => sum + count * groupsOf(members), 0);
  return copies / patterns.numTokens;
}

/** Tries every order of the columns. */
function bruteForceGroups(problem: PlacementProblem, columns: Chiplets): number {
  let best = Infinity;
  const extend = (chiplets: Chiplets, left: Chiplets) => {
    if (left.length === 0) {
      if (verifyChiplets(problem, chiplets).length > 0) return;
      best = Math.min(best, groupTokens(problem.patterns, chiplets, problem.chipletsPerGroup));
    }
    left.forEach((column, index) => {
      extend([...chiplets, column], left.toSpliced(index, 1));
    });
  };
  extend([], columns);
  return best;
}
