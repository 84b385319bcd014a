import { mean, sum } from "../statistics.js";
import type { LayerDurations } from "./layer-durations.js";
import type { StepPlan } from "./step-plan.js";

/**
 * A time that no schedule of a training step is below where attention runs on a root chiplet: all of its attention forward,
 * then the way of a chunk back through the experts of the last layer, then all of its attention backward.
 *
 * Where chunks have to fit the SRAM beside streamed weights they come to a chiplet in one order; with resident weights, whose SRAM nobody
 * looks at, any may overtake others, and this is no bound. So when the first of the backward pass is sent, the last of the forward pass is on
 * its way, and with it all attention forward is done; and no attention backward begins before a chunk is back from
 * the experts, for twice the compute. Whichever chiplet that is: so it holds in the mean of all, of which
 * durations are sums.
 *
 * @param layers What every chiplet takes in the mean, in the model's order.
 */
export function turnBoundNs(
  layers: readonly LayerDurations[],
  { numMicroBatches, overlap: { parts } }: Pick<StepPlan, "numMicroBatches" | "overlap">,
): number {
  const last = layers[layers.length - 1];
  const { dispatch, combine, expertsNs, backwardFactor } = last;
  const wayNs =
    mean(combine.chipletNs) +
    combine.latencyNs +
    backwardFactor * mean(expertsNs) +
    mean(dispatch.chipletNs) +
    dispatch.latencyNs;
  const attentionNs = numMicroBatches * parts * sum(layers.map((layer) => layer.attentionNs));
  return attentionNs + wayNs + backwardFactor * attentionNs;
}
