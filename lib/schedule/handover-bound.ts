import { largest, sum } from "../statistics.js";
import type { LayerDurations } from "./layer-durations.js";
import type { StepPlan } from "./step-graph.js";
import { expertsNs, type LeastDurations } from "./window-bound.js";

/**
 * A time that the schedule of an inference step by critical paths is not below, where all chiplets wait for each other before
 * and after the experts of every layer: how the first layer hands several micro-batches over to the second.
 *
 * Of tasks of one chiplet that wait, the one of an earlier stage has the longer way to go, so it comes first. So every chiplet first attends to all n
 * micro-batches; and its link dispatches all of them before it combines any, as no experts end before all attention does. No micro-batch is back
 * before the link that dispatches longest has combined it. By then all are dispatched, so the second layer begins on a chiplet when all
 * of its compute in the first is done: on the hottest one, h, not before
 *
 *   a = max(n (attention + shared experts), n attention or attention + the longest dispatch, whichever is more) + n experts of h
 *
 * and since all wait for h, experts of the second layer begin nowhere before a + attention + the longest dispatch. The
 * micro-batch that arrives last does not before its own experts and combine on h are through. On any chiplet k its attention is
 * either ahead of all experts, which then wait for it, or among them, and is done beside them before the last one's end. Then k combines,
 * and the other layers follow, one way each.
 *
 * @param layers In the model's order, of GPUs: each of `hottest` is what one of them takes of everything.
 * @returns 0 where a step is of one layer or micro-batch, of pieces of these, or trains.
 */
export function handoverBoundNs(
  layers: readonly LeastDurations[],
  { numMicroBatches, overlap, training }: Pick<StepPlan, "numMicroBatches" | "overlap" | "training">,
): number {
  const isWhole = overlap.apart === "none" && overlap.chunks === 1 && overlap.parts === 1;
  if (training || !isWhole || numMicroBatches < 2 || layers.length < 2) return 0;
  const [first, second, ...others] = layers;
  const { attentionNs, sharedNs } = first.even;
  if (attentionNs === 0) return 0;
  const dispatchedNs = Math.max(
    numMicroBatches * attentionNs,
    attentionNs + longestOf(first, ({ dispatch }) => dispatch.chipletNs[0]),
  );
  const nextNs = second.even.attentionNs;
  const nextDispatchNs = longestOf(second, ({ dispatch }) => dispatch.chipletNs[0]);
  const begunNs = first.hottest.map((hottest) => {
    const [ownNs, combineNs] = [expertsNs(hottest, 1), hottest.combine.chipletNs[0]];
    const freeNs =
      numMicroBatches * ownNs + Math.max(numMicroBatches * (attentionNs + sharedNs), dispatchedNs);
    const lastNs = Math.max(
      dispatchedNs + numMicroBatches * ownNs + combineNs,
      dispatchedNs + ownNs + numMicroBatches * combineNs,
    );
    const readyNs = freeNs + nextNs + nextDispatchNs;
    return Math.min(Math.max(readyNs, lastNs + nextNs), readyNs + nextNs);
  });
  const throughNs = longestOf(
    second,
    (durations) => numMicroBatches * expertsNs(durations, 1) + durations.combine.chipletNs[0],
  );
  return largest(begunNs, 0) + throughNs + sum(others.map(wayNs));
}

/** One micro-batch's way through a layer: all chiplets wait for the longest dispatch. */
function wayNs(layer: LeastDurations): number {
  const { attentionNs, sharedNs } = layer.even;
  const dispatchNs = longestOf(layer, ({ dispatch }) => dispatch.chipletNs[0]);
  const restNs = longestOf(layer, (durations) => expertsNs(durations, 1) + durations.combine.chipletNs[0]);
  return attentionNs + Math.max(sharedNs, dispatchNs + restNs);
}

/** What the chiplet that takes longest takes at least of a sum of its durations: no less than all in the mean, or than one of them. */
function longestOf({ even, hottest }: LeastDurations, ns: (durations: LayerDurations) => number): number {
  return largest([even, ...hottest].map(ns));
}
