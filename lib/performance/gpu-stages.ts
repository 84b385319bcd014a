/**
 * Dispatch, combine and experts of a machine of GPUs as its measured kernels take them: what `stages.ts` asks for where a
 * machine has kernels. docs/gpu-model.md says which kernel stands for which transport.
 */
import { plainNumbers } from "../hardware/constant.js";
import type { Hardware } from "../hardware/hardware.js";
import type { BothWays, ExpertKernel, GpuKernels } from "../hardware/kernels.js";
import { expertInput, type ModelShape } from "../hardware/model-shapes.js";
import { formatBytes, isNarrow } from "../hardware/number-format.js";
import type { Workload } from "../hardware/workload.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { sum } from "../statistics.js";
import { collectiveNs, copyNs, lowLatencyNs, networkNs } from "./collective.js";
import { createExpertNs, hostedNs, leastReplicatedNs } from "./expert-compute.js";
import {
  emptyVolumes,
  gpusWithoutNetwork,
  gpuVolumes,
  receivedVolumes,
  type ExchangeVolumes,
  type GpuVolumes,
} from "./gpu-volumes.js";
import { weightBytesOf, wireBytes, type Piece } from "./piece.js";
import { rememberLast, rememberSums, type PlacedFunction } from "./remember.js";
import { replicatedRows, type EvenTraffic, type ReplicatedExperts } from "./replicated-experts.js";

/** Durations of one micro-batch in one layer on every GPU. Shapes [numGpus]. */
export interface GpuStages {
  readonly dispatchNs: Float64Array;
  readonly combineNs: Float64Array;
  readonly expertsNs: Float64Array;
}

/** A machine of GPUs. */
export interface GpuMachine {
  readonly hardware: Hardware;
  readonly shape: ModelShape;
}

/** Compute units that normal kernels take on any number of servers. Source: DeepEP's own tests. */
const NORMAL_UNITS = 24;

/** Share of a GPU's compute that an exchange takes for as long as it runs beside other work; none where nothing does. */
export function unitShare({ kernels }: Hardware, { workload, besideCompute = false }: Piece): number {
  if (!besideCompute) return 0;
  const share = kernels?.unitShare?.[workload.transport === "per-expert" ? "lowLatency" : "normal"];
  return share?.value ?? 0;
}

/** What one exchange of a layer is, besides the volumes of its GPUs. */
interface Setting {
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

type Settings = Readonly<Record<keyof BothWays<unknown>, Setting>>;

/**
 * Makes a timer of what every GPU does in one layer with a micro-batch, or a piece of one; undefined where no kernels of
 * the machine are known. It remembers the times of experts by their rows, and the last times of every GPU.
 *
 * @param options.busiestAlone Whether exchanges of GPUs are 0 that another's of their server are no shorter than: all that
 *   a search asks for is the longest. The answer is overwritten by the next one. Default false.
 */
export function createGpuTimer(
  machine: GpuMachine,
  piece: Piece,
  { busiestAlone = false }: { readonly busiestAlone?: boolean } = {},
): ((traffic: LayerTraffic) => GpuStages) | undefined {
  const prepared = prepare(machine, piece);
  if (prepared === undefined) return undefined;
  const { numGpus } = prepared;
  const sumExperts = rememberSums(numGpus, prepared.expertNs);
  const hosted = rememberLast(numGpus, prepared.hostedNs);
  const exchangesOf = rememberExchanges(numGpus);
  const createRoom = () => ({
    dispatchNs: new Float64Array(numGpus),
    combineNs: new Float64Array(numGpus),
    expertsNs: new Float64Array(numGpus),
    isLess: new Uint8Array(numGpus),
    volumes: emptyVolumes(numGpus),
  });
  const room = busiestAlone ? createRoom() : undefined;
  return (traffic) => {
    const { dispatchNs, combineNs, expertsNs, isLess, volumes: into } = room ?? createRoom();
    const { scale, settings, volumes } = prepared.exchange(traffic, into);
    const { copies, inside, network } = volumes;
    const arriving = prepared.arriving(traffic);
    const { dispatch, combine } = exchangesOf(settings);
    if (busiestAlone) markDominated(isLess, volumes, settings.dispatch.gpusPerServer);
    for (let gpu = 0; gpu < numGpus; gpu++) {
      expertsNs[gpu] = hosted(gpu, sumExperts(gpu, traffic.expertLoad[gpu], scale), arriving[gpu] * scale, 0);
      const isAsked = isLess[gpu] === 0;
      dispatchNs[gpu] = isAsked ? dispatch(gpu, copies[gpu], inside[gpu], network[gpu]) : 0;
      combineNs[gpu] = isAsked ? combine(gpu, copies[gpu], inside[gpu], network[gpu]) : 0;
    }
    return { dispatchNs, combineNs, expertsNs };
  };
}

/** Remembers the last exchanges of every GPU, for as long as what they have in common is the same. */
function rememberExchanges(numGpus: number) {
  let known: Settings | undefined;
  let exchanges: Record<keyof Settings, PlacedFunction> | undefined;
  return (settings: Settings) => {
    if (exchanges !== undefined && settings === known) return exchanges;
    const remember = (setting: Setting) =>
      rememberLast(numGpus, (copies, inside, network) =>
        exchangeOfCopies(setting, { copies, inside, network }),
      );
    known = settings;
    exchanges = { dispatch: remember(settings.dispatch), combine: remember(settings.combine) };
    return exchanges;
  };
}

/**
 * Marks GPUs that have no more of anything than one of their server that is not marked, so that it takes no less. Only those
 * with most and with least of their own copies are looked at: one has most to receive, the other to send.
 */
function markDominated(
  isLess: Uint8Array,
  { copies, inside, network, own }: GpuVolumes,
  perServer: number,
): void {
  const isBelow = (gpu: number, other: number) =>
    copies[gpu] <= copies[other] && inside[gpu] <= inside[other] && network[gpu] <= network[other];
  for (let first = 0; first < copies.length; first += perServer) {
    const end = Math.min(first + perServer, copies.length);
    let [most, least] = [first, first];
    for (let gpu = first + 1; gpu < end; gpu++) {
      if (own[gpu] > own[most]) most = gpu;
      if (own[gpu] < own[least]) least = gpu;
    }
    for (let gpu = first; gpu < end; gpu++) {
      const isBelowOne = gpu !== most && (isBelow(gpu, most) || (gpu !== least && isBelow(gpu, least)));
      isLess[gpu] = Number(isBelowOne);
    }
  }
}

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
  const prepared = prepare(machine, piece);
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
  const prepared = prepare(machine, piece);
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

function prepare({ hardware, shape }: GpuMachine, { workload, tokens, besideCompute }: Piece) {
  if (hardware.kernels === undefined || hardware.tokensStart === "root") return undefined;
  const measured = plainNumbers<GpuKernels>(hardware.kernels);
  const kernels = besideCompute ? measured : { ...measured, overlapSlowdown: 1 };
  const { transport, formats } = workload;
  const kernel = expertKernel(kernels, workload);
  const hiddenSize = expertInput(shape);
  const numGpus = hardware.numGroups * hardware.chipletsPerGroup;
  const size = {
    hiddenSize,
    expertWidth: shape.expertWidth,
    bytesPerWeight: weightBytesOf(shape, workload),
    expertsPerGpu: shape.numExperts / numGpus,
  };
  const expertNs = createExpertNs(kernel, size);
  let settings: Settings | undefined;
  const settingsOf = (topK: number, numExperts: number): Settings => {
    if (settings?.dispatch.topK === topK && settings.dispatch.numExperts === numExperts) return settings;
    const setting = (way: keyof BothWays<unknown>): Setting => ({
      kernels,
      workload,
      way,
      bytesPerCopy: wireBytes(shape, formats[way]),
      tokens: tokens / numGpus,
      numGpus,
      gpusPerServer: gpusWithoutNetwork(hardware),
      topK,
      numExperts,
    });
    settings = { dispatch: setting("dispatch"), combine: setting("combine") };
    return settings;
  };
  return {
    numGpus,
    expertNs,
    leastReplicatedNs: (even: EvenTraffic, replicated: ReplicatedExperts, scale: number) =>
      leastReplicatedNs(kernel, size, replicatedRows(even, replicated, scale)),
    /** @param arriving Tokens that are sorted. */
    hostedNs: (expertsNs: number, arriving: number) =>
      hostedNs(kernel, { expertsNs, tokenBytes: hiddenSize * arriving }),
    /** Tokens that arrive at every GPU and are sorted there; with one copy an expert they arrive sorted. */
    arriving({ chipletTokens, numTokens }: LayerTraffic): Float64Array {
      if (transport === "per-expert") return new Float64Array(numGpus);
      return transport === "all-gather" ? new Float64Array(numGpus).fill(numTokens) : chipletTokens;
    },
    exchange(traffic: LayerTraffic, into?: ExchangeVolumes) {
      const scale = tokens / traffic.numTokens;
      const topK = sum(traffic.chipletLoad) / traffic.numTokens;
      let numExperts = 0;
      for (const { length } of traffic.expertLoad) numExperts += length;
      return {
        scale,
        volumes: gpuVolumes(traffic, hardware, { transport, scale, into }),
        settings: settingsOf(topK, numExperts),
      };
    },
  };
}

/** The grouped products that a workload runs; 16-bit numbers multiply at half the rate of those that were measured. */
function expertKernel({ experts }: GpuKernels, { phase, formats }: Workload): ExpertKernel {
  if (experts.fourBit !== undefined && formatBytes(formats.experts) < 1) return experts.fourBit;
  const kernel = phase === "decode" ? experts.decode : experts.prefill;
  return isNarrow(formats.experts) ? kernel : { ...kernel, flopPerNs: kernel.flopPerNs / 2 };
}

/** Time of one exchange on a GPU; none where there is no other GPU. */
function exchangeNs(setting: Setting, { copies, inside, network }: ExchangeVolumes, gpu: number): number {
  return exchangeOfCopies(setting, { copies: copies[gpu], inside: inside[gpu], network: network[gpu] });
}

/** @param volumes Those of the GPU. */
function exchangeOfCopies(
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
