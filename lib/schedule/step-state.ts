import type { StepSite } from "./layer-durations.js";
import type { Overlap } from "./overlap.js";
import type { TaskGraphBuilder } from "../task-graph/task-graph.js";

/** A step under construction. */
export interface StepState {
  readonly builder: TaskGraphBuilder;
  readonly site: StepSite;
  readonly overlap: Overlap;
  readonly resources: StepResources;
  /** Tokens that are on each chiplet for now, oldest first. Shape [numChiplets]. */
  readonly tokens: readonly ChipletTokens[];
  /** What the next stage waits for where stages run apart, or {@link NOTHING}. */
  gate: number;
  /** The last task of every resource whose kernels start in order. */
  readonly lastKernel: Map<number, number>;
  /** The latest attention on a root chiplet, or {@link NOTHING}. */
  attended: number;
  /** First of the tasks that bring in this pass's weights, or that write back those before them. */
  streamingSince: number;
}

/** Stands for a task that nobody has to wait for. */
export const NOTHING = -1;

/** Resources and memories by their numbers in the graph. */
export interface StepResources {
  /** The root chiplet, or all chiplets where tokens start everywhere. */
  readonly attention: readonly number[];
  readonly activationMemory: number;
  /** Shape [numGroups] and [numChiplets]; the same in both directions where tokens start everywhere. */
  readonly rootOut: readonly number[];
  readonly rootBack: readonly number[];
  readonly chipletOut: readonly number[];
  readonly chipletBack: readonly number[];
  /** Shape [numChiplets]. */
  readonly memory: readonly number[];
  readonly compute: readonly number[];
  readonly sram: readonly number[];
}

/** Chunks that a chiplet holds, from the first byte in to the last byte out. */
interface ChipletTokens {
  readonly roomBytes: number;
  heldBytes: number;
  /** From the task that brings a chunk in until the one that takes it away. */
  readonly present: { readonly bytes: number; readonly from: number; readonly until: number }[];
}

/** Adds the resources of a site to a graph. */
export function addResources(builder: TaskGraphBuilder, site: StepSite): StepResources {
  const { numGroups, chipletsPerGroup, chipletsPerMemory, sramBytes } = site;
  const numChiplets = numGroups * chipletsPerGroup;
  const range = (length: number) => Array.from({ length }, (_, index) => index);
  const many = (length: number, name: (index: number) => string) =>
    range(length).map((index) => builder.resource(name(index)));
  const fromRoot = site.tokensStart === "root";
  const root = fromRoot ? [builder.resource("attention chiplet")] : [];
  const activationMemory = builder.resource("activation memory");
  const memories = many(numChiplets / chipletsPerMemory, (index) => `memory ${index}`);
  const compute = many(numChiplets, (chiplet) => `chiplet ${chiplet}`);
  const rootOut = many(numGroups, (group) => `root link ${group}${fromRoot ? " out" : ""}`);
  const chipletOut = many(numChiplets, (chiplet) => `chiplet link ${chiplet}${fromRoot ? " out" : ""}`);
  const chipletBack = fromRoot ? many(numChiplets, (chiplet) => `chiplet link ${chiplet} back`) : chipletOut;
  const rootBack = fromRoot ? many(numGroups, (group) => `root link ${group} back`) : rootOut;
  return {
    attention: fromRoot ? root : compute,
    activationMemory,
    rootOut,
    rootBack,
    chipletOut,
    chipletBack,
    memory: range(numChiplets).map((chiplet) => memories[Math.floor(chiplet / chipletsPerMemory)]),
    compute,
    sram:
      sramBytes === Infinity
        ? []
        : range(numChiplets).map((chiplet) => builder.memory(`SRAM of chiplet ${chiplet}`, sramBytes)),
  };
}

/** Adds a task that ends when all of the others have, and `latencyNs` has passed. */
export function join(state: StepState, tasks: readonly number[], latencyNs = 0): number {
  const joined = state.builder.task({ kind: "join" });
  for (const task of tasks) if (task !== NOTHING) state.builder.after(joined, task, latencyNs);
  return joined;
}

/**
 * Ends a stage: where stages run apart, its tasks wait for the stage before, and the next waits for them.
 *
 * @param stage Whether it is one that tokens pass, or one beside them (weights, activations, shared experts).
 * @param ending.since First task that may hold it up: by default none before the stage itself.
 */
export function endStage(
  state: StepState,
  stage: "main" | "side",
  { tasks, latencyNs = 0, since }: { tasks: readonly number[]; latencyNs?: number; since?: number },
): void {
  const { apart } = state.overlap;
  if (apart === "none" || (apart === "transfers" && stage === "side")) return;
  if (state.gate !== NOTHING) {
    for (const task of tasks) if (task !== NOTHING) state.builder.after(task, state.gate);
  }
  const previous = state.gate;
  state.gate = join(state, [previous, ...tasks], latencyNs);
  state.builder.milestone(since ?? Math.max(0, previous));
}

/** Lets a kernel wait for the one before it on its resource, where kernels start in order. */
export function inTurn({ builder, site, lastKernel }: StepState, resource: number, task: number): void {
  if (!site.kernelsInOrder) return;
  const last = lastKernel.get(resource);
  if (last !== undefined) builder.after(task, last);
  lastKernel.set(resource, task);
}

/** Lets a task wait for another, if there is one. */
export function waitFor({ builder }: StepState, task: number, before: number, latencyNs = 0): void {
  if (before !== NOTHING) builder.after(task, before, latencyNs);
}
