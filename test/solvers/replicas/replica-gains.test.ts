import { expect } from "chai";
import * as fc from "fast-check";
import { createProblem } from "../../../lib/placement/problem.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { createRandom } from "../../../lib/random.js";
import { sum } from "../../../lib/statistics.js";
import { ReplicaGains } from "../../../solvers/replicas/replica-gains.js";
import { tokenPatterns } from "../arbitrary-problem.js";
import { drawChange, roundRobin } from "./draw-change.js";

const FREE = { price: 1, maxLoad: Infinity, maxTokens: Infinity, maxFixed: Infinity };

describe("replica gains", () => {
  for (const dispatch of ["uniform", "sglang-static", "vllm-ascend"] as const) {
    it(`keep loads and token copies true under ${dispatch} dispatch, whatever is tried and kept`, () => {
      fc.assert(
        fc.property(tokenPatterns(8), fc.nat(), (patterns, seed) => {
          const random = createRandom(seed);
          const numReplicas = patterns.numExperts;
          const problem = createProblem(patterns, { numChiplets: 4, numGroups: 2, numReplicas, dispatch });
          const state = new ReplicaGains(problem);
          const { slots } = state;
          state.assign(roundRobin(patterns.numExperts, 4));
          for (let step = 0; step < 40; step++) {
            const changes = drawChange(slots, random);
            if (!changes) continue;
            const before = state.tokenCopies();
            const placed = slots.expertIn.slice();
            const most = random.next() * 4 - 2;
            const isKept = state.tryChange(changes, FREE, most);
            if (!isKept) expect(slots.expertIn).to.deep.equal(placed);
            // What is refused is refused for good reason: kept all the same, it costs more.
            expect(isKept || state.tryChange(changes, FREE, Infinity)).to.be.true;
            state.keep();
            const more = state.tokenCopies() - before;
            // By the source, experts of a token are served as if independently: a refusal is an estimate.
            if (dispatch === "uniform") expect(isKept).to.equal(more <= most, `${more} and ${most}`);
            const chiplets = slots.chiplets();
            expect(slots.numFilled).to.equal(chiplets.flat().length);
            const { chipletLoad, chipletTokens } = countTraffic(patterns, chiplets, problem);
            chipletLoad.forEach((load, chiplet) => expect(state.load[chiplet]).to.be.closeTo(load, 1e-9));
            if (dispatch !== "uniform") continue;
            expect(state.tokenCopies()).to.be.closeTo(sum(chipletTokens), 1e-9);
            chipletTokens.forEach((tokens, chiplet) =>
              expect(state.chipletTokens[chiplet]).to.be.closeTo(tokens, 1e-9),
            );
          }
        }),
        { numRuns: 40, seed: 1 },
      );
    });
  }

  it("price load and tokens above their caps", () => {
    const patterns = fc.sample(tokenPatterns(8), { numRuns: 30, seed: 3 }).at(-1);
    if (!patterns) throw new Error("one was asked for");
    const problem = createProblem(patterns, { numChiplets: 4, numReplicas: 4, dispatch: "uniform" });
    const random = createRandom(5);
    const [maxLoad, maxTokens] = [1, 0.5];
    const state = new ReplicaGains(problem);
    state.assign(roundRobin(patterns.numExperts, 4));
    const priced = () =>
      state.tokenCopies() +
      3 * sum(state.load.map((load) => Math.max(0, load - maxLoad))) +
      3 * sum(state.chipletTokens.map((tokens) => Math.max(0, tokens - maxTokens)));
    let kept = 0;
    for (let step = 0; step < 200; step++) {
      const changes = drawChange(state.slots, random);
      const before = priced();
      if (!changes || !state.tryChange(changes, { ...FREE, price: 3, maxLoad, maxTokens }, 2)) continue;
      state.keep();
      kept++;
      expect(priced() - before).to.be.at.most(2 + 1e-9);
    }
    expect(kept).to.be.above(4);
  });
});
