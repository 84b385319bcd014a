import type { Machine } from "../hardware/machine.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import type { Workload } from "../hardware/workload.js";
import { layerEnergy } from "../performance/energy.js";
import { crossings, linkLoads } from "../performance/link-loads.js";
import { wireBytes } from "../performance/piece.js";
import { sharesCopies } from "../performance/workload.js";
import { groupOfChiplet } from "../placement/chiplet-group.js";
import { meanServerTraffic, type ServerTraffic, type TokenCopies } from "../placement/server-traffic.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { scheduledWorkload, type ConfigurationName } from "../schedule/schedule-step.js";
import { largest, sum } from "../statistics.js";
import { scheduleOptions, timeOfTraffic } from "./step-time.js";

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

/** What the metrics of a layer are told of besides its traffic. */
export interface MetricsOptions {
  /** With as many chiplets as the placement has; bytes, time and energy are left out without it. */
  readonly machine?: Machine;
  /** Default `DEFAULT_CONFIGURATION`. */
  readonly configuration?: ConfigurationName;
  /** Whether to schedule every layer too, which takes milliseconds a layer; default false. */
  readonly scheduled?: boolean;
}

/** Metrics of one layer's traffic. */
export function evaluateTraffic(traffic: LayerTraffic, options: MetricsOptions = {}): Metrics {
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

function modelTraffic(traffic: LayerTraffic, machine: Machine, options: MetricsOptions): ModelledMetrics {
  const { hardware, shape } = machine;
  const workload = scheduledWorkload(scheduleOptions(machine, options.configuration));
  const { transport } = workload;
  const isShared = sharesCopies(workload);
  const plain = crossings(linkLoads(traffic, hardware, isShared ? "per-chiplet" : transport), hardware);
  const multicast = crossings(linkLoads(traffic, hardware, isShared ? "per-group" : transport), hardware);
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

/** Traffic among servers with the bytes it is, where the model is known. */
export function withBytes(servers: ServerTraffic, { machine, configuration }: MetricsOptions): ServerMetrics {
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

/** The mean of the metrics of layers. */
export function meanOf(layers: readonly LayerMetrics[], options: MetricsOptions): Metrics {
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
