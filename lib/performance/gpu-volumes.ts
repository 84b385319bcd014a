import type { Hardware } from "../hardware/hardware.js";
import type { Transport } from "../hardware/workload.js";
import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { sum } from "../statistics.js";

/**
 * What one GPU sends or receives in one exchange, whichever is more of each; tokens start on every GPU equally often.
 * Counts are of all tokens of the traffic.
 */
export interface GpuVolume {
  /** Copies to or from other GPUs. */
  readonly copies: number;
  /** Of them, over the links of its server (or of a fabric that joins all); where copies are forwarded, those as well. */
  readonly inside: number;
  /** Copies through its own network adapter. */
  readonly network: number;
}

/** GPUs that reach each other over links, without the network. */
export function gpusWithoutNetwork({ numGroups, chipletsPerGroup, kernels }: Hardware): number {
  return kernels?.fabric === undefined ? chipletsPerGroup : numGroups * chipletsPerGroup;
}

/**
 * Counts what every GPU sends and receives, by its share of the tokens and by what its own experts are asked.
 *
 * With one copy a server, the GPU of the same place in that server gets it and forwards it inside: every adapter of a
 * server carries an equal share of what the server is visited by. Time O(numChiplets).
 *
 * @returns Shape [numChiplets].
 */
export function gpuVolumes(traffic: LayerTraffic, hardware: Hardware, transport: Transport): GpuVolume[] {
  const numGpus = traffic.numChiplets;
  const perServer = gpusWithoutNetwork(hardware);
  const visits = transport === "per-expert" ? traffic.chipletLoad : traffic.chipletTokens;
  const total = sum(visits);
  const ofServer = new Float64Array(Math.ceil(numGpus / perServer));
  visits.forEach((copies, gpu) => {
    ofServer[groupOfChiplet(gpu, perServer)] += copies;
  });
  const serverVisits = sum(traffic.groupTokens);
  const numServers = traffic.groupTokens.length;
  return Array.from(visits, (own, gpu) => {
    const server = groupOfChiplet(gpu, perServer);
    const copies = Math.max(own * (1 - 1 / numGpus), (total - own) / numGpus);
    if (transport === "per-group") {
      const visited = traffic.groupTokens[server];
      return {
        copies,
        inside: Math.max(own * (1 - 1 / perServer), (ofServer[server] - own) / perServer),
        network: Math.max(visited * (1 - 1 / numServers), (serverVisits - visited) / numServers) / perServer,
      };
    }
    return {
      copies,
      inside: Math.max((own * (perServer - 1)) / numGpus, (ofServer[server] - own) / numGpus),
      network: Math.max(own * (1 - perServer / numGpus), (total - ofServer[server]) / numGpus),
    };
  });
}
