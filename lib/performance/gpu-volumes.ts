import type { Hardware } from "../hardware/hardware.js";
import type { Transport, Workload } from "../hardware/workload.js";
import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { sum } from "../statistics.js";

/**
 * What every GPU sends or receives in one exchange, whichever is more of each; tokens start on every GPU equally often.
 * Shapes [numGpus].
 */
export interface GpuVolumes {
  /** Copies that its own experts are asked, wherever they come from. */
  readonly own: Float64Array;
  /** Copies to or from other GPUs. */
  readonly copies: Float64Array;
  /** Of them, over the links of its server (or of a fabric that joins all); where copies are forwarded, those as well. */
  readonly inside: Float64Array;
  /** Copies through its own network adapter. */
  readonly network: Float64Array;
}

/** What an exchange takes its time by. */
export type ExchangeVolumes = Omit<GpuVolumes, "own">;

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
 * @param options.scale Tokens that are sent for each token of the traffic.
 * @param options.into Where they are written; default room of their own.
 */
export function gpuVolumes(
  traffic: LayerTraffic,
  hardware: Hardware,
  { transport, scale, into }: { transport: Transport; scale: number; into?: ExchangeVolumes | undefined },
): GpuVolumes {
  const numGpus = traffic.numChiplets;
  const perServer = gpusWithoutNetwork(hardware);
  const visits = transport === "per-expert" ? traffic.chipletLoad : traffic.chipletTokens;
  const total = sum(visits);
  const ofServer = new Float64Array(Math.ceil(numGpus / perServer));
  for (let gpu = 0; gpu < numGpus; gpu++) ofServer[groupOfChiplet(gpu, perServer)] += visits[gpu];
  const serverVisits = sum(traffic.groupTokens);
  const numServers = traffic.groupTokens.length;
  const { copies, inside, network } = into ?? emptyVolumes(numGpus);
  for (let gpu = 0; gpu < numGpus; gpu++) {
    const own = visits[gpu];
    const server = groupOfChiplet(gpu, perServer);
    copies[gpu] = scale * Math.max(own * (1 - 1 / numGpus), (total - own) / numGpus);
    if (transport === "per-group") {
      const visited = traffic.groupTokens[server];
      const adapters = Math.max(visited * (1 - 1 / numServers), (serverVisits - visited) / numServers);
      network[gpu] = (scale * adapters) / perServer;
      inside[gpu] = scale * Math.max(own * (1 - 1 / perServer), (ofServer[server] - own) / perServer);
    } else {
      inside[gpu] = (scale * Math.max(own * (perServer - 1), ofServer[server] - own)) / numGpus;
      network[gpu] = scale * Math.max(own * (1 - perServer / numGpus), (total - ofServer[server]) / numGpus);
    }
  }
  return { own: visits, copies, inside, network };
}

/** Room for the volumes of so many GPUs. */
export function emptyVolumes(numGpus: number): ExchangeVolumes {
  const room = () => new Float64Array(numGpus);
  return { copies: room(), inside: room(), network: room() };
}

/**
 * What a GPU sends or receives at least that such copies visit: each comes from every GPU equally often. Shapes [1].
 *
 * Copies that the adapters of a server forward are left out.
 */
export function receivedVolumes(
  visits: number,
  hardware: Hardware,
  { transport }: Pick<Workload, "transport">,
): ExchangeVolumes {
  const numGpus = hardware.numGroups * hardware.chipletsPerGroup;
  const perServer = gpusWithoutNetwork(hardware);
  const one = (copies: number) => new Float64Array(1).fill(copies);
  const inside = transport === "per-group" ? 1 - 1 / perServer : (perServer - 1) / numGpus;
  return {
    copies: one(visits * (1 - 1 / numGpus)),
    inside: one(visits * inside),
    network: one(transport === "per-group" ? 0 : visits * (1 - perServer / numGpus)),
  };
}
