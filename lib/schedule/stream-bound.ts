import { mean, sum } from "../statistics.js";
import type { LayerDurations } from "./layer-durations.js";
import type { StepPlan } from "./step-plan.js";

/** A layer as memories see it. */
export interface StreamedLayer {
  /** What every chiplet takes in the mean. */
  readonly even: LayerDurations;
  /** Part of the experts in it that have tokens: a chiplet of experts without any has no part in what follows. */
  readonly activeShare: number;
}

/**
 * A time that no schedule of a step is below where attention runs on a root chiplet and weights stream: what memories have to read
 * before some pass through a layer gives anything back, and all attention from there on.
 *
 * The chunk that a pass gives back first has been with experts of every chiplet that has tokens, which had their weights by then: those of that
 * pass and, as the chunk came through them, of all passes before. On the way back they had what they keep of the chunk, too, saved and
 * reloaded. All of this is work of the chiplets' memories, in the mean no less than the mean of all memories; and no attention that follows the
 * pass begins before. Time O(passes).
 *
 * @param layers In the model's order.
 */
export function streamBoundNs(
  layers: readonly StreamedLayer[],
  {
    site: { chipletsPerMemory },
    numMicroBatches,
    overlap: { parts },
    training,
  }: Pick<StepPlan, "site" | "numMicroBatches" | "overlap" | "training">,
): number {
  const attentionOf = ({ even }: StreamedLayer) => numMicroBatches * parts * even.attentionNs;
  const forward = layers.map((layer) => ({
    memoryNs: chipletsPerMemory * readNs(layer, 1),
    beforeNs: attentionOf(layer),
    behindNs: 0,
  }));
  const backward = layers.toReversed().map((layer) => ({
    memoryNs:
      chipletsPerMemory * (readNs(layer, layer.even.updateFactor) + 2 * mean(layer.even.expertSaveNs)),
    beforeNs: 0,
    behindNs: layer.even.backwardFactor * attentionOf(layer),
  }));
  const passes = training ? [...forward, ...backward] : forward;
  let memoryNs = 0;
  let attentionNs = sum(passes.map(({ beforeNs, behindNs }) => beforeNs + behindNs));
  let boundNs = 0;
  for (const pass of passes) {
    memoryNs += pass.memoryNs;
    attentionNs -= pass.beforeNs;
    boundNs = Math.max(boundNs, memoryNs + attentionNs);
    attentionNs -= pass.behindNs;
  }
  return boundNs;
}

/** A chiplet's memory reads its experts that have tokens. */
function readNs({ even, activeShare }: StreamedLayer, factor: number): number {
  const { expertMemoryNs, expertLinkNs, streamedExperts } = even;
  return (
    activeShare * mean(Float64Array.from(streamedExperts)) * Math.max(expertMemoryNs, expertLinkNs) * factor
  );
}
