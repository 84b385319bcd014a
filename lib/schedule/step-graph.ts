import { sramPlan, type SramPlan } from "../performance/memory.js";
import { reloadExperts, saveExperts } from "./expert-activations.js";
import type { LayerDurations, StepSite } from "./layer-durations.js";
import type { Overlap } from "./overlap.js";
import { processChunk } from "./step-chunk.js";
import { attend, moveActivations, streamWeights, writeBack, type ExpertArrival } from "./step-stages.js";
import { addResources, join, NOTHING, type StepState } from "./step-state.js";
import { TaskGraphBuilder, type TaskGraph } from "../task-graph/task-graph.js";

/** Kinds of tasks of a step, by what they occupy. */
export const STEP_KINDS = {
  compute: ["attention", "shared experts", "experts"],
  communication: ["dispatch", "combine"],
  dram: ["weights", "write back", "save", "reload"],
} as const;

/** What a step is, besides its layers. */
export interface StepPlan {
  readonly site: StepSite;
  /** Its parts divide its chunks. */
  readonly overlap: Overlap;
  readonly numMicroBatches: number;
  /** Whether a backward pass follows, and the weights are updated. */
  readonly training: boolean;
}

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
  const step: Step = {
    state: {
      builder,
      site: plan.site,
      overlap: plan.overlap,
      resources,
      tokens: srams.map(({ tokenBytes }) => ({ roomBytes: tokenBytes, heldBytes: 0, present: [] })),
      gate: NOTHING,
      streamingSince: 0,
    },
    plan,
    srams,
    released: [],
    arrivals: [
      Array.from({ length: plan.numMicroBatches }, () =>
        new Array<number>(plan.overlap.chunks).fill(NOTHING),
      ),
    ],
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
  return builder.build();
}

/** A step under construction, and what its next pass through a layer waits for. */
interface Step {
  readonly state: StepState;
  readonly plan: StepPlan;
  /** Of every chiplet. */
  readonly srams: readonly SramPlan[];
  /** When every chiplet is done with its experts, one entry a pass so far. */
  readonly released: (readonly number[])[];
  /** When every chunk of every micro-batch reaches a pass, one entry a pass so far and one for the next. */
  readonly arrivals: (readonly (readonly number[])[])[];
  /** When every part's activations are saved, one entry a layer so far. Indexed [layer][micro-batch][part]. */
  readonly saved: number[][][];
  /** When what the experts keep is saved. Indexed [layer][micro-batch][chunk][chiplet]. */
  readonly savedByExperts: (readonly number[])[][][];
}

function runForward(step: Step, layer: LayerDurations, index: number): void {
  const { state, plan } = step;
  state.builder.scope(`layer ${index} forward`);
  const weights = bringWeights(step, layer, 1);
  const experts: (readonly number[])[] = [];
  const saved: number[][] = [];
  step.saved.push(saved);
  const savedByExperts: (readonly number[])[][] = [];
  step.savedByExperts.push(savedByExperts);
  const outputs = step.arrivals[step.released.length].map((inputs, microBatch) => {
    state.builder.scope(`layer ${index} forward, micro-batch ${microBatch},`);
    saved.push([]);
    savedByExperts.push([]);
    return partsOf(plan, inputs).flatMap(({ part, firstChunk, chunks }) => {
      const attended = attend(state, "attention", { part, durationNs: layer.attentionNs, after: chunks });
      if (plan.training) {
        const save = { part, durationNs: layer.saveNs, after: [attended] };
        saved[microBatch].push(moveActivations(state, "save", save));
      }
      const share = { part, durationNs: layer.sharedNs, after: [attended] };
      const shared = attend(state, "shared experts", share);
      return chunks.map((_, place) => {
        const number = firstChunk + place;
        const chunk = processChunk(state, {
          out: layer.dispatch,
          back: layer.combine,
          expertsNs: computeNs(layer, 1),
          chunkBytes: layer.chunkBytes,
          part: number,
          after: [attended],
          loaded: weights.loaded,
          ...(plan.training && {
            save: (experts) => saveExperts(state, layer, { experts, part: number }),
          }),
        });
        experts.push(chunk.experts);
        savedByExperts[microBatch].push(chunk.saved);
        return join(state, [chunk.back, shared]);
      });
    });
  });
  step.arrivals.push(outputs);
  const done = finished(step, experts, weights);
  state.streamingSince = state.builder.nextTask;
  releaseWeights(step, layer, { weights, done });
}

function runBackward(step: Step, layer: LayerDurations, index: number): void {
  const { state, plan } = step;
  const pass = step.released.length;
  state.builder.scope(`layer ${index} backward`);
  const weights = bringWeights(step, layer, layer.updateFactor);
  const scaled = (durationNs: number) => durationNs * layer.backwardFactor;
  const expertsNs = computeNs(layer, layer.backwardFactor);
  const experts: (readonly number[])[] = [];
  const gradients = step.arrivals[pass].map((inputs, microBatch) => {
    state.builder.scope(`layer ${index} backward, micro-batch ${microBatch},`);
    return partsOf(plan, inputs).flatMap(({ part, firstChunk, chunks }) => {
      // Reloading begins with the pass before, so the root holds the activations of two layers at most.
      const ahead = step.arrivals[pass - 1][microBatch].slice(firstChunk, firstChunk + chunks.length);
      const after = [step.saved[index][microBatch][part], ...ahead];
      const reloaded = moveActivations(state, "reload", { part, durationNs: layer.saveNs, after });
      const returned = chunks.map((gradient, place) => {
        const number = firstChunk + place;
        const kept = { saved: step.savedByExperts[index][microBatch][number], after: ahead, part: number };
        const expertsReloaded = reloadExperts(state, layer, kept);
        const chunk = processChunk(state, {
          out: layer.combine,
          back: layer.dispatch,
          expertsNs,
          chunkBytes: layer.chunkBytes,
          part: number,
          after: [gradient, reloaded],
          loaded: weights.loaded,
          reloaded: expertsReloaded,
        });
        experts.push(chunk.experts);
        return chunk.back;
      });
      const share = { part, durationNs: scaled(layer.sharedNs), after: [...chunks, reloaded] };
      const shared = attend(state, "shared experts", share);
      const rest = { part, durationNs: scaled(layer.attentionNs), after: [...returned, shared] };
      const attended = attend(state, "attention", rest);
      return chunks.map(() => attended);
    });
  });
  step.arrivals.push(gradients);
  const updated = finished(step, experts, weights);
  state.streamingSince = state.builder.nextTask;
  // Experts are written back once for all micro-batches.
  state.builder.scope(`layer ${index} backward`);
  const done = writeBack(state, layer, updated);
  releaseWeights(step, layer, { weights, done });
}

/** Work of every chiplet on a chunk: its experts, and what dispatch and combine of others take of its compute meanwhile. */
function computeNs(
  { expertsNs, dispatch, combine, unitShare }: LayerDurations,
  factor: number,
): Float64Array {
  return expertsNs.map(
    (ns, chiplet) => factor * ns + unitShare * (dispatch.chipletNs[chiplet] + combine.chipletNs[chiplet]),
  );
}

/** The experts of a layer on the chiplets. */
interface Weights {
  /** Indexed [chiplet][expert]. */
  readonly arriving: readonly (readonly ExpertArrival[])[];
  /** When every chiplet has all of them, or NOTHING. Shape [numChiplets]. */
  readonly loaded: readonly number[];
}

/** Streams in the experts of the next pass: those that fit ahead after the pass before the last, others after it. */
function bringWeights({ state, srams, released }: Step, layer: LayerDurations, factor: number): Weights {
  const pass = released.length;
  const releasedIn = (earlier: number, chiplet: number) =>
    earlier < 0 ? NOTHING : released[earlier][chiplet];
  const roomFor = (chiplet: number, place: number) =>
    releasedIn(place < srams[chiplet].prefetched[pass] ? pass - 2 : pass - 1, chiplet);
  const arriving = streamWeights(state, layer, { factor, roomFor });
  const loaded = arriving.map((experts) =>
    experts.length === 0
      ? NOTHING
      : join(
          state,
          experts.flatMap(({ read, link }) => [read, link]),
        ),
  );
  return { arriving, loaded };
}

/** When every chiplet has no more work in a pass. Shape [numChiplets]. */
function finished({ state }: Step, experts: readonly (readonly number[])[], { loaded }: Weights): number[] {
  return loaded.map((last, chiplet) => join(state, [last, ...experts.map((tasks) => tasks[chiplet])]));
}

/**
 * Ends a pass: the SRAM of every chiplet held its experts from their arrival until they were done with.
 *
 * A pass is not over before the one before it, so that room for experts ahead is room indeed: a chiplet without experts
 * in a pass has no work that would tell, and what is written back may come late.
 */
function releaseWeights(
  { state, released }: Step,
  layer: LayerDurations,
  { weights, done }: { weights: Weights; done: readonly number[] },
): void {
  const before = released.at(-1);
  released.push(before ? done.map((own, chiplet) => join(state, [own, before[chiplet]])) : done);
  if (state.resources.sram.length === 0) return;
  weights.arriving.forEach((experts, chiplet) => {
    const memory = state.resources.sram[chiplet];
    for (const { link } of experts) {
      state.builder.hold({ memory, bytes: layer.expertBytes, from: link, until: done[chiplet] });
    }
  });
}

/** The parts of a micro-batch, each with the chunks cut from it. */
function partsOf(
  { overlap: { parts } }: StepPlan,
  chunks: readonly number[],
): { part: number; firstChunk: number; chunks: readonly number[] }[] {
  const size = chunks.length / parts;
  return Array.from({ length: parts }, (_, part) => ({
    part,
    firstChunk: part * size,
    chunks: chunks.slice(part * size, (part + 1) * size),
  }));
}
