import { expect } from "chai";
import * as fc from "fast-check";
import type { DispatchModel } from "../../../lib/placement/dispatch.js";
import { createProblem } from "../../../lib/placement/problem.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { createRandom } from "../../../lib/random.js";
import { ReplicaState, EMPTY } from "../../../solvers/replicas/replica-state.js";
import { tokenPatterns } from "../arbitrary-problem.js";

describe("ReplicaState", () => {
  for (const dispatch of ["nearest", "uniform"] as const) {
    it(`keeps loads and token copies true under ${dispatch} dispatch, whatever changes and is undone`, () => {
      fc.assert(
        fc.property(tokenPatterns(8), fc.nat(), (patterns, seed) => {
          const random = createRandom(seed);
          const numReplicas = patterns.numExperts;
          const problem = createProblem(patterns, { numChiplets: 4, numReplicas, dispatch });
          const state = new ReplicaState(problem);
          state.assign(
            Array.from({ length: 4 }, (_, chiplet) =>
              Array.from({ length: patterns.numExperts }, (__, expert) => expert).filter(
                (e) => e % 4 === chiplet,
              ),
            ),
          );
          expectTrue(state, dispatch);
          for (let step = 0; step < 30; step++) {
            const slot = random.below(state.slotOf.length);
            const chiplet = Math.floor(slot / state.slots);
            const leaving = state.slotOf[slot];
            const expert = random.below(patterns.numExperts);
            if (state.holds(chiplet, expert) || (leaving !== EMPTY && state.replicaCount(leaving) === 1))
              continue;
            const before = { load: state.load.slice(), chipletTokens: state.chipletTokens.slice() };
            state.change([{ slot, expert }]);
            expectTrue(state, dispatch);
            if (random.next() < 0.5) continue;
            state.undo([{ slot, expert: leaving }]);
            expect(state.load).to.deep.equal(before.load);
            expect(state.chipletTokens).to.deep.equal(before.chipletTokens);
            expectTrue(state, dispatch);
          }
        }),
        { numRuns: 60, seed: 1 },
      );

      function expectTrue(state: ReplicaState, model: DispatchModel): void {
        const chiplets = state.chiplets();
        expect(state.numPlaced).to.equal(chiplets.flat().length);
        const traffic = countTraffic(state.patterns, chiplets, { chipletsPerGroup: 1, dispatch: model });
        traffic.chipletLoad.forEach((load, chiplet) => {
          expect(state.load[chiplet]).to.be.closeTo(load, 1e-9);
          expect(state.chipletTokens[chiplet]).to.be.closeTo(traffic.chipletTokens[chiplet], 1e-9);
        });
      }
    });
  }
});
