import { expect } from "chai";
import * as fc from "fast-check";
import { countTokenCopies } from "../../../lib/placement/cost.js";
import { createRandom } from "../../../lib/random.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { expertsOfChiplets } from "../../../lib/placement/placement.js";
import { descend } from "../../../solvers/search/iterated-local-search.js";
import { SwapGains } from "../../../solvers/search/swap-gains.js";
import { freeProblems } from "../arbitrary-problem.js";

describe("swap gains", () => {
  it("foretells the gain of every swap, and keeps its counts true through any number of them", () => {
    fc.assert(
      fc.property(freeProblems, fc.nat(), (problem, seed) => {
        const state = new SwapGains(problem);
        const random = createRandom(seed);
        state.place(
          Uint16Array.from({ length: problem.numExperts }, (_, expert) => expert % problem.numChiplets),
        );
        for (let swap = 0; swap < 20; swap++) {
          const e = random.below(state.numOccupants);
          const f = random.below(state.numOccupants);
          const chiplet = state.chipletOf[e];
          if (chiplet === state.chipletOf[f]) continue;
          const gain = state.gain(e, f);
          const before = state.tokenCopies;
          state.swap(e, f);
          expect(before - state.tokenCopies).to.equal(gain);
          const placement = state.expertChiplets();
          expect(state.tokenCopies).to.equal(countTokenCopies(problem.patterns, placement));
          const { chipletTokens } = countTraffic(
            problem.patterns,
            expertsOfChiplets(placement, problem.numChiplets),
            { chipletsPerGroup: 1 },
          );
          expect([...state.chipletTokens]).to.deep.equal([...chipletTokens]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("descends to a placement that no swap improves", () => {
    fc.assert(
      fc.property(freeProblems, (problem) => {
        const state = new SwapGains(problem);
        state.place(
          Uint16Array.from({ length: problem.numExperts }, (_, expert) => expert % problem.numChiplets),
        );
        descend(state, undefined);
        for (let e = 0; e < state.numOccupants; e++) {
          for (let f = 0; f < e; f++) {
            if (state.chipletOf[e] === state.chipletOf[f]) continue;
            expect(state.gain(e, f)).to.be.at.most(0);
          }
        }
      }),
    );
  });

  it("returns to what it saved", () => {
    fc.assert(
      fc.property(freeProblems, (problem) => {
        const state = new SwapGains(problem);
        if (problem.numChiplets < 2) return;
        state.place(
          Uint16Array.from({ length: problem.numExperts }, (_, expert) => expert % problem.numChiplets),
        );
        const before = { occupants: [...state.occupants], tokenCopies: state.tokenCopies };
        state.save();
        const last = state.numOccupants - 1;
        if (state.chipletOf[0] !== state.chipletOf[last]) state.swap(0, last);
        state.restore();
        expect({ occupants: [...state.occupants], tokenCopies: state.tokenCopies }).to.deep.equal(before);
      }),
    );
  });
});
