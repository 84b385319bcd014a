/** One exchange between GPUs as the kernels of a transport take it: docs/gpu-model.md says which stands for which. */
import type { BothWays, GpuKernels } from "../hardware/kernels.js";
import type { Workload } from "../hardware/workload.js";
import { collectiveNs, copyNs, lowLatencyNs, networkNs } from "./collective.js";
import type { ExchangeVolumes } from "./gpu-volumes.js";

/** Compute units that normal kernels take on any number of servers. Source: DeepEP's own tests. */
const NORMAL_UNITS = 24;

/** What one exchange of a layer is, besides the volumes of its GPUs. */
export interface Setting {
  readonly kernels: GpuKernels;
  readonly workload: Workload;
  readonly way: keyof BothWays<unknown>;
  readonly bytesPerCopy: number;
  /** Of one GPU. */
  readonly tokens: number;
  readonly numGpus: number;
  readonly gpusPerServer: number;
  /** Chosen experts of a token, and experts of the layer with their replicas. */
  readonly topK: number;
  readonly numExperts: number;
}

export type Settings = Readonly<Record<keyof BothWays<unknown>, Setting>>;

/** Time of one exchange on a GPU; none where there is no other GPU. */
export function exchangeNs(
  setting: Setting,
  { copies, inside, network }: ExchangeVolumes,
  gpu: number,
): number {
  return exchangeOfCopies(setting, { copies: copies[gpu], inside: inside[gpu], network: network[gpu] });
}

/** @param volumes Those of the GPU. */
export function exchangeOfCopies(
  setting: Setting,
  { copies, inside, network }: Record<"copies" | "inside" | "network", number>,
): number {
  const { kernels, workload, way, bytesPerCopy, tokens, numGpus, gpusPerServer } = setting;
  if (numGpus === 1) return 0;
  const { computeUnits, overlapSlowdown, fabric } = kernels;
  if (workload.transport === "per-expert") {
    const { topK, numExperts } = setting;
    // Low-latency kernels leave the compute units alone while copies travel.
    return lowLatencyNs(kernels.lowLatency[way], {
      tokens,
      bytesPerCopy,
      numGpus,
      topK,
      numExperts,
      gpusPerServer,
      computeUnits,
      copies: Math.max(tokens * topK, inside + network),
      linkCopies: inside,
      networkCopies: network,
    });
  }
  if (workload.transport === "all-gather") return overlapSlowdown * gatherNs(setting);
  if (numGpus > gpusPerServer) {
    const ns = networkNs(kernels.acrossServers[way], {
      tokens,
      bytesPerCopy,
      numGpus,
      networkCopies: network,
      forwardedCopies: inside,
      computeUnits: NORMAL_UNITS,
    });
    return overlapSlowdown * ns;
  }
  // A fabric's own kernels were measured on 4 GPUs and on 32: others on few would make 8 GPUs slower than 16.
  const kernel = fabric?.oneSided[way] ?? kernels.normal[way];
  return overlapSlowdown * copyNs(kernel, { tokens, bytesPerCopy, numGpus, copies });
}

/** Every token to every GPU, and the sum of all results back; over the network each server gets a token once. */
function gatherNs({ kernels, way, bytesPerCopy, tokens, numGpus, gpusPerServer }: Setting): number {
  const { allGather, reduceScatter } = kernels.collectives;
  const bytes = tokens * numGpus * bytesPerCopy;
  const networkBytes = (bytes * (1 - gpusPerServer / numGpus)) / gpusPerServer;
  return Math.max(
    collectiveNs(way === "dispatch" ? allGather : reduceScatter, bytes, numGpus),
    networkBytes / kernels.adapterBytesPerNs,
  );
}
