import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { eitherBoundNs, type EitherDurations } from "../../lib/schedule/either-bound.js";
import { kernelBoundNs, type LeastDurations } from "../../lib/schedule/kernel-bound.js";
import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import { smallest } from "../../lib/statistics.js";
import { everywhere, gpuLayer, gpuPlan, randomGpuStep } from "./gpu-layers.js";

describe("eitherBoundNs", () => {
  const mean = (perGpu: Float64Array) => perGpu.reduce((sum, ns) => sum + ns, 0) / perGpu.length;
  const least = (layer: LayerDurations): LeastDurations => ({
    even: everywhere(layer, mean),
    hottest: [...layer.expertsNs.keys()].map((gpu) => everywhere(layer, (perGpu) => perGpu[gpu])),
  });
  /** What is known of a layer where some of its GPUs may be as hot as in one of several draws. */
  const known = (layers: readonly LayerDurations[]): EitherDurations => ({
    least: { even: everywhere(layers[0], () => 0), hottest: [] },
    either: layers.map(least),
  });

  it("is the shortest of all answers where the step has one layer", () => {
    const plan = gpuPlan({ numGpus: 2, numMicroBatches: 2 });
    const answers = [
      gpuLayer({ attentionNs: 10, sharedNs: 0, dispatchNs: [5, 5], expertsNs: [60, 20], combineNs: [2, 2] }),
      gpuLayer({ attentionNs: 10, sharedNs: 0, dispatchNs: [5, 40], expertsNs: [20, 20], combineNs: [2, 2] }),
    ];
    const expected = smallest(answers.map((answer) => kernelBoundNs([least(answer)], plan)));
    expect(eitherBoundNs([known(answers)], plan)).to.equal(expected);
    expect(expected).to.be.above(kernelBoundNs([known(answers).least], plan));
  });

  it("adds up what every layer has by whichever answer is shortest there", () => {
    const plan = gpuPlan({ numGpus: 2, numMicroBatches: 2 });
    const hot = (expertsNs: number) =>
      gpuLayer({
        attentionNs: 10,
        sharedNs: 0,
        dispatchNs: [30, 30],
        expertsNs: [expertsNs, 20],
        combineNs: [2, 2],
      });
    const layers = [
      [hot(60), hot(80)],
      [hot(90), hot(70)],
      [hot(50), hot(50)],
    ];
    // Attention and dispatch of the first micro-batch, the experts of both, layer by layer, and the last combine.
    const expected = 3 * (10 + 30) + 2 * (60 + 70 + 50) + 2;
    expect(eitherBoundNs(layers.map(known), plan)).to.equal(expected);
  });

  it("is below the bound under any choice of answers, and no less than without them", () => {
    const random = createRandom(17);
    let raised = 0;
    for (let trial = 0; trial < 300; trial++) {
      const { layers, plan } = randomGpuStep(random);
      const choices = layers.map((layer) => [layer, ...[1, 2].map(() => redrawn(layer))]);
      const steps = choices.map(known);
      const boundNs = eitherBoundNs(steps, plan);
      const withoutNs = kernelBoundNs(
        steps.map((step) => step.least),
        plan,
      );
      expect(boundNs).to.be.at.least(withoutNs);
      if (boundNs > withoutNs) raised++;
      for (let draw = 0; draw < 8; draw++) {
        const chosen = choices.map((answers) => answers[random.below(answers.length)]);
        expect(boundNs).to.be.at.most(kernelBoundNs(chosen.map(least), plan) * (1 + 1e-12));
      }
    }
    expect(raised).to.be.above(150);

    function redrawn(layer: LayerDurations): LayerDurations {
      const { attentionNs, sharedNs, unitShare, expertsNs, dispatch, combine } = layer;
      const scaled = (perGpu: Float64Array) => [...perGpu].map((ns) => ns * (0.5 + random.next()));
      return gpuLayer({
        attentionNs,
        sharedNs,
        unitShare,
        dispatchNs: scaled(dispatch.chipletNs),
        expertsNs: scaled(expertsNs),
        combineNs: scaled(combine.chipletNs),
      });
    }
  });
});
