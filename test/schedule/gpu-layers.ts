import type { LayerDurations } from "../../lib/schedule/layer-durations.js";
import type { StepPlan } from "../../lib/schedule/step-graph.js";

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
      sramBytes: Infinity,
    },
    overlap: { apart: "none", chunks: 1, parts: 1, prefetch: true },
    numMicroBatches,
    training,
  };
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
