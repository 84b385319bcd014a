/** What the stages of a layer take at least on GPUs, whatever the placement. */
import type { BothWays, GpuKernels } from "../hardware/kernels.js";
import type { Peaks } from "../placement/placement.js";
import { largest, sum } from "../statistics.js";
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
  const expertsNs =
    even.replicated === undefined
      ? sum(even.expertLoad.flat().map((load) => prepared.expertNs(load * scale)))
      : prepared.leastReplicatedNs(even, even.replicated, scale);
  return alikeOnAll(even.numChiplets, {
    dispatch: leastExchangeNs(settings.dispatch, volumes),
    combine: leastExchangeNs(settings.combine, volumes),
    experts: prepared.hostedNs(expertsNs / even.numChiplets, prepared.arriving(even)[0] * scale),
  });
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
  const own = (way: keyof BothWays<unknown>) => anyExchangeNs(settings[way], volumes);
  const longest = alikeOnAll(even.numChiplets, {
    dispatch: own("dispatch"),
    combine: own("combine"),
    experts: least.expertsNs[0],
  });
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
      Math.max(own(way), atLeastNs(settings[way], volumes, received));
    const expertsNs = sum([...loads, ...company].map((load) => prepared.expertNs(load * scale)));
    const arriving = piece.workload.transport === "per-expert" ? 0 : loads[0] * scale;
    const experts = prepared.hostedNs(expertsNs, arriving);
    together.push(
      alikeOnAll(even.numChiplets, { dispatch: exchange("dispatch"), combine: exchange("combine"), experts }),
    );
  }
  return [longest, ...together];
}

/**
 * What two GPUs take at least where peaks are known: the one that serves most, and the one that is visited by most tokens, which may be
 * the same; where tokens are sent one copy a GPU, or a server, and no expert has replicas.
 *
 * @param even As in {@link leastGpuStages}.
 * @param slotsPerChiplet Most experts of a GPU.
 * @returns None where no kernels of the machine are known.
 */
export function peakGpuStages(
  even: EvenTraffic,
  machine: GpuMachine,
  { slotsPerChiplet, peaks, ...piece }: Piece & { readonly slotsPerChiplet: number; readonly peaks: Peaks },
): GpuStages[] {
  const prepared = prepareGpus(machine, piece);
  if (prepared === undefined) return [];
  const { scale, settings, volumes } = prepared.exchange(even);
  const loads = even.expertLoad.flat();
  const topK = sum(loads) / even.numTokens;
  const times = loads.map((load) => prepared.expertNs(load * scale));
  const room = {
    fewest: Math.max(0, loads.length - (even.numChiplets - 1) * slotsPerChiplet),
    most: Math.min(loads.length, slotsPerChiplet),
  };
  const stagesOf = (load: number, tokens: number): GpuStages => {
    const received = receivedVolumes(tokens * scale, machine.hardware, piece.workload);
    const exchange = (way: keyof BothWays<unknown>) =>
      Math.max(anyExchangeNs(settings[way], volumes), atLeastNs(settings[way], volumes, received));
    const expertsNs = leastSumOf(times, loads, { atLeast: load, ...room });
    const experts = prepared.hostedNs(expertsNs, tokens * scale);
    return alikeOnAll(even.numChiplets, {
      dispatch: exchange("dispatch"),
      combine: exchange("combine"),
      experts,
    });
  };
  const [served, visits] = [peaks.load * even.numTokens, peaks.tokens * even.numTokens];
  // A token has no more choices on a GPU than it has experts; one that visits has at least one.
  return [stagesOf(served, served / Math.max(1, Math.min(topK, room.most))), stagesOf(visits, visits)];
}

/** Stages of as many GPUs that all take as long, in ns. */
function alikeOnAll(numGpus: number, ns: Record<"dispatch" | "combine" | "experts", number>): GpuStages {
  const everywhere = (value: number) => new Float64Array(numGpus).fill(value);
  return {
    dispatchNs: everywhere(ns.dispatch),
    combineNs: everywhere(ns.combine),
    expertsNs: everywhere(ns.experts),
  };
}

/**
 * The least sum of times, or below, of between `fewest` and `most` experts whose loads add up to so much: by a Lagrangian relaxation, which holds
 * for every price of load.
 */
function leastSumOf(
  times: readonly number[],
  loads: readonly number[],
  { atLeast, fewest, most }: { atLeast: number; fewest: number; most: number },
): number {
  const at = (price: number) => {
    const left = times.map((time, expert) => time - price * loads[expert]).sort((a, b) => a - b);
    return price * atLeast + sum(left.slice(0, most).filter((value, rank) => rank < fewest || value < 0));
  };
  // Concave in the price, which is at most that of the expert whose load costs most.
  let [low, high] = [
    0,
    largest(
      times.flatMap((time, expert) => (loads[expert] > 0 ? [time / loads[expert]] : [])),
      0,
    ),
  ];
  for (let step = 0; step < PRICE_STEPS; step++) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (at(a) < at(b)) low = a;
    else high = b;
  }
  return Math.max(0, at((low + high) / 2));
}

/** Thirds that the range of prices is narrowed by: to a thousandth. */
const PRICE_STEPS = 18;

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
