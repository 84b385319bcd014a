import { InputError } from "../errors.js";
import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import type { DispatchModel } from "../placement/dispatch.js";
import type { Chiplets, Placement } from "../placement/placement.js";
import {
  countServerTraffic,
  meanServerTraffic,
  type ServerTraffic,
  type TokenCopies,
} from "../placement/server-traffic.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { layerEnergy } from "../performance/energy.js";
import { crossings, linkLoads } from "../performance/link-loads.js";
import { DEFAULT_BATCH, type Batch } from "../performance/stages.js";
import { layerTime, type Configuration } from "../performance/step.js";
import { formatBytes } from "../performance/systolic.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { OVERLAPS } from "../schedule/overlap.js";
import { scheduleLayer } from "../schedule/schedule-step.js";
import { collectPatterns } from "../trace/token-patterns.js";

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
  /** In closed form. */
  readonly layerNs: number;
  readonly layerPj: number;
  /** Makespan of the layer's schedule, where asked for: what `moeplace schedule --configuration C --layer N` prints. */
  readonly scheduledLayerNs?: number;
}

export interface LayerMetrics extends Metrics {
  readonly layer: number;
  readonly tokens: number;
}

/** Every metric of a placement on a trace. */
export interface Evaluation {
  readonly mean: Metrics;
  readonly layers: readonly LayerMetrics[];
  /** Time and energy of a step: the mean MoE layer times the model's MoE layers. */
  readonly step?: { readonly stepNs: number; readonly stepPj: number };
}

/** The machine and model to evaluate on. */
export interface EvaluationOptions {
  readonly chipletsPerGroup: number;
  /** Which copy of an expert a token uses, where there are several; default as the placement says, or else nearest. */
  readonly dispatch?: DispatchModel;
  /** Bytes, time and energy are left out without it. */
  readonly machine?: { readonly hardware: Hardware; readonly shape: ModelShape };
  /** Where tokens start; default as on the machine, at the root without one. */
  readonly tokensStart?: Hardware["tokensStart"];
  /** Default {@link DEFAULT_BATCH}. */
  readonly batch?: Batch;
  /** Default overlapped, one copy per chiplet, multicast where the machine has it. */
  readonly configuration?: Configuration;
  /** Whether a step is a training step; default true. */
  readonly training?: boolean;
  /** Whether to schedule every layer too, which takes milliseconds a layer; default false. */
  readonly scheduled?: boolean;
}

/**
 * Evaluates a placement on a trace, layer by layer and in the mean over layers.
 *
 * @throws InputError if a layer of the trace is not in the placement, or their experts differ in number.
 *
 * @example
 * evaluatePlacement(trace, placement, { chipletsPerGroup: 4 }).mean.tokenReplication; // 4.02
 */
export function evaluatePlacement(
  trace: RoutingTrace,
  placement: Placement,
  options: EvaluationOptions,
): Evaluation {
  if (trace.numExperts !== placement.numExperts) {
    throw new InputError(
      `placement: found ${placement.numExperts} experts, expected ${trace.numExperts} as in the trace`,
    );
  }
  const chipletsOf = new Map<number, Chiplets>(
    placement.layers.map(({ layer, chiplets }) => [layer, chiplets]),
  );
  const layers = trace.layers.map((current): LayerMetrics => {
    const chiplets = chipletsOf.get(current.layer);
    if (chiplets === undefined) {
      throw new InputError(`placement: found no layer ${current.layer}, expected every layer of the trace`);
    }
    const patterns = collectPatterns(current, trace);
    const traffic = countTraffic(patterns, chiplets, { dispatch: placement.dispatch, ...options });
    const { machine, tokensStart = machine?.hardware.tokensStart } = options;
    return {
      layer: current.layer,
      tokens: current.numTokens,
      ...evaluateTraffic(traffic, options),
      ...(tokensStart === "everywhere" && {
        servers: withBytes(countServerTraffic(patterns, chiplets, traffic), options),
      }),
    };
  });
  const mean = meanOf(layers, options);
  const { machine } = options;
  if (machine === undefined || mean.modelled === undefined) return { mean, layers };
  const { numMoeLayers } = machine.shape;
  return {
    mean,
    layers,
    step: {
      stepNs: mean.modelled.layerNs * numMoeLayers,
      stepPj: mean.modelled.layerPj * numMoeLayers,
    },
  };
}

/** Metrics of one layer's traffic. */
export function evaluateTraffic(traffic: LayerTraffic, options: EvaluationOptions): Metrics {
  const { numTokens, chipletTokens, groupTokens, chipletLoad, chipletsPerGroup } = traffic;
  const groupLoad = new Float64Array(groupTokens.length);
  chipletLoad.forEach((load, chiplet) => {
    groupLoad[Math.floor(chiplet / chipletsPerGroup)] += load;
  });
  return {
    tokenReplication: sum(chipletTokens) / numTokens,
    groupReplication: sum(groupTokens) / numTokens,
    loadMaxOverMean: maxOverMean(chipletLoad),
    groupLoadMaxOverMean: maxOverMean(groupLoad),
    ...(options.machine && { modelled: modelTraffic(traffic, options.machine, options) }),
  };
}

function modelTraffic(
  traffic: LayerTraffic,
  machine: { hardware: Hardware; shape: ModelShape },
  { batch = DEFAULT_BATCH, configuration, training = true, scheduled = false }: EvaluationOptions,
): ModelledMetrics {
  const { hardware, shape } = machine;
  const chosen: Configuration = configuration ?? {
    overlap: true,
    transport: { copies: "per chiplet", multicast: hardware.multicast },
  };
  const { copies } = chosen.transport;
  const plain = crossings(linkLoads(traffic, hardware, { copies, multicast: false }));
  const multicast = crossings(linkLoads(traffic, hardware, { copies, multicast: true }));
  const bytesOf = (crossed: number) =>
    (2 * crossed * shape.hiddenSize * formatBytes(batch.format)) / traffic.numTokens;
  const layerNs = layerTime(traffic, machine, { batch, configuration: chosen, training }).totalNs;
  const { transport } = chosen;
  const overlap = chosen.overlap ? OVERLAPS.mozart : OVERLAPS.serial;
  return {
    rootLinkBytesPerToken: bytesOf(plain.root),
    rootLinkMulticastBytesPerToken: bytesOf(multicast.root),
    chipletLinkBytesPerToken: bytesOf(plain.chiplet),
    layerNs,
    layerPj: layerEnergy(traffic, machine, { batch, transport, training, layerNs }).totalPj,
    ...(scheduled && {
      scheduledLayerNs: scheduleLayer(traffic, {
        ...machine,
        batch,
        training,
        configuration: { overlap, transport },
      }).makespanNs,
    }),
  };
}

function withBytes(
  servers: ServerTraffic,
  { machine, batch = DEFAULT_BATCH }: EvaluationOptions,
): ServerMetrics {
  if (machine === undefined) return servers;
  const { hardware, shape } = machine;
  const copies = hardware.multicast ? servers.forwarded : servers.direct;
  const bytes = 2 * shape.hiddenSize * formatBytes(batch.format);
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
        rootLinkBytesPerToken: meanModelled((one) => one.rootLinkBytesPerToken),
        rootLinkMulticastBytesPerToken: meanModelled((one) => one.rootLinkMulticastBytesPerToken),
        chipletLinkBytesPerToken: meanModelled((one) => one.chipletLinkBytesPerToken),
        layerNs: meanModelled((one) => one.layerNs),
        layerPj: meanModelled((one) => one.layerPj),
        ...(options.scheduled && { scheduledLayerNs: meanModelled((one) => one.scheduledLayerNs ?? NaN) }),
      },
    }),
    ...(servers.length > 0 && { servers: withBytes(meanServerTraffic(servers), options) }),
  };
}

function maxOverMean(loads: Float64Array): number {
  return (loads.reduce((most, one) => Math.max(most, one), 0) * loads.length) / sum(loads);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
