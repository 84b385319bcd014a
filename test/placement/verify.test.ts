import { expect } from "chai";
import fc from "fast-check";
import { countTokenCopies } from "../../lib/placement/cost.js";
import { chipletOfExperts, expertsOfChiplets, type LayerPlacement } from "../../lib/placement/placement.js";
import { createProblem, type PlacementProblem, type ProblemOptions } from "../../lib/placement/problem.js";
import { verifyByTokens, verifyChiplets, verifyFound } from "../../lib/placement/verify.js";
import { countTokens, tokensOfPatterns } from "../../lib/placement/verify-tokens.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { NO_EXPERT } from "../../lib/trace/routing-trace.js";
import { collectPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import { layerOf, placedCases } from "../arbitrary-layer.js";

const tokens = [
  [0, 1],
  [0, 1],
  [2, 3],
  [0, 3],
];
const patterns = collectPatterns(layerOf(tokens), { numExperts: 4, topK: 2 });
const poseWith = (options: Partial<ProblemOptions> = {}) =>
  createProblem(patterns, { numChiplets: 2, ...options });

describe("verifyChiplets", () => {
  it("finds nothing wrong with a sound placement", () => {
    expect(verifyChiplets(poseWith(), [[0, 1], [2, 3]])).to.deep.equal([]); // prettier-ignore
    // A chiplet may stay empty where there are slots to spare.
    expect(verifyChiplets(poseWith({ slotsPerChiplet: 4 }), [[0, 1, 2, 3], []])).to.deep.equal([]);
  });

  const faults: [string, Partial<ProblemOptions>, number[][], string[]][] = [
    [
      "experts placed twice or not at all",
      {},
      [[0, 1], [1, 2]],
      ["expert 1 is on chiplets 0 and 1, expected on one", "expert 3 is on no chiplet"],
    ],
    [
      "an expert twice on one chiplet",
      { slotsPerChiplet: 3 },
      [[0, 1, 1], [2, 3]],
      ["expert 1 is on chiplets 0 and 0, expected on one"],
    ],
    [
      "two replicas on one chiplet, and too many in all",
      { numReplicas: 1, slotsPerChiplet: 4 },
      [[0, 1, 1, 2], [2, 3]],
      [
        "expert 1 is on chiplets 0 and 0, expected at most once on each",
        "found 6 replicas of 4 experts, expected at most 1 more",
      ],
    ],
    [
      "load that replicas do not take away",
      { numReplicas: 1, limits: { chipletLoad: 4 } },
      [[0, 1, 3], [2, 3]],
      ["chiplet 0 has load 6, the limit is 4"],
    ],
    [
      "too many experts on a chiplet",
      {},
      [[0, 1, 2], [3]],
      ["chiplet 0 holds 3 experts, its slots are 2"],
    ],
    [
      "experts that do not exist",
      { slotsPerChiplet: 3 },
      [[0, 1, 4], [2, 3]],
      ["chiplet 0 holds expert 4, out of range [0, 4)"],
    ],
    [
      "too few chiplets",
      { slotsPerChiplet: 4 },
      [[0, 1, 2, 3]],
      ["found 1 chiplets, expected 2"],
    ],
    [
      "too much load on a chiplet",
      { limits: { chipletLoad: 4.9 } },
      [[0, 1], [2, 3]],
      ["chiplet 0 has load 5, the limit is 4.9"],
    ],
    [
      "too much load on a chiplet group",
      { numChiplets: 4, numGroups: 2, limits: { groupLoad: 4.9 } },
      [[0], [1], [2], [3]],
      ["chiplet group 0 has load 5, the limit is 4.9"],
    ],
    [
      "too many tokens over a chiplet's link",
      { limits: { chipletTokens: 2 } },
      [[0, 1], [2, 3]],
      ["link of chiplet 0 carries tokens 3, the limit is 2"],
    ],
    [
      "too many tokens over the link of a chiplet group",
      { numGroups: 2, limits: { groupTokens: 2 } },
      [[0, 1], [2, 3]],
      ["link of chiplet group 0 carries tokens 3, the limit is 2"],
    ],
    [
      "more bytes than a chiplet group's memory has",
      { numGroups: 2, expertBytes: Float64Array.of(5, 5, 1, 1), limits: { groupBytes: 6 } },
      [[0, 1], [2, 3]],
      ["chiplet group 0 holds bytes 10, the limit is 6"],
    ],
    [
      "too many experts in a chiplet group",
      { numGroups: 2, slotsPerChiplet: 3, limits: { groupExperts: 2 } },
      [[0, 1, 2], [3]],
      ["chiplet group 0 holds experts 3, the limit is 2"],
    ],
    [
      "a pinned expert elsewhere",
      { pins: [{ expert: 2, chiplet: 0 }] },
      [[0, 1], [2, 3]],
      ["expert 2 is not on chiplet 0, to which it is pinned"],
    ],
    [
      "experts together that were to be apart",
      { antiAffinity: [[3, 1, 2]] },
      [[0, 1], [2, 3]],
      ["experts 3 and 2 share chiplet 1, expected apart"],
    ],
  ]; // prettier-ignore
  for (const [name, options, chiplets, expected] of faults) {
    it(`names ${name}`, () => {
      expect(verifyChiplets(poseWith(options), chiplets)).to.deep.equal(expected);
    });
  }

  it("lets replicas share a load", () => {
    const limits = { chipletLoad: 6 };
    expect(verifyChiplets(poseWith({ numReplicas: 1, limits }), [[0, 1, 3], [2, 3]])).to.deep.equal([]); // prettier-ignore
  });

  it("accepts a placement just at a limit", () => {
    const limits = { chipletLoad: 5, chipletTokens: 3, groupTokens: 4, groupBytes: 4 };
    expect(verifyChiplets(poseWith({ limits }), [[0, 1], [2, 3]])).to.deep.equal([]); // prettier-ignore
  });
});

describe("verifyFound", () => {
  const found: LayerPlacement = {
    layer: 0,
    status: "optimal",
    chiplets: [[0, 1], [2, 3]], // prettier-ignore
    cost: 5 / 4,
    bound: 5 / 4,
    stoppedBy: "proof",
  };

  it("recomputes the cost of any placement by the slow road and agrees with the fast one", () => {
    fc.assert(
      fc.property(placedCases, ({ layer, blockOf, numBlocks, numExperts, topK }) => {
        const current = collectPatterns(layer, { numExperts, topK });
        const problem = createProblem(current, { numChiplets: numBlocks, slotsPerChiplet: numExperts });
        const chiplets = expertsOfChiplets(blockOf, numBlocks);
        const cost = countTokenCopies(current, blockOf) / current.numTokens;
        const honest: LayerPlacement = { layer: 0, status: "feasible", chiplets, cost, stoppedBy: "rule" };
        expect(verifyFound(problem, honest)).to.deep.equal([]);
        expect(verifyFound(problem, { ...honest, cost: cost * 1.001 })).to.have.length(1);
      }),
      { seed: 1 },
    );
  });

  it("believes neither a wrong cost, nor a bound above the cost, nor a proof without its bound", () => {
    expect(verifyFound(poseWith(), found)).to.deep.equal([]);
    expect(verifyFound(poseWith(), { ...found, cost: 1.2, bound: 1.2 })[0]).to.equal(
      "cost is given as 1.2, recomputed as 1.25",
    );
    expect(verifyFound(poseWith(), { ...found, bound: 1.3 })).to.deep.equal([
      "bound 1.3 is above the cost 1.25",
    ]);
    expect(verifyFound(poseWith(), { ...found, bound: 1.2 })).to.deep.equal([
      "status is optimal with cost 1.25 and bound 1.2",
    ]);
    const unproved: LayerPlacement = {
      layer: 0,
      status: "optimal",
      chiplets: found.chiplets,
      cost: 5 / 4,
      stoppedBy: "proof",
    };
    expect(verifyFound(poseWith(), unproved)).to.deep.equal([
      "status is optimal with cost 1.25 and bound none",
    ]);
  });

  it("believes no peaks that the placement itself has not", () => {
    const { chipletLoad, chipletTokens, numTokens } = countTraffic(
      poseWith().patterns,
      found.chiplets,
      poseWith(),
    );
    const own = {
      load: Math.max(...chipletLoad) / numTokens,
      tokens: Math.max(...chipletTokens) / numTokens,
      cost: 5 / 4,
    };
    const wrong = [
      "the placement has less than what every placement is said to have, whichever of its peaks is taken",
    ];
    const verified = (...peaks: (typeof own)[]) => verifyFound(poseWith(), { ...found, peaks });
    expect(verified(own)).to.deep.equal([]);
    for (const name of ["load", "tokens", "cost"] as const) {
      const above = { ...own, [name]: 1.01 * own[name] };
      expect(verified(above)).to.deep.equal(wrong);
      expect(verified(above, { ...own, load: 0 })).to.deep.equal([]);
    }
  });
});

describe("chipletOfExperts and expertsOfChiplets", () => {
  it("are each other's inverse", () => {
    fc.assert(
      fc.property(placedCases, ({ blockOf, numBlocks, numExperts }) => {
        const chiplets = expertsOfChiplets(blockOf, numBlocks);
        expect(chiplets).to.have.length(numBlocks);
        expect([...chipletOfExperts(chiplets, numExperts)]).to.deep.equal(blockOf);
      }),
      { seed: 1 },
    );
  });
});

describe("verifyByTokens", () => {
  const layer = layerOf(tokens);
  const chiplets = [[0, 1], [2, 3]]; // prettier-ignore
  const claim = (problem: PlacementProblem): LayerPlacement => {
    const { chipletTokens } = countTraffic(problem.patterns, chiplets, problem);
    const cost = chipletTokens.reduce((sum, tokens) => sum + tokens, 0) / problem.patterns.numTokens;
    return { layer: 0, status: "feasible", chiplets, cost, stoppedBy: "rule" };
  };

  it("agrees with what was collected from the same rows", () => {
    const problem = poseWith();
    expect(countTokens(layer, 2)).to.have.deep.members(tokensOfPatterns(patterns));
    expect(verifyByTokens(problem, claim(problem), countTokens(layer, 2))).to.deep.equal([]);
  });

  const broken: [string, Partial<TokenPatterns>][] = [
    ["counts a token too few", { counts: Uint32Array.of(2, 1, 0), numTokens: 3 }],
    ["counts a token for another", { counts: Uint32Array.of(1, 1, 2) }],
    ["mixes up an expert", { experts: Uint16Array.of(0, 1, 2, 3, 2, 3) }],
  ];
  for (const [what, fault] of broken) {
    it(`sees a collector that ${what}, which nobody sees who believes it`, () => {
      const problem = createProblem({ ...patterns, ...fault }, { numChiplets: 2 });
      expect(verifyFound(problem, claim(problem))).to.deep.equal([]);
      expect(verifyByTokens(problem, claim(problem), countTokens(layer, 2))).to.match(/cost is given as/);
    });
  }

  it("sees a load limit that holds only for what was collected", () => {
    const problem = createProblem(
      { ...patterns, counts: Uint32Array.of(1, 1, 1), numTokens: 3 },
      { numChiplets: 2, limits: { chipletLoad: 3 } },
    );
    expect(verifyFound(problem, claim(problem))).to.deep.equal([]);
    expect(verifyByTokens(problem, claim(problem), countTokens(layer, 2))).to.deep.equal([
      "chiplet 0 has load 5, the limit is 3",
    ]);
  });

  it("leaves out the places of tokens that chose fewer experts", () => {
    const ragged = { layer: 0, numTokens: 2, experts: Uint16Array.of(3, NO_EXPERT, 1, 0) };
    expect(countTokens(ragged, 2)).to.deep.equal([
      { members: [3], count: 1 },
      { members: [0, 1], count: 1 },
    ]);
  });
});
