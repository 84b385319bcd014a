import { expect } from "chai";
import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import { buildStepGraph } from "../../lib/schedule/step-graph.js";
import type { StepPlan } from "../../lib/schedule/step-plan.js";
import { turnBoundNs } from "../../lib/schedule/turn-bound.js";
import { bestListSchedule } from "../../lib/task-graph/list-schedule.js";
import { remainingPathsNs } from "../../lib/task-graph/path-lengths.js";
import { priorityRules } from "../../lib/task-graph/priorities.js";
import { createRandom } from "../../lib/random.js";

describe("turnBoundNs", () => {
  const plan = (numMicroBatches: number): StepPlan => ({
    site: {
      numGroups: 1,
      chipletsPerGroup: 2,
      chipletsPerMemory: 2,
      tokensStart: "root",
      kernelsInOrder: false,
      sramBytes: 1000,
    },
    overlap: { apart: "none", chunks: 1, parts: 1, prefetch: true },
    numMicroBatches,
    training: true,
  });
  /** Two chiplets with an expert each, whose weights stream in no time. */
  const layer = (attentionNs: number, expertsNs: readonly number[], linkNs: number): LayerDurations => {
    const none = new Float64Array(2);
    const transfer = {
      rootNs: new Float64Array(1),
      chipletNs: Float64Array.of(linkNs, linkNs),
      latencyNs: 1,
    };
    return {
      attentionNs,
      sharedNs: 0,
      saveNs: 0,
      dispatch: transfer,
      combine: transfer,
      expertsNs: Float64Array.from(expertsNs),
      expertSaveNs: none,
      backwardFactor: 2,
      unitShare: 0,
      streamedExperts: Float64Array.of(1, 1),
      expertMemoryNs: 0,
      expertLinkNs: 0,
      updateFactor: 1,
      expertBytes: 1,
      chunkBytes: Float64Array.of(1, 1),
    };
  };
  const leastMakespanNs = (layers: readonly LayerDurations[], steps: StepPlan) => {
    const graph = buildStepGraph(layers, steps);
    return bestListSchedule(graph, priorityRules, remainingPathsNs(graph)).schedule.makespanNs;
  };

  it("is attention, a chunk's way back through the experts, and attention again", () => {
    // Three of 100 forward and of 200 backward; links of 5, latencies of 1, experts of 2 x 30 in between.
    expect(turnBoundNs([layer(100, [30, 30], 5)], plan(3))).to.equal(300 + 2 * 6 + 60 + 600);
    const [slow, fast] = [layer(100, [40, 20], 5), layer(100, [5, 5], 5)];
    expect(turnBoundNs([fast, slow], plan(1))).to.equal(200 + 2 * 6 + 60 + 400);
  });

  it("is below every schedule, and nearly met where attention binds", () => {
    const random = createRandom(7);
    for (let trial = 0; trial < 200; trial++) {
      const steps = plan(1 + random.below(4));
      const layers = Array.from({ length: 1 + random.below(3) }, () =>
        layer(1 + random.below(80), [1 + random.below(40), 1 + random.below(40)], random.below(10)),
      );
      expect(turnBoundNs(layers, steps)).to.be.at.most(leastMakespanNs(layers, steps) + 1e-9);
    }
    const bound = [layer(100, [30, 30], 5)];
    expect(turnBoundNs(bound, plan(4))).to.be.at.least(0.95 * leastMakespanNs(bound, plan(4)));
  });
});
