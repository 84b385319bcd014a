import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { kernelBoundNs, type LeastDurations } from "../../lib/schedule/kernel-bound.js";
import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import { buildStepGraph } from "../../lib/schedule/step-graph.js";
import type { StepPlan } from "../../lib/schedule/step-plan.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { everywhere, gpuLayer, gpuPlan, randomGpuStep } from "./gpu-layers.js";

describe("kernelBoundNs", () => {
  const makespanNs = (layers: readonly LayerDurations[], steps: StepPlan) =>
    listSchedule(buildStepGraph(layers, steps)).makespanNs;
  const least = (layer: LayerDurations): LeastDurations => ({
    even: everywhere(layer, (perGpu) => perGpu.reduce((sum, ns) => sum + ns, 0) / perGpu.length),
    hottest: [...layer.expertsNs.keys()].map((gpu) => everywhere(layer, (perGpu) => perGpu[gpu])),
  });
  const layerOf = (dispatchNs: number[], expertsNs: number[], combineNs: number[]) =>
    gpuLayer({ attentionNs: 10, sharedNs: 0, dispatchNs, expertsNs, combineNs });

  it("is the way of one micro-batch through whichever GPU is last, layer by layer", () => {
    const layers = [
      layerOf([5, 7], [30, 20], [1, 9]),
      layerOf([5, 5], [10, 50], [2, 2]),
      layerOf([6, 5], [40, 10], [3, 30]),
    ];
    const steps = gpuPlan({ numGpus: 2, numMicroBatches: 1 });
    const expected = 10 + 7 + 31 + 10 + 5 + 52 + 10 + 6 + 43;
    expect(makespanNs(layers, steps)).to.equal(expected);
    expect(kernelBoundNs(layers.map(least), steps)).to.equal(expected);
  });

  it("hands several micro-batches from the GPU that is hottest in a layer to that of the next", () => {
    const layers = [
      layerOf([5, 5], [60, 20], [2, 2]),
      layerOf([5, 5], [20, 60], [2, 2]),
      layerOf([5, 5], [60, 20], [2, 2]),
      layerOf([5, 5], [20, 60], [2, 2]),
    ];
    const steps = gpuPlan({ numGpus: 2, numMicroBatches: 2 });
    // Two of attention; then two of experts, an attention and its dispatch a layer, and the last combine.
    const expected = 20 + 120 + 3 * (10 + 5 + 120) + 2;
    expect(makespanNs(layers, steps)).to.equal(expected);
    expect(kernelBoundNs(layers.map(least), steps)).to.equal(expected);
  });

  it("turns from the last layer forward to the same backward on the GPU that is hottest there", () => {
    const layers = [layerOf([5, 5], [60, 20], [2, 2])];
    const steps = gpuPlan({ numGpus: 2, numMicroBatches: 1, training: true });
    const expected = 10 + 5 + 60 + 2 + (2 + 120 + 5 + 20);
    expect(makespanNs(layers, steps)).to.equal(expected);
    expect(kernelBoundNs(layers.map(least), steps)).to.equal(expected);
  });

  it("is below the step of GPUs of any kind, and near it", () => {
    const random = createRandom(11);
    let tight = 0;
    for (let trial = 0; trial < 1000; trial++) {
      const { layers, plan } = randomGpuStep(random);
      const [boundNs, stepNs] = [kernelBoundNs(layers.map(least), plan), makespanNs(layers, plan)];
      expect(boundNs).to.be.at.most(stepNs * (1 + 1e-12));
      if (boundNs > 0.99 * stepNs) tight++;
    }
    expect(tight).to.be.above(600);
  });
});
