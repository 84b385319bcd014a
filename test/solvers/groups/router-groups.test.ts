import { expect } from "chai";
import { countTokenCopies } from "../../../lib/placement/cost.js";
import { chipletOfExperts, expertsOfChiplets, type Chiplets } from "../../../lib/placement/placement.js";
import { createProblem, type PlacementProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyChiplets, verifyFound } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { requireSolver, solvers } from "../../../solvers/index.js";
import { expectRejection } from "../../expect-rejection.js";
import { patternsOf } from "../arbitrary-problem.js";

const random = createRandom(3);
const tokens = Array.from({ length: 60 }, () =>
  Array.from({ length: 8 }, (_, expert) => ({ expert, key: random.next() * (1 + (expert % 3)) }))
    .sort((a, b) => a.key - b.key)
    .slice(0, 3)
    .map(({ expert }) => expert)
    .sort((a, b) => a - b),
);
const patterns = patternsOf(tokens, 8);

/** Every machine of up to eight chiplets on which two, four or eight groups of the router can be whole. */
const SHAPES = [
  { routerGroups: 2, numChiplets: 2, numGroups: 1 },
  { routerGroups: 4, numChiplets: 2, numGroups: 2 },
  { routerGroups: 2, numChiplets: 4, numGroups: 2 },
  { routerGroups: 2, numChiplets: 4, numGroups: 1 },
  { routerGroups: 2, numChiplets: 4, numGroups: 4 },
  { routerGroups: 4, numChiplets: 4, numGroups: 2 },
  { routerGroups: 2, numChiplets: 8, numGroups: 4 },
  { routerGroups: 4, numChiplets: 8, numGroups: 2 },
];

/** Least C_T of all placements that keep the groups of the router side by side, one of every class of equal cost. */
function leastCost(problem: PlacementProblem): number {
  let least = Infinity;
  const chipletOf = new Uint16Array(8);
  const assign = (expert: number) => {
    if (expert === 8) {
      const chiplets = expertsOfChiplets(chipletOf, problem.numChiplets);
      if (verifyChiplets(problem, chiplets).length > 0) return;
      least = Math.min(least, countTokenCopies(patterns, chipletOf) / patterns.numTokens);
      return;
    }
    for (let chiplet = 0; chiplet < problem.numChiplets; chiplet++) {
      chipletOf[expert] = chiplet;
      if (chipletOf.subarray(0, expert).filter((held) => held === chiplet).length < problem.slotsPerChiplet)
        assign(expert + 1);
    }
  };
  assign(0);
  return least;
}

async function place(name: string, problem: PlacementProblem) {
  const solution = await requireSolver(name).solve(problem, DEFAULT_SOLVER_OPTIONS);
  if (!("chiplets" in solution)) throw new Error(`${name}: ${solution.status}`);
  return solution;
}

describe("groups of the router", () => {
  for (const shape of SHAPES) {
    const { routerGroups, numChiplets, numGroups } = shape;
    it(`are kept and C_T proved least: ${routerGroups} on ${numChiplets} chiplets in ${numGroups}`, async () => {
      const problem = createProblem(patterns, shape);
      const found = await place("exact", problem);
      expect(verifyFound(problem, found)).to.deep.equal([]);
      expect(found.status).to.equal("optimal");
      // Eight chiplets of one expert each all cost the same, and are too many to list.
      if (numChiplets < 8) expect(found.cost).to.be.closeTo(leastCost(problem), 1e-9);
    });
  }

  it("are kept by every solver, for every objective that has no clock", async () => {
    for (const { name } of solvers) {
      for (const minimise of ["traffic", "load"] as const) {
        const problem = createProblem(patterns, { ...SHAPES[2], objective: { minimise } });
        expect(verifyFound(problem, await place(name, problem)), `${name}, ${minimise}`).to.deep.equal([]);
      }
    }
  });

  it("are more than the verifier lets pass when they are mixed", () => {
    const problem = createProblem(patterns, SHAPES[2]);
    const mixed: Chiplets = [
      [0, 4],
      [1, 2],
      [3, 5],
      [6, 7],
    ];
    expect(verifyChiplets(problem, mixed)[0]).to.equal(
      "router groups 0 and 1 are mixed, expected side by side",
    );
    expect(chipletOfExperts(mixed, 8)[4]).to.equal(0);
  });

  it("cannot be kept where numbers do not divide, or with replicas and pins", async () => {
    const refused = (options: Partial<Parameters<typeof createProblem>[1]>) =>
      place("auto", createProblem(patterns, { numChiplets: 4, routerGroups: 2, ...options }));
    await expectRejection(refused({ routerGroups: 3 }), "routerGroups: found 3 of 8 experts on 4 chiplets");
    await expectRejection(refused({ numReplicas: 4 }), "routerGroups: found replicas too");
    await expectRejection(refused({ pins: [{ expert: 0, chiplet: 0 }] }), "routerGroups: found pins too");
  });
});
