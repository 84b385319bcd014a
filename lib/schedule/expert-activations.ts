/** The activations that experts keep from the forward for the backward pass, in the memories of their chiplets. */
import type { LayerDurations } from "./layer-durations.js";
import { endStage, NOTHING, waitFor, type StepState } from "./step-state.js";

/**
 * Saves what the experts of every chiplet keep of one chunk.
 *
 * Deviation: the links between chiplets and memory, which are busy for less than the memory, stay free for others.
 *
 * @param experts The work of every chiplet's experts, or NOTHING. Shape [numChiplets].
 * @returns When every chiplet's are saved, or NOTHING. Shape [numChiplets].
 */
export function saveExperts(
  state: StepState,
  layer: LayerDurations,
  { experts, part }: { experts: readonly number[]; part: number },
): number[] {
  return moveExpertActivations(state, layer, { kind: "save", part, after: experts.map((task) => [task]) });
}

/**
 * Brings back what the experts of every chiplet kept of one chunk.
 *
 * Deviation: they take no room in SRAM beyond that of the chunk whose gradients they meet.
 *
 * @param saved As {@link saveExperts} returned.
 * @param after What else it waits for.
 * @returns When every chiplet has them, or NOTHING. Shape [numChiplets].
 */
export function reloadExperts(
  state: StepState,
  layer: LayerDurations,
  { saved, after, part }: { saved: readonly number[]; after: readonly number[]; part: number },
): number[] {
  return moveExpertActivations(state, layer, {
    kind: "reload",
    part,
    after: saved.map((task) => [task, ...after]),
  });
}

function moveExpertActivations(
  state: StepState,
  { expertSaveNs }: LayerDurations,
  { kind, part, after }: { kind: "save" | "reload"; part: number; after: readonly (readonly number[])[] },
): number[] {
  const { builder, resources } = state;
  const tasks = resources.memory.map((resource, chiplet) => {
    if (expertSaveNs[chiplet] === 0 || after[chiplet][0] === NOTHING) return NOTHING;
    const task = builder.task({ kind, resource, durationNs: expertSaveNs[chiplet], part });
    for (const before of after[chiplet]) waitFor(state, task, before);
    return task;
  });
  if (tasks.some((task) => task !== NOTHING)) endStage(state, "side", { tasks });
  return tasks;
}
