import { groupOfChiplet } from "../placement/chiplet-group.js";
import { InputError } from "../errors.js";
import { withChiplets, type Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import type { DispatchModel } from "../placement/dispatch.js";
import type { Chiplets, Placement } from "../placement/placement.js";
import {
  countServerTraffic,
  meanServerTraffic,
  type ServerTraffic,
  type TokenCopies,
} from "../placement/server-traffic.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { layerEnergy, staticPj } from "../performance/energy.js";
import { crossings, linkLoads } from "../performance/link-loads.js";
import { outsideLayersNs } from "../performance/outside-layers.js";
import { wireBytes } from "../performance/piece.js";
import type { Machine } from "../hardware/machine.js";
import type { Phase, Transport, Workload } from "../hardware/workload.js";
import { sharesCopies } from "../performance/workload.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import {
  DEFAULT_CONFIGURATION,
  scheduledWorkload,
  STEP_CONFIGURATIONS,
  stepMakespanNs,
  type ConfigurationName,
  type ScheduleOptions,
} from "../schedule/schedule-step.js";
import { stepBoundNs } from "../schedule/step-bound.js";
import { collectPatterns, type TokenPatterns } from "../trace/token-patterns.js";
import { largest, sum } from "../statistics.js";

/** Metrics of a placement, of one layer or the mean of layers. Less is better for every one. */
export interface Metrics {
  /** Mean distinct chiplets per token, C_T. */
  readonly tokenReplication: number;
  /** Mean distinct chiplet groups per token, C_G. */
  readonly groupReplication: number;
  /** Largest load of a chiplet over the mean load. */
  readonly loadMaxOverMean: number;
  /** Largest load of a chiplet group over the mean load. */
  readonly groupLoadMaxOverMean: number;
  /** Bytes and time, where the model's shape is known. */
  readonly modelled?: ModelledMetrics;
  /** Copies between servers and inside them, where tokens start on every GPU. */
  readonly servers?: ServerMetrics;
}

/** Traffic among GPUs in servers; bytes of dispatch and combine where the model's shape is known. */
export interface ServerMetrics extends ServerTraffic {
  /** Forwarded inside a server where the machine has multicast, else direct. */
  readonly bytesPerToken?: TokenCopies;
}

/** What the performance model says of a layer in one step. */
export interface ModelledMetrics {
  /** Dispatch and combine of one token over the root links, one copy for every distinct chiplet. */
  readonly rootLinkBytesPerToken: number;
  /** The same with one copy for every distinct chiplet group. */
  readonly rootLinkMulticastBytesPerToken: number;
  /** Dispatch and combine of one token over the chiplet links. */
  readonly chipletLinkBytesPerToken: number;
  /** Energy of the layer, without what is drawn whatever happens. */
  readonly dynamicPj: number;
  /** Makespan of the layer alone, where asked for: what `moeplace schedule` prints of it. */
  readonly scheduledLayerNs?: number;
}

export interface LayerMetrics extends Metrics {
  readonly layer: number;
  readonly tokens: number;
}

/** Time and energy of one step of all layers of a trace. */
export interface StepMetrics {
  readonly workload: Workload;
  /** How the step is run. */
  readonly configuration: ConfigurationName;
  /** Makespan of its schedule: what `moeplace schedule` prints. */
  readonly stepNs: number;
  /** Proved: no placement without replicas of the same problem takes less; null where nothing is proved. */
  readonly atLeastNs: number | null;
  readonly stepPj: number;
  /** Of the whole model, a chiplet: were all its MoE layers as those given in the mean, and with all its other layers. */
  readonly tokensPerSecond: number;
}

/** Time of one step of all layers given, with how it was told: the shape it has in every JSON document. */
export interface StepTime {
  readonly workload: Phase;
  readonly transport: Transport;
  readonly configuration: ConfigurationName;
  /** On the tokens a placement was made from. */
  readonly learnedNs: number;
  /** On the tokens held out; null where there are none. */
  readonly heldOutNs: number | null;
  /** Proved for every placement under the same problem; null where nothing is proved. */
  readonly atLeastNs: number | null;
}

/** Every metric of a placement on a trace. */
export interface Evaluation {
  readonly mean: Metrics;
  readonly layers: readonly LayerMetrics[];
  /** Where the model's shape is known. */
  readonly step?: StepMetrics;
}

/** The machine and model to evaluate on. */
export interface EvaluationOptions {
  readonly chipletsPerGroup: number;
  /** Which replica of an expert a token uses, where there are several; default as the placement says, or else as `defaultDispatch` has it. */
  readonly dispatch?: DispatchModel;
  /** With as many chiplets as the placement has; bytes, time and energy are left out without it. */
  readonly machine?: Machine;
  /** Where tokens start; default as on the machine, at the root without one. */
  readonly tokensStart?: Hardware["tokensStart"];
  /** Default {@link DEFAULT_CONFIGURATION}. */
  readonly configuration?: ConfigurationName;
  /** Whether to schedule every layer too, which takes milliseconds a layer; default false. */
  readonly scheduled?: boolean;
  /** What is proved of C_T on these tokens, by layer; a time is proved from it, and none without. */
  readonly bounds?: ReadonlyMap<number, number>;
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
  const layers = placedLayers(trace, placement).map(({ patterns, chiplets, layer, tokens }): LayerMetrics => {
    const counted = countTraffic(patterns, chiplets, {
      dispatch: placement.dispatch ?? defaultDispatch({ tokensStart: tokensStart ?? "root" }),
      ...options,
    });
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
        ? leastStepNs(trace, traffic, { ...sized, machine, bounds: options.bounds })
        : null,
      stepPj: dynamicPj + staticPj(machine.hardware, stepNs),
      tokensPerSecond: workload.tokensPerChiplet / (modelNs / 1e9),
    },
  };
}

/** A time that no placement is below, proved from the least C_T of every layer; null where experts have replicas. */
function leastStepNs(
  { numExperts, layers }: RoutingTrace,
  traffic: readonly LayerTraffic[],
  {
    machine,
    bounds,
    configuration,
  }: EvaluationOptions & { machine: Machine; bounds: ReadonlyMap<number, number> },
): number | null {
  const { hardware } = machine;
  const hasReplicas = traffic.some(({ expertLoad }) => expertLoad.flat().length > numExperts);
  if (hasReplicas || hardware.numGroups * hardware.chipletsPerGroup !== traffic[0].numChiplets) return null;
  return stepBoundNs(
    traffic.map((counted, index) => ({
      traffic: counted,
      tokenReplication: bounds.get(layers[index].layer) ?? 1,
    })),
    scheduleOptions(machine, configuration),
  );
}

function sizedFor(
  { numChiplets }: Placement,
  machine: Machine,
  { chipletsPerGroup }: EvaluationOptions,
): Machine {
  const numGroups = numChiplets / chipletsPerGroup;
  return { ...machine, hardware: withChiplets(machine.hardware, { numChiplets, numGroups }) };
}

/**
 * Time of one step of all layers of a trace under a placement, in nanoseconds: the one that every command shows.
 *
 * It is the makespan of the step's schedule, so `moeplace schedule` prints it too. Milliseconds a layer.
 *
 * @throws InputError as {@link evaluatePlacement} does, or if the placement is for other chiplets than the machine has.
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
  learned: Evaluation;
  heldOut?: Evaluation;
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

function timeOfTraffic(
  traffic: readonly LayerTraffic[],
  machine: Machine,
  configuration?: ConfigurationName,
): number {
  return stepMakespanNs(traffic, scheduleOptions(machine, configuration));
}

function scheduleOptions(
  machine: Machine,
  configuration: ConfigurationName = DEFAULT_CONFIGURATION,
): ScheduleOptions {
  return { ...machine, configuration: STEP_CONFIGURATIONS[configuration] };
}

/** Every layer of a trace with its chiplets. */
function placedLayers(
  trace: RoutingTrace,
  placement: Placement,
): { layer: number; tokens: number; patterns: TokenPatterns; chiplets: Chiplets }[] {
  if (trace.numExperts !== placement.numExperts) {
    throw new InputError(
      `placement: found ${placement.numExperts} experts, expected ${trace.numExperts} as in the trace`,
    );
  }
  const chipletsOf = new Map<number, Chiplets>(
    placement.layers.map(({ layer, chiplets }) => [layer, chiplets]),
  );
  return trace.layers.map((current) => {
    const chiplets = chipletsOf.get(current.layer);
    if (chiplets === undefined) {
      throw new InputError(`placement: found no layer ${current.layer}, expected every layer of the trace`);
    }
    const { layer, numTokens } = current;
    return { layer, tokens: numTokens, patterns: collectPatterns(current, trace), chiplets };
  });
}

/** Metrics of one layer's traffic. */
export function evaluateTraffic(traffic: LayerTraffic, options: EvaluationOptions): Metrics {
  const { numTokens, chipletTokens, groupTokens, chipletLoad, chipletsPerGroup } = traffic;
  const groupLoad = new Float64Array(groupTokens.length);
  chipletLoad.forEach((load, chiplet) => {
    groupLoad[groupOfChiplet(chiplet, chipletsPerGroup)] += load;
  });
  return {
    tokenReplication: sum(chipletTokens) / numTokens,
    groupReplication: sum(groupTokens) / numTokens,
    loadMaxOverMean: maxOverMean(chipletLoad),
    groupLoadMaxOverMean: maxOverMean(groupLoad),
    ...(options.machine && { modelled: modelTraffic(traffic, options.machine, options) }),
  };
}

function modelTraffic(traffic: LayerTraffic, machine: Machine, options: EvaluationOptions): ModelledMetrics {
  const { hardware, shape } = machine;
  const workload = scheduledWorkload(scheduleOptions(machine, options.configuration));
  const { transport } = workload;
  const isShared = sharesCopies(workload);
  const plain = crossings(linkLoads(traffic, hardware, isShared ? "per-chiplet" : transport));
  const multicast = crossings(linkLoads(traffic, hardware, isShared ? "per-group" : transport));
  const bytesOf = (crossed: number) => (crossed * bothWaysBytes(shape, workload)) / traffic.numTokens;
  return {
    rootLinkBytesPerToken: bytesOf(plain.root),
    rootLinkMulticastBytesPerToken: bytesOf(multicast.root),
    chipletLinkBytesPerToken: bytesOf(plain.chiplet),
    dynamicPj: layerEnergy(traffic, machine, workload).totalPj,
    ...(options.scheduled && { scheduledLayerNs: timeOfTraffic([traffic], machine, options.configuration) }),
  };
}

/** Bytes of a token at dispatch and of its result at combine, one copy each. */
function bothWaysBytes(shape: ModelShape, { formats }: Workload): number {
  return wireBytes(shape, formats.dispatch) + wireBytes(shape, formats.combine);
}

function withBytes(servers: ServerTraffic, { machine, configuration }: EvaluationOptions): ServerMetrics {
  if (machine === undefined) return servers;
  const { hardware, shape } = machine;
  const copies = hardware.multicast ? servers.forwarded : servers.direct;
  const bytes = bothWaysBytes(shape, scheduledWorkload(scheduleOptions(machine, configuration)));
  return {
    ...servers,
    bytesPerToken: {
      betweenServers: bytes * copies.betweenServers,
      insideServers: bytes * copies.insideServers,
    },
  };
}

function meanOf(layers: readonly LayerMetrics[], options: EvaluationOptions): Metrics {
  const mean = (pick: (metrics: LayerMetrics) => number) => sum(layers.map(pick)) / layers.length;
  const modelled = layers.flatMap((layer) => layer.modelled ?? []);
  const servers = layers.flatMap((layer) => layer.servers ?? []);
  const meanModelled = (pick: (metrics: ModelledMetrics) => number) =>
    sum(modelled.map(pick)) / modelled.length;
  return {
    tokenReplication: mean((layer) => layer.tokenReplication),
    groupReplication: mean((layer) => layer.groupReplication),
    loadMaxOverMean: mean((layer) => layer.loadMaxOverMean),
    groupLoadMaxOverMean: mean((layer) => layer.groupLoadMaxOverMean),
    ...(modelled.length > 0 && {
      modelled: {
        rootLinkBytesPerToken: meanModelled((layer) => layer.rootLinkBytesPerToken),
        rootLinkMulticastBytesPerToken: meanModelled((layer) => layer.rootLinkMulticastBytesPerToken),
        chipletLinkBytesPerToken: meanModelled((layer) => layer.chipletLinkBytesPerToken),
        dynamicPj: meanModelled((layer) => layer.dynamicPj),
        ...(options.scheduled && {
          scheduledLayerNs: meanModelled((layer) => layer.scheduledLayerNs ?? NaN),
        }),
      },
    }),
    ...(servers.length > 0 && { servers: withBytes(meanServerTraffic(servers), options) }),
  };
}

function maxOverMean(loads: Float64Array): number {
  return (largest(loads, 0) * loads.length) / sum(loads);
}
