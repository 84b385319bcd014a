import type { Machine } from "../hardware/machine.js";
import type { Phase, Transport, Workload } from "../hardware/workload.js";
import { leastShareOf, ruleOf, type DispatchModel } from "../placement/dispatch.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import { boundGroupReplication, type GroupShape } from "../placement/group-bound.js";
import type { LayerPlacement, Placement } from "../placement/placement.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import {
  DEFAULT_CONFIGURATION,
  STEP_CONFIGURATIONS,
  stepMakespanNs,
  type ConfigurationName,
  type ScheduleOptions,
} from "../schedule/schedule-step.js";
import { stepBoundNs, type BoundedLayer } from "../schedule/step-bound.js";
import { largest, sum } from "../statistics.js";
import { loadOf } from "../trace/load-trace.js";
import type { LayerTrace, RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns } from "../trace/token-patterns.js";
import { placedLayers } from "./placed-layers.js";

/** Time and energy of one step of all layers of a trace. */
export interface StepMetrics {
  readonly workload: Workload;
  /** How the step is run. */
  readonly configuration: ConfigurationName;
  /** Makespan of its schedule: what `moeplace schedule` prints. */
  readonly stepNs: number;
  /** Proved: no placement of the same problem with as many replicas takes less; null where nothing is proved. */
  readonly atLeastNs: number | null;
  readonly stepPj: number;
  /** Of the whole model, a chiplet: were all its MoE layers as those given in the mean, and with all its other layers. */
  readonly tokensPerSecond: number;
}

/** What is proved of every placement of a layer: of its C_T, and of its busiest chiplets. */
export type ProvedOfLayer = Pick<LayerPlacement, "bound" | "peaks">;

/** Time of one step of all layers given, with how it was told: the shape it has in every JSON document. */
export interface StepTime {
  readonly workload: Phase;
  readonly transport: Transport;
  readonly configuration: ConfigurationName;
  /** On the tokens a placement was made from. */
  readonly learnedNs: number;
  /** On the tokens held out; null where there are none. */
  readonly heldOutNs: number | null;
  /** Proved for every placement under the same problem, with as many replicas; null where nothing is proved. */
  readonly atLeastNs: number | null;
}

/**
 * Time of one step of all layers of a trace under a placement, in nanoseconds: the one that every command shows.
 *
 * It is the makespan of the step's schedule, so `moeplace schedule` prints it too. Milliseconds a layer.
 *
 * @throws InputError as `evaluatePlacement` does, or if the placement is for other chiplets than the machine has.
 *
 * @example
 * timeOfPlacement(trace, placement, { hardware, shape });
 */
export function timeOfPlacement(
  trace: RoutingTrace,
  placement: Placement,
  machine: Machine,
  configuration?: ConfigurationName,
): number {
  const { chipletsPerGroup } = machine.hardware;
  const { dispatch = defaultDispatch(machine.hardware) } = placement;
  const traffic = placedLayers(trace, placement).map(({ patterns, chiplets }) =>
    countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch }),
  );
  return timeOfTraffic(traffic, machine, configuration);
}

/** Time of a step on the tokens learned from and held out, or null where the model's shape is not known. */
export function stepTime({
  learned,
  heldOut,
}: {
  learned: { readonly step?: StepMetrics };
  heldOut?: { readonly step?: StepMetrics };
}): StepTime | null {
  if (learned.step === undefined) return null;
  return {
    workload: learned.step.workload.phase,
    transport: learned.step.workload.transport,
    configuration: learned.step.configuration,
    learnedNs: learned.step.stepNs,
    heldOutNs: heldOut?.step?.stepNs ?? null,
    atLeastNs: learned.step.atLeastNs,
  };
}

/**
 * How much more time a placement takes than the least that is proved, at most; undefined where nothing is proved.
 *
 * @throws Error if it takes less, as then what is proved is wrong.
 */
export function timeGap(time: StepTime | null | undefined): number | undefined {
  if (!time || time.atLeastNs === null) return undefined;
  const { learnedNs, atLeastNs } = time;
  if (learnedNs < atLeastNs) {
    throw new Error(
      `a step of ${learnedNs} ns, found below the ${atLeastNs} ns that are proved of every placement, or follow from the bounds in its file`,
    );
  }
  return learnedNs / atLeastNs - 1;
}

/**
 * A time that no placement with as many replicas is below, proved from the least C_T of every layer, and the least C_G where that
 * raises it; null for other chiplets than the machine has.
 */
export function leastStepNs(
  { numExperts, layers }: RoutingTrace,
  traffic: readonly LayerTraffic[],
  {
    machine,
    bounds,
    slotsPerChiplet,
    dispatch,
    boundEffort = 1,
    configuration,
  }: {
    readonly machine: Machine;
    readonly dispatch: DispatchModel;
    /** Room on every chiplet, in experts; where a placement holds more, as many. */
    readonly slotsPerChiplet: number;
    readonly bounds: ReadonlyMap<number, ProvedOfLayer>;
    /** Share of the steps that the bound on C_G is worth; 0 for none of it. Default 1. */
    readonly boundEffort?: number | undefined;
    readonly configuration?: ConfigurationName;
  },
): number | null {
  const { hardware } = machine;
  const hasReplicas = ({ expertLoad }: LayerTraffic) => expertLoad.flat().length > numExperts;
  if (hardware.numGroups * hardware.chipletsPerGroup !== traffic[0].numChiplets) return null;
  const leastShare = leastShareOf(dispatch, traffic[0].numChiplets);
  const slotsOf = traffic.map(({ expertLoad }) =>
    largest(
      expertLoad.map(({ length }) => length),
      slotsPerChiplet,
    ),
  );
  const bounded = traffic.map((counted, index) => {
    const { bound = 1, peaks } = bounds.get(layers[index].layer) ?? {};
    return {
      traffic: counted,
      ...(hasReplicas(counted)
        ? { replicated: { load: loadOf(layers[index], numExperts), leastShare } }
        : { peaks }),
      slotsPerChiplet: slotsOf[index],
      tokenReplication: bound,
    };
  });
  const options = scheduleOptions(machine, configuration);
  const withGroups = (replicationOf: (layer: BoundedLayer, index: number) => number) =>
    stepBoundNs(
      bounded.map((layer, index) => ({ ...layer, groupReplication: replicationOf(layer, index) })),
      options,
    );
  const atLeastNs = stepBoundNs(bounded, options);
  // What is proved of C_G takes a second or more of each layer, and is of no use where that of the placement itself is of none.
  const isWorthIt =
    boundEffort > 0 &&
    withGroups((layer) => sum(layer.traffic.groupTokens) / layer.traffic.numTokens) > atLeastNs;
  if (!isWorthIt) return atLeastNs;
  const numGroups = traffic[0].groupTokens.length;
  return withGroups(({ replicated, traffic: { chipletsPerGroup } }, index) =>
    replicated !== undefined && ruleOf(dispatch) === "nearest"
      ? 1
      : leastGroupReplication(layers[index], {
          numExperts,
          effort: boundEffort * Math.min(1, LAYERS_OF_FULL_EFFORT / layers.length),
          shape: { numGroups, slotsPerGroup: slotsOf[index] * chipletsPerGroup },
        }),
  );
}

/** Layers on each of which the bound on C_G may take all of its steps, some seconds; more layers share as many. */
const LAYERS_OF_FULL_EFFORT = 8;

/** What was proved of the C_G of a layer before, by the groups: rows of compare ask for the same. */
const provedGroups = new WeakMap<LayerTrace, Map<string, number>>();

function leastGroupReplication(
  layer: LayerTrace,
  { numExperts, effort, shape }: { numExperts: number; effort: number; shape: GroupShape },
): number {
  const key = `${numExperts} experts, ${shape.numGroups} groups of ${shape.slotsPerGroup}, effort ${effort}`;
  const proved = provedGroups.get(layer) ?? new Map<string, number>();
  provedGroups.set(layer, proved);
  const topK = layer.experts.length / layer.numTokens;
  const known =
    proved.get(key) ?? boundGroupReplication(collectPatterns(layer, { topK, numExperts }), shape, effort);
  proved.set(key, known);
  return known;
}

/** Time of one step of layers with such traffic, in nanoseconds. */
export function timeOfTraffic(
  traffic: readonly LayerTraffic[],
  machine: Machine,
  configuration?: ConfigurationName,
): number {
  return stepMakespanNs(traffic, scheduleOptions(machine, configuration));
}

/** How a step in a configuration is scheduled on a machine. */
export function scheduleOptions(
  machine: Machine,
  configuration: ConfigurationName = DEFAULT_CONFIGURATION,
): ScheduleOptions {
  return { ...machine, configuration: STEP_CONFIGURATIONS[configuration] };
}
