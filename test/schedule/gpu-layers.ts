import type { Random } from "../../lib/random.js";
import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import type { StepPlan } from "../../lib/schedule/step-plan.js";

/** What every GPU takes in a layer. */
export interface GpuLayer extends Pick<LayerDurations, "attentionNs" | "sharedNs"> {
  readonly dispatchNs: readonly number[];
  readonly expertsNs: readonly number[];
  readonly combineNs: readonly number[];
  /** Default 0. */
  readonly unitShare?: number;
}

/** The durations of a layer on GPUs that all hear from each other. */
export function gpuLayer(stages: GpuLayer): LayerDurations {
  const transfer = (chipletNs: readonly number[]) => ({
    rootNs: new Float64Array(1),
    chipletNs: Float64Array.from(chipletNs),
    latencyNs: 0,
  });
  const none = new Float64Array(stages.expertsNs.length);
  return {
    attentionNs: stages.attentionNs,
    sharedNs: stages.sharedNs,
    saveNs: 0,
    dispatch: transfer(stages.dispatchNs),
    combine: transfer(stages.combineNs),
    expertsNs: Float64Array.from(stages.expertsNs),
    expertSaveNs: none,
    backwardFactor: 2,
    unitShare: stages.unitShare ?? 0,
    streamedExperts: none,
    expertMemoryNs: 0,
    expertLinkNs: 0,
    updateFactor: 1,
    expertBytes: 0,
    chunkBytes: none,
  };
}

/** How GPUs of one server run a step whose micro-batches are whole. */
export function gpuPlan({
  numGpus,
  numMicroBatches,
  training = false,
}: {
  numGpus: number;
  numMicroBatches: number;
  training?: boolean;
}): StepPlan {
  return {
    site: {
      numGroups: 1,
      chipletsPerGroup: numGpus,
      chipletsPerMemory: 1,
      tokensStart: "everywhere",
      kernelsInOrder: true,
      sramBytes: Infinity,
    },
    overlap: { apart: "none", chunks: 1, parts: 1, prefetch: true },
    numMicroBatches,
    training,
  };
}

/** A step of up to four GPUs, six layers and four micro-batches, run in any way. */
export function randomGpuStep(random: Random): { layers: LayerDurations[]; plan: StepPlan } {
  const numGpus = 1 + random.below(4);
  const scale = [1 + random.below(60), 1 + random.below(60), 1 + random.below(60), 1 + random.below(60)];
  const draw = (which: number) => 1 + random.below(scale[which]);
  const many = (which: number) => Array.from({ length: numGpus }, () => draw(which));
  const unitShare = random.next() < 0.5 ? 0 : 0.3;
  const layers = Array.from({ length: 1 + random.below(6) }, () =>
    gpuLayer({
      attentionNs: random.below(10) === 0 ? 0 : draw(0),
      sharedNs: random.below(20),
      dispatchNs: many(1),
      expertsNs: many(2),
      combineNs: many(3),
      unitShare,
    }),
  );
  const parts = 1 + random.below(2);
  const plan: StepPlan = {
    ...gpuPlan({ numGpus, numMicroBatches: 1 + random.below(4), training: random.next() < 0.3 }),
    overlap: {
      apart: (["none", "none", "transfers", "all"] as const)[random.below(4)],
      chunks: parts * (1 + random.below(2)),
      parts,
      prefetch: true,
    },
  };
  return { layers, plan };
}

/** All GPUs with what some function makes of them. */
export function everywhere(durations: LayerDurations, of: (perGpu: Float64Array) => number): LayerDurations {
  const all = (perGpu: Float64Array) => new Float64Array(perGpu.length).fill(of(perGpu));
  const { dispatch, combine, expertsNs } = durations;
  return {
    ...durations,
    dispatch: { ...dispatch, chipletNs: all(dispatch.chipletNs) },
    combine: { ...combine, chipletNs: all(combine.chipletNs) },
    expertsNs: all(expertsNs),
  };
}
