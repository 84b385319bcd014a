import { expect } from "chai";
import fc from "fast-check";
import { createProblem } from "../../../lib/placement/problem.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { createRandom } from "../../../lib/random.js";
import { sum } from "../../../lib/statistics.js";
import { dealAsServed, dealTokens, mergeReplicas } from "../../../solvers/replicas/deal-tokens.js";
import { tokenPatterns } from "../arbitrary-problem.js";

describe("dealTokens", () => {
  const chiplets = [
    [0, 1, 2],
    [0, 3, 1],
    [0, 2, 3],
  ];
  const options = { numChiplets: 3, slotsPerChiplet: 3, numReplicas: 5, dispatch: "uniform" } as const;
  const layers = tokenPatterns(4).filter(({ numExperts }) => numExperts === 4);

  it("deals every token's experts a replica each, as many to one as to another", () => {
    fc.assert(
      fc.property(layers, (patterns) => {
        const problem = createProblem(patterns, options);
        const { problem: dealt, expertOf } = dealTokens(problem, chiplets, createRandom(1));
        expect([...expertOf]).to.deep.equal([0, 0, 0, 1, 1, 2, 2, 3, 3]);
        expect(dealt.numExperts).to.equal(9);
        expect(dealt.patterns.numTokens).to.equal(patterns.numTokens);
        for (const expert of [0, 1, 2, 3]) {
          const loads = [...dealt.load].filter((_, replica) => expertOf[replica] === expert);
          expect(sum(loads)).to.equal(problem.load[expert]);
          expect(Math.max(...loads) - Math.min(...loads)).to.be.at.most(1);
        }
      }),
    );
  });

  it("makes as many token copies in the mean over deals as tokens that draw their replicas", () => {
    const [patterns] = fc.sample(layers, { seed: 2, numRuns: 1 });
    const problem = createProblem(patterns, options);
    const drawn = sum(countTraffic(patterns, chiplets, problem).chipletTokens);
    // Replica r of an expert is on the r-th chiplet that has it.
    const copies = Array.from({ length: 400 }, (_, seed) => {
      const dealt = dealTokens(problem, chiplets, createRandom(seed));
      const next = new Map<number, number>();
      const placed = chiplets.map((experts) =>
        experts.map((expert) => {
          const turn = next.get(expert) ?? 0;
          next.set(expert, turn + 1);
          return dealt.expertOf.indexOf(expert) + turn;
        }),
      );
      expect(mergeReplicas(dealt, placed)).to.deep.equal(chiplets.map((experts) => experts.toSorted()));
      return sum(countTraffic(dealt.problem.patterns, placed, dealt.problem).chipletTokens);
    });
    expect(sum(copies) / copies.length / drawn).to.be.within(0.98, 1.02);
  });

  it("keeps pins, and replicas and separated experts apart", () => {
    const [patterns] = fc.sample(layers, { seed: 3, numRuns: 1 });
    const pinned = { pins: [{ expert: 2, chiplet: 1 }], antiAffinity: [[1, 3]] };
    const { problem } = dealTokens(
      createProblem(patterns, { ...options, ...pinned }),
      chiplets,
      createRandom(1),
    );
    expect(problem.pins).to.deep.equal([{ expert: 5, chiplet: 1 }]);
    expect(problem.antiAffinity).to.deep.equal([
      [0, 1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [3, 4, 7, 8],
    ]);
  });
});

describe("dealAsServed", () => {
  const chiplets = [
    [0, 1, 2],
    [0, 3, 1],
    [0, 2, 3],
  ];
  const options = { numChiplets: 3, slotsPerChiplet: 3, numReplicas: 5 } as const;
  const layers = tokenPatterns(4).filter(({ numExperts }) => numExperts === 4);

  it("makes the token copies that nearest dispatch makes, and is the same placement", () => {
    fc.assert(
      fc.property(layers, (patterns) => {
        const problem = createProblem(patterns, { ...options, dispatch: "nearest" });
        const { placed, ...dealt } = dealAsServed(problem, chiplets, createRandom(1));
        const tokenCopies = (...args: Parameters<typeof countTraffic>) =>
          sum(countTraffic(...args).chipletTokens);
        const served = tokenCopies(dealt.problem.patterns, placed, dealt.problem);
        expect(served).to.be.closeTo(tokenCopies(patterns, chiplets, problem), 1e-9 * served);
        expect(mergeReplicas(dealt, placed)).to.deep.equal(chiplets.map((experts) => experts.toSorted()));
      }),
    );
  });

  it("deals in turn where tokens do not look at their other experts", () => {
    const [patterns] = fc.sample(layers, { seed: 4, numRuns: 1 });
    const problem = createProblem(patterns, { ...options, dispatch: "uniform" });
    const { problem: served } = dealAsServed(problem, chiplets, createRandom(1));
    expect([...served.load]).to.deep.equal([...dealTokens(problem, chiplets, createRandom(1)).problem.load]);
  });
});
