import { expect } from "chai";
import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import { windowBoundNs } from "../../lib/schedule/window-bound.js";
import { buildStepGraph, type StepPlan } from "../../lib/schedule/step-graph.js";
import { bestListSchedule } from "../../lib/task-graph/list-schedule.js";
import { remainingPathsNs } from "../../lib/task-graph/path-lengths.js";
import { priorityRules } from "../../lib/task-graph/priorities.js";
import { createRandom } from "../../lib/random.js";
import { everywhere, gpuLayer, gpuPlan } from "./gpu-layers.js";

const NUM_GPUS = 2;

describe("windowBoundNs", () => {
  const plan = (numMicroBatches: number, training = false): StepPlan =>
    gpuPlan({ numGpus: NUM_GPUS, numMicroBatches, training });
  const alike = (dispatch: number, experts: number, combine: number) =>
    gpuLayer({
      attentionNs: 10,
      sharedNs: 1,
      dispatchNs: [dispatch, dispatch],
      expertsNs: [experts, experts],
      combineNs: [combine, combine],
    });
  const leastMakespanNs = (layers: readonly LayerDurations[], steps: StepPlan) => {
    const graph = buildStepGraph(layers, steps);
    return bestListSchedule(graph, priorityRules, remainingPathsNs(graph)).schedule.makespanNs;
  };

  it("is the way of one micro-batch through all layers", () => {
    const even = alike(20, 30, 40);
    expect(
      windowBoundNs(
        [
          { even, hottest: [] },
          { even, hottest: [] },
        ],
        plan(1),
      ),
    ).to.equal(2 * 100);
  });

  it("begins a window of the link behind experts where these take longer than dispatch", () => {
    // Attention, dispatch, experts, and then combine of both: 10 + 20 + 30 + 2 x 40.
    const even = alike(20, 30, 40);
    expect(windowBoundNs([{ even, hottest: [] }], plan(2))).to.equal(140);
    expect(leastMakespanNs([even], plan(2))).to.equal(140);
    // And all of the layer behind.
    expect(
      windowBoundNs(
        [
          { even, hottest: [] },
          { even, hottest: [] },
        ],
        plan(2),
      ),
    ).to.equal(140 + 2 * 60);
  });

  it("computes all experts of the chiplet that is hottest, then combines", () => {
    const even = alike(1, 30, 1);
    const hottest = [alike(2, 50, 3)];
    // Two of attention and of experts, combine, and the way through the layer behind.
    expect(
      windowBoundNs(
        [
          { even, hottest },
          { even, hottest: [] },
        ],
        plan(2),
      ),
    ).to.equal(2 * (10 + 50) + 3 + (10 + 1 + 30 + 1));
  });

  it("is below every schedule of chiplets of any kind", () => {
    const random = createRandom(5);
    const draw = () => 1 + random.below(40);
    for (let trial = 0; trial < 300; trial++) {
      const steps = plan(1 + random.below(3), random.next() < 0.5);
      const layers = Array.from({ length: 1 + random.below(3) }, () =>
        gpuLayer({
          attentionNs: draw(),
          sharedNs: random.below(20),
          dispatchNs: [draw(), draw()],
          expertsNs: [draw(), draw()],
          combineNs: [draw(), draw()],
        }),
      );
      const least = layers.map((durations) => ({
        even: everywhere(durations, (perGpu) => (perGpu[0] + perGpu[1]) / 2),
        hottest: [0, 1].map((gpu) => everywhere(durations, (perGpu) => perGpu[gpu])),
      }));
      expect(windowBoundNs(least, steps)).to.be.at.most(leastMakespanNs(layers, steps) + 1e-9);
    }
  });
});
