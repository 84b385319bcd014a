import { batchWindows, type BatchWindows } from "../performance/batch-windows.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import type { Placement } from "../placement/placement.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { stepMakespanNs } from "../schedule/schedule-step.js";
import { largest, mean, smallest, sum } from "../statistics.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { collectWindow } from "../trace/token-patterns.js";
import type { PosedMachine } from "./pose.js";

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
      yield trace.layers.map((layer) => {
        const patterns = collectWindow(layer, trace, { start, tokens });
        return countTraffic(patterns, chipletsOf.get(layer.layer) ?? [], { chipletsPerGroup, dispatch });
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
