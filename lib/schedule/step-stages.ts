/** The stages of a step beside the way of its chunks: weights, attention, activations. */
import type { LayerDurations } from "./layer-durations.js";
import { endStage, inTurn, join, NOTHING, waitFor, type StepState } from "./step-state.js";

/** The tasks that bring one expert in: the memory is read while the link forwards. */
export interface ExpertArrival {
  readonly read: number;
  readonly link: number;
}

/**
 * Streams the experts of every chiplet from memory over its link.
 *
 * A memory serves one expert at a time, at its own rate or that of the link where that is slower. Heaviest first, if
 * that is the rule, by the chiplet's compute.
 *
 * @param load.factor What streams in for each byte of weights.
 * @param load.roomFor The task that makes room for an expert, given by its place on the chiplet.
 * @returns How the experts of every chiplet arrive. Indexed [chiplet][expert].
 */
export function streamWeights(
  state: StepState,
  layer: LayerDurations,
  { factor, roomFor }: { factor: number; roomFor: (chiplet: number, place: number) => number },
): ExpertArrival[][] {
  const { builder, resources } = state;
  const linkNs = layer.expertLinkNs * factor;
  const memoryNs = Math.max(layer.expertMemoryNs * factor, linkNs);
  const added: number[] = [];
  const arriving = resources.compute.map((_, chiplet) =>
    Array.from({ length: layer.streamedExperts[chiplet] }, (_, place) => {
      const weight = layer.expertsNs[chiplet];
      const read = builder.task({
        kind: "weights",
        resource: resources.memory[chiplet],
        durationNs: memoryNs,
        weight,
        part: place,
      });
      waitFor(state, read, roomFor(chiplet, place));
      const link = builder.task({
        kind: "weights",
        resource: resources.chipletOut[chiplet],
        durationNs: linkNs,
        weight,
        part: place,
      });
      builder.alongside(link, read);
      added.push(read, link);
      return { read, link };
    }),
  );
  endStage(state, "side", { tasks: added });
  return arriving;
}

/**
 * Writes the experts of every chiplet back over its link to memory.
 *
 * @param updated When the experts of every chiplet are final. Shape [numChiplets].
 * @returns The tasks that write each of them, or after which all are final where there are none. Indexed [chiplet][expert].
 */
export function writeBack(state: StepState, layer: LayerDurations, updated: readonly number[]): number[][][] {
  const { builder, resources } = state;
  const linkNs = layer.expertLinkNs * layer.updateFactor;
  const memoryNs = Math.max(layer.expertMemoryNs * layer.updateFactor, linkNs);
  const added: number[] = [];
  const written = updated.map((final, chiplet) => {
    const own: number[][] = [];
    for (let place = 0; place < layer.streamedExperts[chiplet]; place++) {
      const write = builder.task({
        kind: "write back",
        resource: resources.memory[chiplet],
        durationNs: memoryNs,
        part: place,
      });
      waitFor(state, write, final);
      const link = builder.task({
        kind: "write back",
        resource: resources.chipletBack[chiplet],
        durationNs: linkNs,
        part: place,
      });
      // The memory comes first: an expert leaves its chiplet only when somebody takes it.
      builder.alongside(link, write);
      added.push(write, link);
      own.push([write, link]);
    }
    return own.length === 0 ? [[final]] : own;
  });
  endStage(state, "side", { tasks: added });
  return written;
}

/** Adds work where attention runs; returns when it is done, or `after` if it takes no time. */
export function attend(
  state: StepState,
  kind: "attention" | "shared experts",
  { durationNs, after, part }: { durationNs: number; after: readonly number[]; part: number },
): number {
  if (durationNs === 0) return join(state, after);
  const tasks = state.resources.attention.map((resource) => {
    const task = state.builder.task({ kind, resource, durationNs, part });
    inTurn(state, resource, task);
    for (const before of after) waitFor(state, task, before);
    return task;
  });
  if (kind === "attention" && state.site.tokensStart === "root") takeTurn(state, tasks[0]);
  endStage(state, kind === "attention" ? "main" : "side", { tasks });
  return tasks.length === 1 ? tasks[0] : join(state, tasks);
}

/**
 * Attention on a root chiplet goes on from micro-batch to micro-batch and from layer to layer: what the first micro-batch waits for
 * is due before what the others do.
 */
function takeTurn(state: StepState, attention: number): void {
  if (state.attended !== NOTHING) state.builder.expectAfter(attention, state.attended);
  state.attended = attention;
}

/** Moves the activations of a part between the chiplets and the memory where they are kept. */
export function moveActivations(
  state: StepState,
  kind: "save" | "reload",
  { durationNs, after, part }: { durationNs: number; after: readonly number[]; part: number },
): number {
  const { builder, resources } = state;
  const task = builder.task({ kind, resource: resources.activationMemory, durationNs, part });
  for (const before of after) waitFor(state, task, before);
  endStage(state, "side", { tasks: [task] });
  return task;
}
