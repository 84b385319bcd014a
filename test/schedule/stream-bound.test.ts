import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import { buildStepGraph } from "../../lib/schedule/step-graph.js";
import type { StepPlan } from "../../lib/schedule/step-plan.js";
import { streamBoundNs } from "../../lib/schedule/stream-bound.js";
import { sum } from "../../lib/statistics.js";
import { bestListSchedule } from "../../lib/task-graph/list-schedule.js";
import { remainingPathsNs } from "../../lib/task-graph/path-lengths.js";
import { priorityRules } from "../../lib/task-graph/priorities.js";

const NUM_CHIPLETS = 4;

describe("streamBoundNs", () => {
  const plan = (numMicroBatches: number, training: boolean, chipletsPerMemory = 2): StepPlan => ({
    site: {
      numGroups: 1,
      chipletsPerGroup: NUM_CHIPLETS,
      chipletsPerMemory,
      tokensStart: "root",
      kernelsInOrder: false,
      sramBytes: 1000,
    },
    overlap: { apart: "none", chunks: 1, parts: 1, prefetch: true },
    numMicroBatches,
    training,
  });
  /** Chiplets with some experts each, whose links and latencies take nothing; one without compute has no tokens. */
  const layer = (stages: {
    attentionNs: number;
    experts: readonly number[];
    expertsNs: readonly number[];
    expertSaveNs: readonly number[];
    expertMemoryNs: number;
    updateFactor: number;
  }): LayerDurations => {
    const transfer = {
      rootNs: new Float64Array(1),
      chipletNs: new Float64Array(NUM_CHIPLETS),
      latencyNs: 0,
    };
    return {
      attentionNs: stages.attentionNs,
      sharedNs: 0,
      saveNs: 0,
      dispatch: transfer,
      combine: transfer,
      expertsNs: Float64Array.from(stages.expertsNs),
      expertSaveNs: Float64Array.from(stages.expertSaveNs),
      backwardFactor: 2,
      unitShare: 0,
      streamedExperts: Float64Array.from(stages.experts),
      expertMemoryNs: stages.expertMemoryNs,
      expertLinkNs: 1,
      updateFactor: stages.updateFactor,
      expertBytes: 1,
      chunkBytes: new Float64Array(NUM_CHIPLETS).fill(1),
    };
  };
  const leastMakespanNs = (layers: readonly LayerDurations[], steps: StepPlan) => {
    const graph = buildStepGraph(layers, steps);
    return bestListSchedule(graph, priorityRules, remainingPathsNs(graph)).schedule.makespanNs;
  };
  const boundNs = (layers: readonly LayerDurations[], steps: StepPlan) =>
    streamBoundNs(
      layers.map((one) => {
        const { streamedExperts, expertsNs } = one;
        const active = sum(expertsNs.map((ns, chiplet) => (ns > 0 ? streamedExperts[chiplet] : 0)));
        return { even: one, activeShare: active / sum(Array.from(streamedExperts)) };
      }),
      steps,
    );

  it("reads all weights up to the turn, what is kept of a chunk, and attends to all backward", () => {
    const stages = {
      attentionNs: 10,
      experts: [2, 2, 2, 2],
      expertsNs: [1, 1, 1, 1],
      expertSaveNs: [3, 3, 3, 3],
      expertMemoryNs: 20,
      updateFactor: 1,
    };
    // Three times four experts of 20; save and reload of two chiplets; six micro-batches of 20 in two layers.
    const layers = [layer(stages), layer(stages)];
    expect(boundNs(layers, plan(6, true))).to.equal(240 + 12 + 240);
    // With three, up to the last pass, and all attention of one layer.
    expect(boundNs(layers, plan(3, true))).to.equal(320 + 24 + 60);
    // Forward alone: one layer's weights and the attention of the next, or both layers' weights.
    expect(boundNs(layers, plan(3, false))).to.equal(160);
    expect(boundNs(layers, plan(12, false))).to.equal(80 + 120);
  });

  it("is below every schedule, whichever chiplets have the experts and the tokens", () => {
    const random = createRandom(8);
    const many = (most: number) => Array.from({ length: NUM_CHIPLETS }, () => random.below(most));
    let near = 0;
    for (let trial = 0; trial < 400; trial++) {
      const steps = plan(1 + random.below(4), random.next() < 0.6, [1, 2, 4][random.below(3)]);
      const layers = Array.from({ length: 1 + random.below(3) }, () => {
        const experts = many(4);
        experts[0]++;
        const expertsNs = experts.map((count) => (count === 0 ? 0 : random.below(9)));
        expertsNs[0]++;
        return layer({
          attentionNs: 1 + random.below(50),
          experts,
          expertsNs,
          expertSaveNs: many(8).map((ns, chiplet) => (expertsNs[chiplet] > 0 ? ns : 0)),
          expertMemoryNs: 1 + random.below(40),
          updateFactor: 1 + random.below(2),
        });
      });
      const least = leastMakespanNs(layers, steps);
      expect(boundNs(layers, steps)).to.be.at.most(least * (1 + 1e-12));
      if (boundNs(layers, steps) > 0.8 * least) near++;
    }
    expect(near).to.be.above(40);
  });
});
