import { expect } from "chai";
import { createProblem, type PlacementProblem, type ProblemOptions } from "../../../lib/placement/problem.js";
import { expertsOfChiplets } from "../../../lib/placement/placement.js";
import { verifyChiplets } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { decideFeasibility, findConflict } from "../../../solvers/constraints/feasibility.js";
import { repairPlacement } from "../../../solvers/constraints/repair.js";
import { createAdmissibility } from "../../../solvers/constraints/violations.js";
import { patternsOf, solvedProblems } from "../arbitrary-problem.js";

/** Loads 4, 3, 2, 1, 1, 1 on six experts. */
const tokens = patternsOf(
  [
    [0, 1],
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 2],
    [4, 5],
  ],
  6,
);
const pose = (options: Partial<ProblemOptions>) => createProblem(tokens, { numChiplets: 3, ...options });

const demandOf = ({ numReplicas, limits }: PlacementProblem) => ({
  numReplicas,
  groupsPerExpert: limits.groupsPerExpert,
});

const conflictOf = (problem: PlacementProblem) => findConflict(constraintModelOf(problem), demandOf(problem));

describe("findConflict", () => {
  const cases: [string, Partial<ProblemOptions>, string][] = [
    [
      "a total load",
      { limits: { chipletLoad: 3.5 } },
      "the mean load of a chiplet is at least 4, the limit is 3.5: 0.5 too low",
    ],
    [
      "an expert too busy",
      { numChiplets: 6, limits: { chipletLoad: 3 } },
      "the load of expert 0 alone is at least 4, the limit is 3: 1 too low",
    ],
    [
      "a memory too small",
      { limits: { groupBytes: 5 } },
      "the mean bytes of a chiplet group is at least 6, the limit is 5: 1 too low",
    ],
    [
      "too few experts allowed in a chiplet group",
      { limits: { groupExperts: 5 } },
      "the mean number of experts in a chiplet group is at least 6, the limit is 5: 1 too low",
    ],
    [
      "a link too slow",
      { limits: { chipletTokens: 1.5 } },
      "the mean tokens on the link of a chiplet is at least 2, the limit is 1.5: 0.5 too low",
    ],
    [
      "a link too slow for one expert",
      { limits: { chipletTokens: 3 } },
      "the tokens of expert 0 alone is at least 4, the limit is 3: 1 too low",
    ],
    [
      "too many pins",
      { pins: [0, 1, 2].map((expert) => ({ expert, chiplet: 1 })) },
      "3 experts are pinned to chiplet 1, its slots are 2: 1 too many",
    ],
    [
      "pins that are too busy together",
      { pins: [0, 1].map((expert) => ({ expert, chiplet: 1 })), limits: { chipletLoad: 5 } },
      "the load of the experts pinned to chiplet 1 is at least 7, the limit is 5: 2 too low",
    ],
    [
      "pins that must be apart",
      { pins: [0, 1].map((expert) => ({ expert, chiplet: 1 })), antiAffinity: [[0, 1]] },
      "experts 0 and 1 are pinned to chiplet 1 and must be apart",
    ],
    [
      "too many experts apart",
      { antiAffinity: [[0, 1, 2, 3]] },
      "4 experts must be apart, there are 3 chiplets: 1 too few",
    ],
  ];
  for (const [name, options, conflict] of cases) {
    it(`names ${name}`, () => {
      expect(conflictOf(pose(options))).to.equal(conflict);
    });
  }

  it("finds nothing wrong with a problem that has a solution", () => {
    for (const { problem, best } of solvedProblems()) {
      if (best < Infinity) expect(conflictOf(problem)).to.equal(undefined);
    }
  });
});

describe("decideFeasibility", () => {
  it("names the limit by how much it is too low, where counting alone does not see it", async () => {
    // Loads 4, 4, 4 on two chiplets of two: one of them has 8.
    const triples = patternsOf(
      [
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
      ],
      3,
    );
    const problem = createProblem(triples, { numChiplets: 2, limits: { chipletLoad: 7 } });
    expect(conflictOf(problem)).to.equal(undefined);
    expect(await decideFeasibility(constraintModelOf(problem), demandOf(problem))).to.deep.equal({
      status: "infeasible",
      reason: "the largest load of a chiplet is at least 8, the limit is 7: 1 too low",
    });
  });

  it("says so where only all limits together cannot hold", async () => {
    const problem = pose({
      numChiplets: 2,
      slotsPerChiplet: 3,
      antiAffinity: [
        [0, 1],
        [1, 2],
        [0, 2],
      ],
    });
    expect(await decideFeasibility(constraintModelOf(problem), demandOf(problem))).to.deep.equal({
      status: "infeasible",
      reason: "no placement respects all limits, pins and separations at once",
    });
  });
});

describe("repairPlacement", () => {
  it("finds an admissible placement of most small problems that have one, and only of those", () => {
    let [solvable, repaired] = [0, 0];
    for (const { problem, best } of solvedProblems()) {
      const start = Uint16Array.from(
        { length: problem.numExperts },
        (_, expert) => expert % problem.numChiplets,
      );
      const placement = repairPlacement(constraintModelOf(problem), start, { random: createRandom(1) });
      if (best < Infinity) solvable++;
      if (!placement) continue;
      repaired++;
      expect(best).to.be.below(Infinity);
      expect(verifyChiplets(problem, expertsOfChiplets(placement, problem.numChiplets))).to.deep.equal([]);
      expect(createAdmissibility(constraintModelOf(problem))(placement)).to.be.true;
      expect(createAdmissibility(constraintModelOf(problem))(start)).to.equal(
        verifyChiplets(problem, expertsOfChiplets(start, problem.numChiplets)).length === 0,
      );
    }
    expect(repaired).to.be.at.least(Math.floor(0.9 * solvable));
  });
});
