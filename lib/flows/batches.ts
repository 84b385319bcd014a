import { createWorkload } from "../performance/workload.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import type { Placement } from "../placement/placement.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { stepMakespanNs } from "../schedule/schedule-step.js";
import { largest, mean, smallest, sum } from "../statistics.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns } from "../trace/token-patterns.js";
import type { PosedMachine } from "./pose.js";

/** Windows of consecutive tokens, each a batch. */
export interface BatchWindows {
  /** Tokens of a batch. */
  readonly tokens: number;
  /** Tokens of a step of the workload; more than `tokens` where the trace is too short for some batches of them. */
  readonly stepTokens: number;
  /** First token of every batch that is measured. */
  readonly starts: readonly number[];
}

/** What one batch comes to under a placement. */
export interface BatchFigures {
  /** Largest load of a chiplet over the mean. Shape [numLayers]. */
  readonly layerLoads: readonly number[];
  /** Its mean over layers. */
  readonly loadMaxOverMean: number;
  /** Mean distinct chiplets per token, C_T, in the mean over layers. */
  readonly tokenReplication: number;
  /** Time of a step of such batches; undefined where the model's sizes are not known. */
  readonly stepNs?: number;
}

/** A placement from batch to batch. */
export interface MeasuredBatches extends Omit<BatchWindows, "starts"> {
  readonly each: readonly BatchFigures[];
}

/** A figure over batches. */
export interface BatchSpread {
  readonly mean: number;
  /** The 95th percentile: of 20 batches one is above it. */
  readonly p95: number;
}

/** The same in numbers: a chiplet waits for the most loaded one of its batch, which the mean of many tokens hides. */
export interface BatchMetrics extends Omit<BatchWindows, "starts"> {
  readonly count: number;
  readonly loadMaxOverMean: BatchSpread;
  readonly tokenReplication: BatchSpread;
  /** Null where the model's sizes are not known. */
  readonly stepNs: BatchSpread | null;
}

/** Batches as large as a step that a trace has to have. */
const FEWEST = 4;
/** Smaller ones that a trace is cut into where it has not: few, because the fewer tokens the less they are like a step. */
const OF_SHORT = 8;
/** Batches that are measured, evenly spread over the trace: each is scheduled, some milliseconds a layer. One in 20 is above 95 %. */
const MOST = 20;

/**
 * Cuts a trace into windows of consecutive tokens as large as a step of the workload, of all chiplets together; of a trace
 * too short for that, into smaller ones, which are less even.
 *
 * @example
 * const hardware = findHardware("mozart-qwen3");
 * const workload = createWorkload({ hardware }, { tokensPerChiplet: 8 });
 * batchWindows(8192, { hardware, workload }).tokens; // 128, of 16 chiplets
 */
export function batchWindows(
  numTokens: number,
  { hardware, shape, workload = createWorkload({ hardware, shape }) }: PosedMachine,
): BatchWindows {
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const stepTokens = Math.max(1, Math.round(workload.tokensPerChiplet * numChiplets));
  const isLong = numTokens >= FEWEST * stepTokens;
  const tokens = isLong ? stepTokens : Math.max(1, Math.floor(numTokens / OF_SHORT));
  const numWindows = Math.floor(numTokens / tokens);
  const count = Math.min(MOST, numWindows);
  const starts = Array.from(
    { length: count },
    (_, batch) => tokens * Math.floor((batch * numWindows) / count),
  );
  return { tokens, stepTokens, starts };
}

/** The traffic of a placement on batches of a trace. */
export interface BatchTraffic extends Omit<BatchWindows, "starts"> {
  /** Of every batch and layer. */
  readonly each: Iterable<readonly LayerTraffic[]>;
}

/**
 * Counts the traffic of a placement on every batch of a trace, one batch after another as they are asked for.
 *
 * @param machine With as many chiplets as the placement has.
 */
export function trafficOfBatches(
  trace: RoutingTrace,
  placement: Placement,
  machine: PosedMachine,
): BatchTraffic {
  const { chipletsPerGroup } = machine.hardware;
  const { dispatch = defaultDispatch(machine.hardware) } = placement;
  const { tokens, stepTokens, starts } = batchWindows(
    smallest(trace.layers.map(({ numTokens }) => numTokens)),
    machine,
  );
  const chipletsOf = new Map(placement.layers.map(({ layer, chiplets }) => [layer, chiplets]));
  function* each() {
    for (const start of starts) {
      yield trace.layers.map(({ layer, experts }) => {
        const window = experts.subarray(start * trace.topK, (start + tokens) * trace.topK);
        const patterns = collectPatterns({ layer, numTokens: tokens, experts: window }, trace);
        return countTraffic(patterns, chipletsOf.get(layer) ?? [], { chipletsPerGroup, dispatch });
      });
    }
  }
  return { tokens, stepTokens, each: each() };
}

/**
 * Measures a placement on batches of a trace rather than on all its tokens at once.
 *
 * @param machine With as many chiplets as the placement has.
 */
export function measureBatches(
  trace: RoutingTrace,
  placement: Placement,
  machine: PosedMachine,
): MeasuredBatches {
  const { hardware, shape, workload } = machine;
  const batches = trafficOfBatches(trace, placement, machine);
  const each = Array.from(batches.each, (traffic): BatchFigures => {
    const layerLoads = traffic.map(
      ({ chipletLoad }) => (largest(chipletLoad) * chipletLoad.length) / sum(chipletLoad),
    );
    return {
      layerLoads,
      loadMaxOverMean: mean(layerLoads),
      tokenReplication: mean(traffic.map(({ chipletTokens }) => sum(chipletTokens) / batches.tokens)),
      ...(shape && {
        stepNs: stepMakespanNs(traffic, { hardware, shape, ...(workload && { workload }) }),
      }),
    };
  });
  return { tokens: batches.tokens, stepTokens: batches.stepTokens, each };
}

/** Mean and 95th percentile of what was measured. */
export function batchMetrics({ tokens, stepTokens, each }: MeasuredBatches): BatchMetrics {
  const stepNs = each.flatMap((batch) => batch.stepNs ?? []);
  return {
    tokens,
    stepTokens,
    count: each.length,
    loadMaxOverMean: spreadOf(each.map(({ loadMaxOverMean }) => loadMaxOverMean)),
    tokenReplication: spreadOf(each.map(({ tokenReplication }) => tokenReplication)),
    stepNs: stepNs.length === 0 ? null : spreadOf(stepNs),
  };
}

/** Mean and 95th percentile. */
export function spreadOf(values: readonly number[]): BatchSpread {
  const ascending = values.toSorted((a, b) => a - b);
  return { mean: mean(values), p95: ascending[Math.ceil(0.95 * ascending.length) - 1] };
}

/** A gain over the same batches. */
export interface PairedGain {
  /** Share that is saved, in the mean over batches; positive is better. */
  readonly gain: number;
  /** Twice the standard error of that mean: a gain below it may be chance. */
  readonly noise: number;
}

/**
 * What is saved from one list to another, batch by batch: what makes a batch slow under both cancels.
 *
 * @example
 * pairedGain([10, 20], [9, 18]); // { gain: 0.1, noise: 0 }
 */
export function pairedGain(before: readonly number[], after: readonly number[]): PairedGain {
  const gains = before.map((value, batch) => 1 - after[batch] / value);
  const gain = mean(gains);
  const variance = sum(gains.map((value) => (value - gain) ** 2)) / (gains.length - 1);
  return { gain, noise: gains.length < 2 ? Infinity : 2 * Math.sqrt(variance / gains.length) };
}
