import { expect } from "chai";
import { createProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { createRandom } from "../../../lib/random.js";
import { louvain } from "../../../solvers/louvain.js";
import { packCommunities, placeCommunities } from "../../../solvers/starts/communities.js";
import { spectral } from "../../../solvers/spectral.js";
import { patternsOf } from "../arbitrary-problem.js";

/** Tokens that never leave their community of four experts; communities are interleaved and differ in load. */
const separate = patternsOf(
  Array.from({ length: 600 }, (_, token) => {
    const community = Math.floor(Math.sqrt(token / 100));
    return [0, 1, 2].map((step) => community + 6 * ((token + step) % 4));
  }),
  24,
);

describe("louvain", () => {
  it("finds planted communities whatever their load", async () => {
    const problem = createProblem(separate, { numChiplets: 6 });
    const solution = await louvain.solve(problem, DEFAULT_SOLVER_OPTIONS);
    expect(solution).to.include({ status: "feasible", cost: 1 });
  });

  it("hands out distinct placements, the cheapest first", () => {
    const problem = createProblem(separate, { numChiplets: 8 });
    const placements = placeCommunities(problem, createRandom(1));
    expect(new Set(placements.map(String)).size).to.equal(placements.length);
  });
});

describe("packCommunities", () => {
  const weights = new Float64Array(36).fill(1);
  const problem = createProblem(patternsOf([[0, 1]], 6), { numChiplets: 3 });

  it("splits a community larger than a chiplet", () => {
    const chipletOf = packCommunities(Uint16Array.of(0, 0, 0, 0, 0, 0), weights, problem);
    expect([...chipletOf]).to.deep.equal([0, 0, 1, 1, 2, 2]);
  });

  it("keeps communities that fit together, and fills up with what is left", () => {
    const chipletOf = packCommunities(Uint16Array.of(0, 1, 2, 2, 1, 3), weights, problem);
    expect(chipletOf[1]).to.equal(chipletOf[4]);
    expect(chipletOf[2]).to.equal(chipletOf[3]);
    expect(chipletOf[0]).to.equal(chipletOf[5]);
  });
});

describe("spectral", () => {
  it("finds planted communities whatever their load", async () => {
    const problem = createProblem(separate, { numChiplets: 6 });
    const solution = await spectral.solve(problem, DEFAULT_SOLVER_OPTIONS);
    expect(solution).to.include({ status: "feasible", cost: 1 });
  });
});
