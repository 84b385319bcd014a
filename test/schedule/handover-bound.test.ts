import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { handoverBoundNs } from "../../lib/schedule/handover-bound.js";
import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import { buildStepGraph, type StepPlan } from "../../lib/schedule/step-graph.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { everywhere, gpuLayer, gpuPlan, type GpuLayer } from "./gpu-layers.js";

describe("handoverBoundNs", () => {
  const makespanNs = (layers: readonly LayerDurations[], steps: StepPlan) =>
    listSchedule(buildStepGraph(layers, steps), "critical-path").makespanNs;
  const least = (layer: LayerDurations) => ({
    even: everywhere(layer, (perGpu) => perGpu.reduce((sum, ns) => sum + ns, 0) / perGpu.length),
    hottest: layer.expertsNs.reduce<LayerDurations[]>(
      (all, _, gpu) => [...all, everywhere(layer, (perGpu) => perGpu[gpu])],
      [],
    ),
  });
  const alike = (dispatch: number, experts: number, combine: number) =>
    gpuLayer({
      attentionNs: 10,
      sharedNs: 0,
      dispatchNs: [dispatch, dispatch],
      expertsNs: [experts, experts],
      combineNs: [combine, combine],
    });

  it("is what a step takes of two layers that compute binds in", () => {
    // Two of attention and experts, 80, attention and dispatch, 15, a second attention, two of experts, combine.
    const layers = [alike(5, 30, 12), alike(5, 40, 12)];
    const steps = gpuPlan({ numGpus: 2, numMicroBatches: 2 });
    expect(makespanNs(layers, steps)).to.equal(80 + 12 + 10 + 80 + 12);
    expect(handoverBoundNs(layers.map(least), steps)).to.equal(80 + 12 + 10 + 80 + 12);
  });

  it("says nothing of one layer, of one micro-batch, and of training", () => {
    const layers = [alike(5, 30, 12), alike(5, 40, 12)].map(least);
    const plan = (changes: object) => gpuPlan({ numGpus: 2, numMicroBatches: 2, ...changes });
    expect(handoverBoundNs(layers.slice(1), plan({}))).to.equal(0);
    expect(handoverBoundNs(layers, plan({ numMicroBatches: 1 }))).to.equal(0);
    expect(handoverBoundNs(layers, plan({ training: true }))).to.equal(0);
  });

  it("is below the schedule by critical paths of GPUs of any kind", () => {
    const random = createRandom(11);
    let tight = 0;
    for (let trial = 0; trial < 2000; trial++) {
      const numGpus = 1 + random.below(4);
      const scale = [1 + random.below(60), 1 + random.below(60), 1 + random.below(60), 1 + random.below(60)];
      const draw = (which: number) => 1 + random.below(scale[which]);
      const many = (which: number) => Array.from({ length: numGpus }, () => draw(which));
      const unitShare = random.next() < 0.5 ? 0 : 0.3;
      const layers = Array.from({ length: 2 + random.below(3) }, () => {
        const stages: GpuLayer = {
          attentionNs: draw(0),
          sharedNs: random.below(20),
          dispatchNs: many(1),
          expertsNs: many(2),
          combineNs: many(3),
          unitShare,
        };
        return gpuLayer(stages);
      });
      const steps = gpuPlan({ numGpus, numMicroBatches: 2 + random.below(3) });
      const [boundNs, stepNs] = [handoverBoundNs(layers.map(least), steps), makespanNs(layers, steps)];
      expect(boundNs).to.be.at.most(stepNs * (1 + 1e-12));
      if (boundNs > 0.97 * stepNs) tight++;
    }
    expect(tight).to.be.above(50);
  });
});
