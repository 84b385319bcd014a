import { expect } from "chai";
import fc from "fast-check";
import { createProblem } from "../../../lib/placement/problem.js";
import { countTraffic, type LayerTraffic } from "../../../lib/placement/traffic.js";
import { verifyChiplets } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { annealTime } from "../../../solvers/objectives/anneal-time.js";
import { renumberChiplets } from "../../../lib/placement/renumber.js";
import { createAdmissibility, SwapTraffic } from "../../../solvers/objectives/swap-traffic.js";
import { tokenPatterns } from "../arbitrary-problem.js";

const SHAPE = { numChiplets: 4, chipletsPerGroup: 2, slotsPerChiplet: 3 };

/** Experts in order of ids, two on each chiplet, so that a slot of each is empty. */
const START = [
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
];

/** A machine on which the busiest chiplet, with what arrives there, is all that counts. */
const busiest = ({ chipletLoad, chipletTokens }: LayerTraffic) =>
  Math.max(...chipletLoad.map((load, chiplet) => load + 2 * chipletTokens[chiplet]));

describe("SwapTraffic", () => {
  it("is after any swaps the traffic that counting from scratch gives", () => {
    fc.assert(
      fc.property(tokenPatterns(8), fc.nat(), (patterns, seed) => {
        const random = createRandom(seed);
        const problem = createProblem(patterns, { numChiplets: 4, numGroups: 2, slotsPerChiplet: 3 });
        const state = new SwapTraffic(patterns, problem.load, SHAPE);
        const chiplets = START.map((experts) => experts.filter((expert) => expert < patterns.numExperts));
        state.place(chiplets);
        for (let step = 0; step < 20; step++) {
          const counted = countTraffic(patterns, state.chiplets(), problem);
          for (const key of ["chipletLoad", "chipletTokens", "groupTokens"] as const) {
            expect([...state.traffic[key]], key).to.deep.equal([...counted[key]]);
          }
          expect(state.traffic.expertLoad.map((loads) => loads.toSorted())).to.deep.equal(
            counted.expertLoad.map((loads) => loads.toSorted()),
          );
          const [a, b] = [random.below(12), random.below(12)];
          const [chipletA, chipletB] = [Math.floor(a / 3), Math.floor(b / 3)];
          if (chipletA === chipletB) continue;
          const isWhole = random.next() < 0.3;
          state.try(isWhole ? { of: "chiplets", a: chipletA, b: chipletB } : { of: "slots", a, b });
          if (random.next() < 0.3) state.undo();
          else if (random.next() < 0.8) state.keep();
          else {
            const tried = countTraffic(patterns, state.chiplets(), problem);
            expect([...state.traffic.groupTokens]).to.deep.equal([...tried.groupTokens]);
            expect([...state.traffic.chipletTokens]).to.deep.equal([...tried.chipletTokens]);
            state.undo();
          }
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });
});

describe("annealTime", () => {
  it("finds the least time of small problems mostly, and never more than at the start", () => {
    let [numCases, numBest] = [0, 0];
    for (const patterns of fc.sample(tokenPatterns(8), { seed: 2, numRuns: 12 })) {
      const problem = createProblem(patterns, { numChiplets: 4, numGroups: 2, slotsPerChiplet: 3 });
      const state = new SwapTraffic(patterns, problem.load, SHAPE);
      const chiplets = START.map((experts) => experts.filter((expert) => expert < patterns.numExperts));
      const find = (seed: number, maxMoves: number) =>
        annealTime(state, chiplets, {
          estimate: busiest,
          maxMoves,
          random: createRandom(seed),
          deadline: Infinity,
        });
      const { ns, chiplets: found } = find(1, 2000);
      expect(ns).to.be.at.most(busiest(countTraffic(patterns, chiplets, problem)));
      expect(busiest(countTraffic(patterns, found, problem))).to.equal(ns);
      expect(verifyChiplets(problem, found)).to.deep.equal([]);
      numCases++;
      if (ns <= Math.min(...[2, 3, 4].map((seed) => find(seed, 10_000).ns))) numBest++;
    }
    expect(numBest).to.be.at.least(0.75 * numCases);
  });

  it("keeps pins, separations and limits", () => {
    const samples = fc.sample(tokenPatterns(8), { seed: 3, numRuns: 16 });
    const large = samples.filter(({ numExperts }) => numExperts === 8);
    expect(large).to.have.length.above(1);
    for (const patterns of large) {
      const bare = createProblem(patterns, { numChiplets: 4, numGroups: 2, slotsPerChiplet: 3 });
      const atStart = countTraffic(patterns, START, bare);
      const problem = createProblem(patterns, {
        numChiplets: 4,
        numGroups: 2,
        slotsPerChiplet: 3,
        pins: [{ expert: 2, chiplet: 1 }],
        antiAffinity: [[0, 7]],
        limits: {
          chipletLoad: Math.max(...atStart.chipletLoad),
          groupTokens: Math.max(...atStart.groupTokens),
        },
      });
      const state = new SwapTraffic(patterns, problem.load, SHAPE);
      const { chiplets } = annealTime(state, START, {
        estimate: (traffic) => -Math.max(...traffic.chipletTokens),
        isAllowed: createAdmissibility(constraintModelOf(problem), state),
        maxMoves: 2000,
        random: createRandom(1),
        deadline: Infinity,
      });
      expect(verifyChiplets(problem, chiplets)).to.deep.equal([]);
    }
  });
});

describe("renumberChiplets", () => {
  it("gives every memory as much to do over all layers, and keeps every group of chiplets together", () => {
    const random = createRandom(5);
    const layers = Array.from({ length: 40 }, () => ({
      chiplets: [[0], [1], [2], [3], [4], [5]],
      work: Array.from({ length: 6 }, () => random.below(100)),
    }));
    const renumbered = renumberChiplets(layers, 2);
    const done = [0, 0, 0];
    renumbered.forEach((chiplets, layer) => {
      expect(chiplets.flat().sort()).to.deep.equal([0, 1, 2, 3, 4, 5]);
      for (let group = 0; group < 3; group++) {
        const [a, b] = [chiplets[2 * group][0], chiplets[2 * group + 1][0]];
        expect(Math.floor(a / 2)).to.equal(Math.floor(b / 2));
        done[group] += layers[layer].work[a] + layers[layer].work[b];
      }
    });
    expect(Math.max(...done) / Math.min(...done)).to.be.below(1.02);
  });
});
