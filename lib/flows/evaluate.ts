import { withChiplets, type Hardware } from "../hardware/hardware.js";
import type { Machine } from "../hardware/machine.js";
import { staticPj } from "../performance/energy.js";
import { outsideLayersNs } from "../performance/outside-layers.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import type { DispatchModel } from "../placement/dispatch.js";
import type { Placement } from "../placement/placement.js";
import { countServerTraffic } from "../placement/server-traffic.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { DEFAULT_CONFIGURATION, scheduledWorkload } from "../schedule/schedule-step.js";
import { sum } from "../statistics.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import {
  evaluateTraffic,
  meanOf,
  withBytes,
  type LayerMetrics,
  type Metrics,
  type MetricsOptions,
} from "./layer-metrics.js";
import { placedLayers } from "./placed-layers.js";
import {
  leastStepNs,
  scheduleOptions,
  timeOfTraffic,
  type ProvedOfLayer,
  type StepMetrics,
} from "./step-time.js";

/** Every metric of a placement on a trace. */
export interface Evaluation {
  readonly mean: Metrics;
  readonly layers: readonly LayerMetrics[];
  /** Where the model's shape is known. */
  readonly step?: StepMetrics;
}

/** The machine and model to evaluate on. */
export interface EvaluationOptions extends MetricsOptions {
  readonly chipletsPerGroup: number;
  /** Which replica of an expert a token uses, where there are several; default as the placement says, or else as `defaultDispatch` has it. */
  readonly dispatch?: DispatchModel;
  /** Where tokens start; default as on the machine, at the root without one. */
  readonly tokensStart?: Hardware["tokensStart"];
  /** What is proved on these tokens, by layer; a time is proved from it, and none without. */
  readonly bounds?: ReadonlyMap<number, ProvedOfLayer>;
  /** Share of the effort, some seconds, that what is proved of C_G is worth; 0 for none of it. Default 1. */
  readonly boundEffort?: number | undefined;
}

/**
 * Evaluates a placement on a trace, layer by layer and in the mean over layers.
 *
 * @throws InputError if a layer of the trace is not in the placement, or their experts differ in number.
 *
 * @example
 * evaluatePlacement(trace, placement, { chipletsPerGroup: 4 }).mean.tokenReplication; // 5.37
 */
export function evaluatePlacement(
  trace: RoutingTrace,
  placement: Placement,
  options: EvaluationOptions,
): Evaluation {
  const machine = options.machine && sizedFor(placement, options.machine, options);
  const sized = machine ? { ...options, machine } : options;
  const { tokensStart = machine?.hardware.tokensStart } = options;
  const traffic: LayerTraffic[] = [];
  const dispatch =
    options.dispatch ?? placement.dispatch ?? defaultDispatch({ tokensStart: tokensStart ?? "root" });
  const layers = placedLayers(trace, placement).map(({ patterns, chiplets, layer, tokens }): LayerMetrics => {
    const counted = countTraffic(patterns, chiplets, { ...options, dispatch });
    traffic.push(counted);
    return {
      layer,
      tokens,
      ...evaluateTraffic(counted, sized),
      ...(tokensStart === "everywhere" && {
        servers: withBytes(countServerTraffic(patterns, chiplets, counted), sized),
      }),
    };
  });
  const mean = meanOf(layers, sized);
  if (machine === undefined) return { mean, layers };
  const stepNs = timeOfTraffic(traffic, machine, options.configuration);
  // As many as are needed, unless asked for otherwise.
  const { slotsPerChiplet = Math.ceil(placement.numExperts / placement.numChiplets) } = placement;
  const dynamicPj = sum(layers.map(({ modelled }) => modelled?.dynamicPj ?? 0));
  const workload = scheduledWorkload(scheduleOptions(machine, options.configuration));
  const modelNs = (stepNs / layers.length) * machine.shape.numMoeLayers + outsideLayersNs(machine, workload);
  return {
    mean,
    layers,
    step: {
      workload,
      configuration: options.configuration ?? DEFAULT_CONFIGURATION,
      stepNs,
      atLeastNs: options.bounds
        ? leastStepNs(trace, traffic, {
            ...sized,
            machine,
            bounds: options.bounds,
            boundEffort: options.boundEffort,
            slotsPerChiplet,
            dispatch,
          })
        : null,
      stepPj: dynamicPj + staticPj(machine.hardware, stepNs),
      tokensPerSecond: workload.tokensPerChiplet / (modelNs / 1e9),
    },
  };
}

function sizedFor(
  { numChiplets }: Placement,
  machine: Machine,
  { chipletsPerGroup }: EvaluationOptions,
): Machine {
  const numGroups = numChiplets / chipletsPerGroup;
  return { ...machine, hardware: withChiplets(machine.hardware, { numChiplets, numGroups }) };
}
