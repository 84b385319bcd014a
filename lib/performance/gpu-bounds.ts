/** What the stages of a layer take at least on GPUs, whatever the placement. */
import type { BothWays, GpuKernels } from "../hardware/kernels.js";
import { sum } from "../statistics.js";
import { exchangeNs, type Setting } from "./gpu-exchange.js";
import { prepareGpus, type GpuMachine, type GpuStages } from "./gpu-stages.js";
import { receivedVolumes, type ExchangeVolumes } from "./gpu-volumes.js";
import type { Piece } from "./piece.js";
import type { EvenTraffic } from "./replicated-experts.js";

/**
 * Times whose means over all GPUs no placement undercuts that has as many replicas, of {@link createGpuTimer}.
 *
 * Experts: what each adds is the same wherever it is, and the host beside them is convex in their sum, so the mean is least
 * where all GPUs have the mean (Jensen). Exchanges: a GPU sends its own tokens whatever it receives, so with one copy a
 * GPU, and by the adapters with one copy a server, no GPU takes less than with even traffic. Elsewhere times are convex in
 * volumes, whose means are no less than with even traffic, once exponents below 1 of low-latency kernels, which make them concave, are
 * raised to 1, which makes them shorter. Of replicas nobody knows which experts have them: see {@link leastReplicatedNs}.
 *
 * @param even Loads of experts are those of some placement, all else is even with the fewest copies there can be.
 */
export function leastGpuStages(even: EvenTraffic, machine: GpuMachine, piece: Piece): GpuStages | undefined {
  const prepared = prepareGpus(machine, piece);
  if (prepared === undefined) return undefined;
  const { scale, settings, volumes } = prepared.exchange(even);
  const everywhere = (ns: number) => new Float64Array(even.numChiplets).fill(ns);
  const expertsNs =
    even.replicated === undefined
      ? sum(even.expertLoad.flat().map((load) => prepared.expertNs(load * scale)))
      : prepared.leastReplicatedNs(even, even.replicated, scale);
  return {
    dispatchNs: everywhere(leastExchangeNs(settings.dispatch, volumes)),
    combineNs: everywhere(leastExchangeNs(settings.combine, volumes)),
    expertsNs: everywhere(
      prepared.hostedNs(expertsNs / even.numChiplets, prepared.arriving(even)[0] * scale),
    ),
  };
}

/**
 * What some GPU takes at least in any placement with as many replicas, each of the answers of one GPU:
 *
 * - that whose experts take longest has no less to compute than the mean of all, and like every GPU sends its own tokens;
 *
 * and where no expert has replicas
 *
 * - that of the busiest expert computes it, and its tokens arrive there;
 * - of any k GPUs + 1 experts some GPU has k + 1, and so no less than the k + 1 least of them;
 * - with them it has experts enough that the others have room for the rest, no less than the least of all.
 *
 * @param even As in {@link leastGpuStages}.
 * @param slotsPerChiplet Most experts of a GPU.
 * @returns None where no kernels of the machine are known.
 */
export function hottestGpuStages(
  even: EvenTraffic,
  machine: GpuMachine,
  { slotsPerChiplet, ...piece }: Piece & { readonly slotsPerChiplet: number },
): GpuStages[] {
  const prepared = prepareGpus(machine, piece);
  const least = leastGpuStages(even, machine, piece);
  if (prepared === undefined || least === undefined) return [];
  const { scale, settings, volumes } = prepared.exchange(even);
  const everywhere = (ns: number) => new Float64Array(even.numChiplets).fill(ns);
  const own = (way: keyof BothWays<unknown>) => anyExchangeNs(settings[way], volumes);
  const longest = {
    dispatchNs: everywhere(own("dispatch")),
    combineNs: everywhere(own("combine")),
    expertsNs: least.expertsNs,
  };
  if (even.replicated !== undefined) return [longest];
  const busiestFirst = even.expertLoad.flat().sort((a, b) => b - a);
  const fewest = busiestFirst.length - (even.numChiplets - 1) * slotsPerChiplet;
  const together: GpuStages[] = [];
  for (let last = 0, held = 1; last < busiestFirst.length; last += even.numChiplets, held++) {
    const loads = busiestFirst.slice(last + 1 - held, last + 1);
    const missing = Math.max(0, fewest - held);
    const company = busiestFirst.slice(Math.max(last + 1, busiestFirst.length - missing));
    // A token that chose several of them may be one copy, and is sorted once.
    const visits = piece.workload.transport === "per-expert" ? sum([...loads, ...company]) : loads[0];
    const received = receivedVolumes(visits * scale, machine.hardware, piece.workload);
    const exchange = (way: keyof BothWays<unknown>) =>
      everywhere(Math.max(own(way), atLeastNs(settings[way], volumes, received)));
    const expertsNs = sum([...loads, ...company].map((load) => prepared.expertNs(load * scale)));
    const arriving = piece.workload.transport === "per-expert" ? 0 : loads[0] * scale;
    together.push({
      dispatchNs: exchange("dispatch"),
      combineNs: exchange("combine"),
      expertsNs: everywhere(prepared.hostedNs(expertsNs, arriving)),
    });
  }
  return [longest, ...together];
}

/** What an exchange takes in the mean at least, from the volumes of even traffic. */
function leastExchangeNs(setting: Setting, volumes: ExchangeVolumes): number {
  const { kernels, workload, way, numGpus, gpusPerServer } = setting;
  if (numGpus <= gpusPerServer || workload.transport !== "per-expert") return exchangeNs(setting, volumes, 0);
  const low = kernels.lowLatency[way];
  const convex: GpuKernels = {
    ...kernels,
    lowLatency: {
      ...kernels.lowLatency,
      [way]: { ...low, networkOverlap: Math.max(1, low.networkOverlap) },
    },
  };
  return exchangeNs({ ...setting, kernels: convex }, volumes, 0);
}

/** What an exchange takes any GPU at least: by what it sends itself, where that does not hang on its server. */
function anyExchangeNs(setting: Setting, volumes: ExchangeVolumes): number {
  const { workload, numGpus, gpusPerServer } = setting;
  const none = new Float64Array(1);
  if (numGpus <= gpusPerServer || workload.transport === "all-gather") {
    return exchangeNs(setting, volumes, 0);
  }
  const network = workload.transport === "per-group" ? volumes.network : none;
  return exchangeNs(setting, { copies: none, inside: none, network }, 0);
}

/** What an exchange takes the GPU at least that receives such copies, and by the adapters its share of what all servers do. */
function atLeastNs(setting: Setting, even: ExchangeVolumes, received: ExchangeVolumes): number {
  const { workload, numGpus, gpusPerServer } = setting;
  if (workload.transport === "all-gather") return exchangeNs(setting, even, 0);
  if (workload.transport !== "per-group" || numGpus <= gpusPerServer) return exchangeNs(setting, received, 0);
  // Every adapter sends no less than with even traffic.
  return exchangeNs(setting, { ...received, network: even.network }, 0);
}
