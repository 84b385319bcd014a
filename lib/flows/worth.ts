import { drawConstants } from "../hardware/draw-constants.js";
import type { Machine } from "../hardware/machine.js";
import { expertBytes } from "../hardware/model-shapes.js";
import { formatBytes } from "../hardware/number-format.js";
import { kvSize } from "../performance/attention.js";
import { weightBytesOf } from "../performance/piece.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import type { Placement } from "../placement/placement.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { createRandom } from "../random.js";
import { binding, type Binding } from "../schedule/binding.js";
import { createMakespanEstimate, scheduledWorkload, scheduleStep } from "../schedule/schedule-step.js";
import { mean, sum } from "../statistics.js";
import type { SplitTrace } from "../trace/holdout.js";
import { collectPatterns } from "../trace/token-patterns.js";
import {
  batchMetrics,
  measureBatches,
  pairedGain,
  type BatchMetrics,
  type MeasuredBatches,
} from "./batches.js";
import type { Evaluation } from "./evaluate.js";
import { judge } from "./judge.js";
import type { PosedMachine } from "./pose.js";

/** A placement in numbers, on the tokens held out or else learned from. What needs the model's sizes is null without. */
export interface PlacementFigures {
  readonly tokenReplication: number;
  readonly groupReplication: number;
  readonly loadMaxOverMean: number;
  readonly groupLoadMaxOverMean: number;
  readonly stepNs: number | null;
  readonly stepPj: number | null;
  /** Of the whole model, a chiplet. */
  readonly tokensPerSecond: number | null;
  readonly binds: Bottleneck | null;
  readonly replicas: ReplicaCost | null;
  readonly batches: BatchMetrics;
}

/** What binds a step. */
export interface Bottleneck extends Binding {
  /** Whether it is proved that no placement takes 1 % less: what binds is there whatever the placement. */
  readonly isFloor: boolean;
}

/** Memory that replicas take from each chiplet, in the mean over chiplets, over all MoE layers of the model. */
export interface ReplicaCost {
  /** In the mean over layers. */
  readonly perLayer: number;
  readonly bytesPerChiplet: number;
  /** Tokens whose keys and values would fit there. */
  readonly kvTokens: number;
}

/** A placement as measured, with what comparing it takes. */
export interface MeasuredPlacement {
  readonly figures: PlacementFigures;
  readonly batches: MeasuredBatches;
  /** Of every layer. */
  readonly traffic: readonly LayerTraffic[];
}

/** Whether a placement is worth having instead of another. */
export interface Worth {
  readonly verdict: "worth it" | "not worth it" | "slower";
  /** Share of the time of a step that is saved; negative where it takes longer. */
  readonly gain: number;
  /** What batches make of the gain by chance: twice the standard error of its mean over them. */
  readonly noise: number;
  /** Share that is saved in the mean over batches: a verdict has its sign too. */
  readonly batchGain: number;
  /** Seeded draws of every constant of the machine within its trust, and those with the same sign of the gain. */
  readonly draws: number;
  readonly agreeing: number;
}

/** A placement before and after, and what the change is worth; null where no time is known. */
export interface BeforeAfter {
  readonly before: PlacementFigures;
  readonly after: PlacementFigures;
  readonly worth: Worth | null;
}

/** What is known of a placement already. */
interface KnownEvaluation {
  readonly learned: Evaluation;
  readonly heldOut?: Evaluation;
  readonly batches?: MeasuredBatches;
}

/** What is proved to be so close to the least possible counts as least. */
const FLOOR_GAP = 0.01;

/**
 * Measures a placement on the tokens that count, held out or else learned from, and on batches of them.
 *
 * @param known What `judge` says of it, and `measureBatches`, where that is known already.
 */
export function measurePlacement(
  placement: Placement,
  split: SplitTrace,
  machine: PosedMachine,
  known: KnownEvaluation = judge(placement, split, machine),
): MeasuredPlacement {
  const { learned, heldOut } = known;
  const trace = split.heldOut ?? split.learn;
  const { mean: metrics, step } = heldOut ?? learned;
  const { chipletsPerGroup } = machine.hardware;
  const { dispatch = defaultDispatch(machine.hardware) } = placement;
  const chipletsOf = new Map(placement.layers.map(({ layer, chiplets }) => [layer, chiplets]));
  const traffic = trace.layers.map((layer) =>
    countTraffic(collectPatterns(layer, trace), chipletsOf.get(layer.layer) ?? [], {
      chipletsPerGroup,
      dispatch,
    }),
  );
  const timed = timedMachine(machine);
  const least = learned.step?.atLeastNs ?? 0;
  const isFloor = learned.step !== undefined && learned.step.stepNs <= least * (1 + FLOOR_GAP);
  const batches = known.batches ?? measureBatches(trace, placement, machine);
  const { tokenReplication, groupReplication, loadMaxOverMean, groupLoadMaxOverMean } = metrics;
  return {
    traffic,
    batches,
    figures: {
      tokenReplication,
      groupReplication,
      loadMaxOverMean,
      groupLoadMaxOverMean,
      stepNs: step?.stepNs ?? null,
      stepPj: step?.stepPj ?? null,
      tokensPerSecond: step?.tokensPerSecond ?? null,
      binds: timed ? { ...binding(scheduleStep(traffic, timed)), isFloor } : null,
      replicas: timed ? replicaCost(placement, timed) : null,
      batches: batchMetrics(batches),
    },
  };
}

/** A placement measured before and after, and what the change is worth. */
export function beforeAfter(
  before: MeasuredPlacement,
  after: MeasuredPlacement,
  options: WorthOptions,
): BeforeAfter {
  return { before: before.figures, after: after.figures, worth: assessWorth(before, after, options) };
}

function timedMachine({ hardware, shape, workload }: PosedMachine): Machine | undefined {
  return shape && { hardware, shape, ...(workload && { workload }) };
}

/** What replicas beyond one of every expert take of the memories; null where there are none. */
export function replicaCost(
  { layers, numExperts, numChiplets }: Placement,
  machine: Machine,
): ReplicaCost | null {
  const perLayer = mean(layers.map(({ chiplets }) => chiplets.flat().length - numExperts));
  if (perLayer === 0) return null;
  const { shape } = machine;
  const workload = scheduledWorkload(machine);
  const weights = expertBytes(shape, weightBytesOf(shape, workload));
  const bytesPerChiplet = (perLayer * shape.numMoeLayers * weights) / numChiplets;
  const kvBytes = kvSize(shape.attention) * shape.numLayers * formatBytes(workload.formats.attention);
  return { perLayer, bytesPerChiplet, kvTokens: Math.floor(bytesPerChiplet / kvBytes) };
}

/** Options of {@link assessWorth}. */
export interface WorthOptions {
  readonly machine: PosedMachine;
  /** Draws of the machine's constants; default 200. */
  readonly draws?: number;
  readonly seed?: number;
}

/** A gain that nobody rolls out a placement for. */
export const NEXT_TO_NOTHING = 0.005;
/** Draws in which a verdict has to hold. */
const AGREEING_SHARE = 0.9;
/** Layers that are estimated under every draw, evenly spread over all: each takes about a millisecond. */
const DRAWN_LAYERS = 8;

/**
 * Whether a placement is worth having instead of another: its gain has to be above what batches make of it by chance, to have the
 * same sign in the mean over batches, and to keep it wherever the machine's constants are within their trust.
 *
 * What a draw changes is told by the closed form that searches use, layer by layer, on some layers of a deep model; it shifts the
 * gain of the schedule, which also knows what layers share.
 *
 * @returns Null where no time is known.
 */
export function assessWorth(
  before: MeasuredPlacement,
  after: MeasuredPlacement,
  { machine, draws = 200, seed = 1 }: WorthOptions,
): Worth | null {
  const timed = timedMachine(machine);
  const [from, to] = [before.figures.stepNs, after.figures.stepNs];
  if (timed === undefined || from === null || to === null) return null;
  const gain = 1 - to / from;
  const { gain: batchGain, noise } = pairedGain(timesOf(before.batches), timesOf(after.batches));
  const agreeing = gain === 0 ? draws : countAgreeing(before, after, { timed, draws, seed, gain });
  const isSure =
    Math.abs(gain) > Math.max(noise, NEXT_TO_NOTHING) &&
    Math.sign(batchGain) === Math.sign(gain) &&
    agreeing >= AGREEING_SHARE * draws;
  return {
    verdict: !isSure ? "not worth it" : gain > 0 ? "worth it" : "slower",
    gain,
    noise,
    batchGain,
    draws,
    agreeing,
  };
}

function countAgreeing(
  before: MeasuredPlacement,
  after: MeasuredPlacement,
  { timed, draws, seed, gain }: { timed: Machine; draws: number; seed: number; gain: number },
): number {
  const { length } = before.traffic;
  const count = Math.min(DRAWN_LAYERS, length);
  const sample = Array.from({ length: count }, (_, index) => Math.floor((index * length) / count));
  const estimatedGain = (hardware: Machine["hardware"]) => {
    const estimateNs = createMakespanEstimate({ ...timed, hardware });
    const timeOf = ({ traffic }: MeasuredPlacement) => sum(sample.map((layer) => estimateNs(traffic[layer])));
    return 1 - timeOf(after) / timeOf(before);
  };
  const estimated = estimatedGain(timed.hardware);
  let agreeing = 0;
  for (let draw = 0; draw < draws; draw++) {
    const drawn = estimatedGain(drawConstants(timed.hardware, createRandom(seed, CONSTANTS_STREAM, draw)));
    if (Math.sign(gain + drawn - estimated) === Math.sign(gain)) agreeing++;
  }
  return agreeing;
}

/** Tells the random streams of constants from those of searches. */
const CONSTANTS_STREAM = 700;

function timesOf({ each }: MeasuredBatches): number[] {
  return each.flatMap(({ stepNs }) => stepNs ?? []);
}
