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
import { createExpertNs, hostedNs, leastReplicatedNs } from "./expert-compute.js";
import { exchangeOfCopies, type Setting, type Settings } from "./gpu-exchange.js";
import {
  emptyVolumes,
  gpusWithoutNetwork,
  gpuVolumes,
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

/** Share of a GPU's compute that an exchange takes for as long as it runs beside other work; none where nothing does. */
export function unitShare({ kernels }: Hardware, { workload, besideCompute = false }: Piece): number {
  if (!besideCompute) return 0;
  const share = kernels?.unitShare?.[workload.transport === "per-expert" ? "lowLatency" : "normal"];
  return share?.value ?? 0;
}

/** How a timer answers that is asked for one placement after another. */
export interface TimerOptions {
  /**
   * Whether exchanges of GPUs are 0 that another's of their server are no shorter than, where all that is asked for is the longest; the
   * answer is overwritten then. Default false.
   */
  readonly busiestAlone?: boolean;
  /** Whether the answer is overwritten by the next one, which saves the room. Default false. */
  readonly isOverwritten?: boolean;
}

/**
 * Makes a timer of what every GPU does in one layer with a micro-batch, or a piece of one; undefined where no kernels of
 * the machine are known. It remembers the times of experts by their rows, and the last times of every GPU.
 *
 */
export function createGpuTimer(
  machine: GpuMachine,
  piece: Piece,
  { busiestAlone = false, isOverwritten = busiestAlone }: TimerOptions = {},
): ((traffic: LayerTraffic) => GpuStages) | undefined {
  const prepared = prepareGpus(machine, piece);
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
  const room = isOverwritten ? createRoom() : undefined;
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

/** What the stages of a layer take on GPUs, taken apart; undefined where no kernels of the machine are known. */
export function prepareGpus({ hardware, shape }: GpuMachine, { workload, tokens, besideCompute }: Piece) {
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
