import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import { createLayerEstimate } from "../performance/step-estimate.js";
import type { Transport, Workload } from "../hardware/workload.js";
import { createWorkload, microBatchTokens, transportOn } from "../performance/workload.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { scheduleBound, type ScheduleBound } from "../task-graph/bounds.js";
import { bestListSchedule, type Schedule } from "../task-graph/list-schedule.js";
import { modelDurations, stepSite, type Cut } from "./model-durations.js";
import { OVERLAPS, type Overlap } from "./overlap.js";
import { remainingPathsNs } from "../task-graph/path-lengths.js";
import { priorityRules, type PriorityRule } from "../task-graph/priorities.js";
import { buildStepGraph, STEP_KINDS } from "./step-graph.js";
import type { StepPlan } from "./step-plan.js";
import type { TaskGraph } from "../task-graph/task-graph.js";
import { splitTime } from "../task-graph/timeline.js";

/** How a step is run: what overlaps, and how tokens travel. */
export interface StepConfiguration {
  readonly overlap: Overlap;
  /** Default the workload's. */
  readonly transport?: Transport;
}

/** What a configuration is called. */
export type ConfigurationName = "baseline" | "A" | "B" | "C" | "chunked";

/**
 * The configurations of the Mozart paper (B and C differ in the placement alone), and `chunked`, beyond it: dispatch
 * and combine in chunks overlapped with compute. From B on copies travel as the workload says: on wafers one a chiplet
 * group over the root links, whose switch copies it to several of its chiplets, and sums what they return.
 *
 * Source: Mozart (arXiv:2603.07006), section 5; in-switch multicast and reduction: section 4.4.
 */
export const STEP_CONFIGURATIONS: Readonly<Record<ConfigurationName, StepConfiguration>> = {
  baseline: { overlap: OVERLAPS.serial, transport: "per-expert" },
  A: { overlap: OVERLAPS.mozart, transport: "per-expert" },
  B: { overlap: OVERLAPS.mozart },
  C: { overlap: OVERLAPS.mozart },
  chunked: { overlap: OVERLAPS.chunked },
};

/** How a step is run unless told otherwise, by every command. docs/decisions/one-time.md says why. */
export const DEFAULT_CONFIGURATION: ConfigurationName = "chunked";

/** What a step is scheduled for. */
export interface ScheduleOptions {
  readonly hardware: Hardware;
  readonly shape: ModelShape;
  /** Default as {@link createWorkload} makes it. */
  readonly workload?: Workload;
  /** Default that of {@link DEFAULT_CONFIGURATION}. */
  readonly configuration?: StepConfiguration;
  /**
   * Optimiser state that travels with every weight in the backward pass, once in each direction; default 0, as in the
   * paper. Adam with a 32-bit master copy and two moments takes 12.
   */
  readonly optimiserBytesPerWeight?: number;
  /** What the model calls the layers, for the names of tasks; default their places, from 0. */
  readonly layerNumbers?: readonly number[];
  /**
   * How free resources choose, or "best" to try every rule and keep the shortest. Default "critical-path", and in a training step on a
   * wafer run as {@link DEFAULT_CONFIGURATION} the shorter of that and "in-turn".
   */
  readonly rule?: PriorityRule | "best";
}

/** A schedule of a step with what it is worth. */
export interface StepSchedule {
  readonly graph: TaskGraph;
  readonly schedule: Schedule;
  /** The rule that made it. */
  readonly rule: PriorityRule;
  readonly makespanNs: number;
  /** No schedule of the same tasks is shorter. */
  readonly boundNs: number;
  /** What the bound comes from. */
  readonly bound: ScheduleBound;
  /** makespan / bound - 1: how far from the best possible at most. */
  readonly gap: number;
  /** Time during which something computes. */
  readonly computeNs: number;
  /** Time during which tokens travel while nothing computes anywhere. */
  readonly exposedCommunicationNs: number;
  /** Time during which weights or activations stream while nothing computes and no tokens travel. */
  readonly exposedDramNs: number;
  /** The rest of the makespan: latencies. */
  readonly idleNs: number;
  /** Share of the time tokens travel that compute hides; 1 if none ever travel. */
  readonly hiddenCommunicationShare: number;
}

/**
 * Schedules one step of a model, layer by layer.
 *
 * The exposed times, the compute time and the idle time add up to the makespan.
 *
 * @param layers Traffic of every MoE layer, in the model's order.
 * @throws InputError if the traffic is for other chiplets than the machine has.
 *
 * @example
 * const { makespanNs, gap } = scheduleStep([traffic], { hardware, shape });
 */
export function scheduleStep(layers: readonly LayerTraffic[], options: ScheduleOptions): StepSchedule {
  const graph = stepGraph(layers, options);
  const remainingNs = remainingPathsNs(graph);
  const best = bestListSchedule(graph, rulesOf(options), remainingNs);
  const { makespanNs } = best.schedule;
  const bound = scheduleBound(graph, remainingNs);
  // The same sums in another order may differ in the last digit.
  const boundNs = Math.min(bound.boundNs, makespanNs);
  const { compute, communication, dram } = STEP_KINDS;
  const { classes, idleNs } = splitTime(graph, best.schedule, [compute, communication, dram]);
  const travelNs = classes[1].activeNs;
  return {
    graph,
    ...best,
    makespanNs,
    boundNs,
    bound,
    gap: boundNs > 0 ? makespanNs / boundNs - 1 : 0,
    computeNs: classes[0].activeNs,
    exposedCommunicationNs: classes[1].exposedNs,
    exposedDramNs: classes[2].exposedNs,
    idleNs,
    hiddenCommunicationShare: travelNs > 0 ? Math.max(0, 1 - classes[1].exposedNs / travelNs) : 1,
  };
}

/**
 * Makespan of {@link scheduleStep}, the time of a step that every command shows, without the bound and what else
 * a schedule is worth. Some milliseconds a layer.
 *
 * @example
 * stepMakespanNs([traffic], { hardware, shape });
 */
export function stepMakespanNs(layers: readonly LayerTraffic[], options: ScheduleOptions): number {
  const graph = stepGraph(layers, options);
  return bestListSchedule(graph, rulesOf(options), remainingPathsNs(graph)).schedule.makespanNs;
}

/** A fast estimate of {@link stepMakespanNs} of one layer, for searches alone: see `createLayerEstimate`. */
export function estimateMakespanNs(traffic: LayerTraffic, options: ScheduleOptions): number {
  return createMakespanEstimate(options)(traffic);
}

/** Makes {@link estimateMakespanNs} for many placements on one machine, which is faster from the second call on. */
export function createMakespanEstimate(options: ScheduleOptions): (traffic: LayerTraffic) => number {
  const { overlap, workload } = runOf(options);
  return createLayerEstimate(options, { workload, apart: overlap.apart });
}

function stepGraph(layers: readonly LayerTraffic[], options: ScheduleOptions): TaskGraph {
  const { cut, plan } = planOf(options);
  return buildStepGraph(
    layers.map((traffic) => modelDurations(traffic, options, cut)),
    plan,
  );
}

/** How a step is cut into tasks, from what it is scheduled for. */
export function planOf(options: ScheduleOptions): { cut: Cut; plan: StepPlan } {
  const { hardware, optimiserBytesPerWeight } = options;
  const { overlap, workload } = runOf(options);
  const { chunks } = overlap;
  const prompts = Math.floor(microBatchTokens(workload, hardware) / workload.promptLength);
  const parts = commonDivisor(overlap.parts, commonDivisor(chunks, prompts));
  return {
    cut: {
      workload,
      parts,
      chunks,
      besideCompute: overlap.apart === "none" && chunks * workload.microBatches > 1,
      optimiserBytesPerWeight,
    },
    plan: {
      site: stepSite(hardware),
      overlap: { ...overlap, parts },
      numMicroBatches: workload.microBatches,
      training: workload.phase === "train",
      layerNumbers: options.layerNumbers,
    },
  };
}

/** The workload that is scheduled: with the transport that the configuration asks for, where it asks for one. */
export function scheduledWorkload(options: ScheduleOptions): Workload {
  return runOf(options).workload;
}

function runOf(options: ScheduleOptions): { overlap: Overlap; workload: Workload } {
  const { overlap, transport } = options.configuration ?? STEP_CONFIGURATIONS[DEFAULT_CONFIGURATION];
  const workload = options.workload ?? createWorkload(options);
  const chosen = transportOn(options.hardware, transport ?? workload.transport);
  return { overlap, workload: { ...workload, transport: chosen } };
}

function rulesOf(options: ScheduleOptions): readonly PriorityRule[] {
  const { hardware, rule } = options;
  if (rule !== undefined) return rule === "best" ? priorityRules : [rule];
  const { overlap, workload } = runOf(options);
  const takesTurns =
    hardware.tokensStart === "root" && workload.phase === "train" && overlap.apart === "none";
  return takesTurns ? ["critical-path", "in-turn"] : ["critical-path"];
}

/** Schedules one layer, forward and (in training) backward: a step of a model that has no other. */
export function scheduleLayer(traffic: LayerTraffic, options: ScheduleOptions): StepSchedule {
  return scheduleStep([traffic], options);
}

/** One point of the curve of makespan over chunks. */
export interface ChunkPoint {
  readonly chunks: number;
  readonly makespanNs: number;
  readonly boundNs: number;
}

/** Numbers of chunks worth trying. */
export const CHUNK_COUNTS: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/** Makespans this close, as a share, count as equal: something else than the chunks decides them. */
const AS_SHORT = 1e-4;

/**
 * Finds the best number of chunks by trying several.
 *
 * More chunks overlap better and cost more: every chunk pays latency, fills systolic arrays worse, and reads weights
 * again. Attention stays whole where micro-batches overlap each other, and is halved where there is only one.
 *
 * @param counts At least one; default {@link CHUNK_COUNTS}.
 * @returns The curve in the order of `counts`, and the shortest of its schedules; of those as short within 0.01 %, the
 *   one that hides the most communication, of equals the first.
 *
 * @example
 * const { curve, chunks, best } = sweepChunks([traffic], { hardware, shape });
 */
export function sweepChunks(
  layers: readonly LayerTraffic[],
  options: ScheduleOptions,
  counts: readonly number[] = CHUNK_COUNTS,
): { curve: ChunkPoint[]; chunks: number; best: StepSchedule } {
  const { overlap, transport } = options.configuration ?? STEP_CONFIGURATIONS[DEFAULT_CONFIGURATION];
  const parts = runOf(options).workload.microBatches > 1 ? 1 : 2;
  const cut = (chunks: number) =>
    scheduleStep(layers, {
      ...options,
      configuration: { overlap: { ...overlap, chunks, parts }, ...(transport && { transport }) },
    });
  const curve: ChunkPoint[] = [];
  let chunks = counts[0];
  let best = cut(chunks);
  for (const count of counts) {
    const next = curve.length === 0 ? best : cut(count);
    curve.push({ chunks: count, makespanNs: next.makespanNs, boundNs: next.boundNs });
    const difference = next.makespanNs / best.makespanNs - 1;
    const hidesMore = next.exposedCommunicationNs < best.exposedCommunicationNs;
    if (difference < -AS_SHORT || (difference < AS_SHORT && hidesMore)) [chunks, best] = [count, next];
  }
  return { curve, chunks, best };
}

function commonDivisor(value: number, divisor: number): number {
  return divisor === 0 ? value : commonDivisor(divisor, value % divisor);
}
