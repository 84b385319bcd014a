import { sramPlan } from "../performance/memory.js";
import { runBackward } from "./backward-pass.js";
import { runForward } from "./forward-pass.js";
import type { LayerDurations } from "./layer-durations.js";
import { piecesOf, type Step } from "./step-pass.js";
import type { StepPlan } from "./step-plan.js";
import { addResources, NOTHING } from "./step-state.js";
import { TaskGraphBuilder, type TaskGraph } from "../task-graph/task-graph.js";

/** Kinds of tasks of a step, by what they occupy. */
export const STEP_KINDS = {
  compute: ["attention", "shared experts", "experts"],
  communication: ["dispatch", "combine"],
  dram: ["weights", "write back", "save", "reload"],
} as const;

/**
 * Builds the task graph of a step: every layer forward, then in reverse backward, each with all micro-batches.
 *
 * Forward, a layer streams its experts in once for all micro-batches; every part of a micro-batch goes through
 * attention and is saved, every chunk through dispatch, experts and combine, and what its experts keep is saved.
 * Backward, the experts stream in again, saved activations are reloaded, gradients take the way of the tokens (out
 * with the bytes of combine, back with those of dispatch), and the updated experts are written back. Transfers are
 * fluid: the links of a path work at the same time, so one alone takes its busiest link and the latency.
 * Time O(layers * micro-batches * chunks * chiplets).
 * Source: Mozart (arXiv:2603.07006), sections 4.3 and 4.4.
 * Deviation: the optimiser's arithmetic, the loss, dense layers and recomputation take no time; the paper does not say
 * how they are done.
 *
 * @param layers In the model's order, all for the same site.
 */
export function buildStepGraph(layers: readonly LayerDurations[], plan: StepPlan): TaskGraph {
  const passes = plan.training ? [...layers, ...layers.toReversed()] : layers;
  const builder = new TaskGraphBuilder(Object.values(STEP_KINDS).flat());
  const resources = addResources(builder, plan.site);
  const srams = resources.compute.map((_, chiplet) =>
    sramPlan(
      passes.map(({ streamedExperts, expertBytes, chunkBytes }) => ({
        experts: streamedExperts[chiplet],
        expertBytes,
        chunkBytes: chunkBytes[chiplet],
      })),
      { sramBytes: plan.site.sramBytes, prefetch: plan.overlap.prefetch },
    ),
  );
  const pieces = piecesOf(plan);
  const step: Step = {
    state: {
      builder,
      site: plan.site,
      overlap: plan.overlap,
      resources,
      tokens: srams.map(({ tokenBytes }) => ({ roomBytes: tokenBytes, heldBytes: 0, present: [] })),
      gate: NOTHING,
      lastKernel: new Map(),
      attended: NOTHING,
      streamingSince: 0,
    },
    plan,
    pieces,
    srams,
    released: [],
    arriving: pieces.map(
      ({ chunks }) =>
        () =>
          chunks.map(() => NOTHING),
    ),
    arrivals: [],
    saved: [],
    savedByExperts: [],
  };
  layers.forEach((layer, index) => {
    runForward(step, layer, index);
  });
  if (plan.training) {
    layers.toReversed().forEach((layer, index) => {
      runBackward(step, layer, layers.length - 1 - index);
    });
  }
  for (const arrival of step.arriving) arrival();
  return builder.build();
}
