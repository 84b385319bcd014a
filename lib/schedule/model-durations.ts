import { InputError } from "../errors.js";
import type { Hardware } from "../hardware/hardware.js";
import { expertBytes, type ModelShape } from "../hardware/model-shapes.js";
import { copiesToChiplets, leastLinkTimes, linkLoads } from "../performance/link-loads.js";
import { memoryTransferNs } from "../performance/memory.js";
import { peakGpuStages, hottestGpuStages, leastGpuStages } from "../performance/gpu-bounds.js";
import { unitShare, type GpuStages } from "../performance/gpu-stages.js";
import { leastReplicatedChipletsNs } from "../performance/replicated-chiplets.js";
import type { EvenTraffic } from "../performance/replicated-experts.js";
import { weightBytesOf, wireBytes, type Piece } from "../performance/piece.js";
import { BACKWARD_COMPUTE, onGpus, stageTimes } from "../performance/stages.js";
import { sramBytes } from "../performance/systolic.js";
import type { Workload } from "../hardware/workload.js";
import { microBatchTokens } from "../performance/workload.js";
import type { Peaks } from "../placement/placement.js";
import type { LayerTraffic } from "../placement/traffic.js";
import type { LayerDurations, StepSite } from "./layer-durations.js";

/** What the task graph of a step has to know of a machine. */
export function stepSite(hardware: Hardware): StepSite {
  const { numGroups, chipletsPerGroup, tokensStart, weights, memory, chiplet } = hardware;
  return {
    numGroups,
    chipletsPerGroup,
    chipletsPerMemory: memory.of === "chiplet group" ? chipletsPerGroup : 1,
    tokensStart,
    kernelsInOrder: tokensStart === "everywhere" && weights === "resident",
    sramBytes: weights === "streamed" ? sramBytes(chiplet) : Infinity,
  };
}

/** How a micro-batch is cut into what is worked on, and what is sent, at a time. */
export interface Cut {
  readonly workload: Workload;
  readonly parts: number;
  readonly chunks: number;
  /** Whether chunks travel while others compute; default false. */
  readonly besideCompute?: boolean;
  readonly optimiserBytesPerWeight?: number | undefined;
}

/**
 * Asks the performance model how long the stages of a layer take, for a micro-batch cut into chunks.
 *
 * A chunk is a smaller micro-batch, so what chunks lose on half-filled systolic arrays is in its durations.
 *
 * @param cut.parts Divides the prompts of the micro-batch.
 * @throws InputError if the traffic is for other chiplets than the machine has.
 */
export function modelDurations(
  traffic: LayerTraffic,
  machine: { readonly hardware: Hardware; readonly shape: ModelShape },
  cut: Cut,
): LayerDurations {
  const { hardware, shape } = machine;
  const { numGroups, chipletsPerGroup } = hardware;
  if (traffic.numChiplets !== numGroups * chipletsPerGroup || traffic.chipletsPerGroup !== chipletsPerGroup) {
    throw new InputError(
      `placement: found ${traffic.numChiplets} chiplets in groups of ${traffic.chipletsPerGroup}, expected ` +
        `${numGroups * chipletsPerGroup} in groups of ${chipletsPerGroup} as in ${hardware.name}`,
    );
  }
  const { workload } = cut;
  const tokens = microBatchTokens(workload, hardware);
  const part = stageTimes(traffic, machine, { workload, tokens: tokens / cut.parts });
  const chunk = stageTimes(traffic, machine, chunkOf(machine, cut));
  const bothWays = wireBytes(shape, workload.formats.dispatch) + wireBytes(shape, workload.formats.combine);
  const bytesOf = (tokens / cut.chunks / traffic.numTokens) * bothWays;
  const copies = copiesToChiplets(traffic, workload.transport);
  const bytesPerWeight = weightBytesOf(shape, workload);
  const oneExpert = expertBytes(shape, bytesPerWeight);
  const streamed = hardware.weights === "streamed";
  return {
    attentionNs: part.attentionNs,
    sharedNs: part.sharedNs,
    saveNs: part.saveNs,
    dispatch: chunk.dispatch,
    combine: chunk.combine,
    expertsNs: chunk.expertsNs,
    expertSaveNs: chunk.expertSaveNs,
    backwardFactor: BACKWARD_COMPUTE,
    unitShare: unitShare(hardware, chunkOf(machine, cut)),
    streamedExperts: traffic.expertLoad.map((experts) => (streamed ? experts.length : 0)),
    expertMemoryNs: memoryTransferNs(hardware, oneExpert),
    expertLinkNs: oneExpert / hardware.links.chiplet.bytesPerNs.value,
    updateFactor: 1 + (cut.optimiserBytesPerWeight ?? 0) / bytesPerWeight,
    expertBytes: oneExpert,
    // As they arrive and as they leave.
    chunkBytes: copies.map((count) => count * bytesOf),
  };
}

/**
 * Durations of a layer whose every stage takes each chiplet what it takes them in the mean, at least: those of even traffic
 * as modelled, and where GPUs have kernels what these take at least.
 *
 * @param even Even traffic with the fewest copies there can be, and the loads of experts under some placement.
 */
export function leastDurations(
  even: EvenTraffic,
  machine: { readonly hardware: Hardware; readonly shape: ModelShape },
  cut: Cut,
): LayerDurations {
  const durations = modelDurations(even, machine, cut);
  const least = leastGpuStages(even, machine, chunkOf(machine, cut));
  return least === undefined
    ? withLeastStages(durations, even, { machine, cut })
    : withStages(durations, least, machine);
}

/**
 * Durations of a layer where every chiplet takes what one of them takes at least, each answer of one chiplet; none where no
 * kernels of the machine are known.
 *
 * @param even As in {@link leastDurations}.
 * @param cut.slotsPerChiplet Most experts of a chiplet.
 */
export function hottestDurations(
  even: EvenTraffic,
  machine: { readonly hardware: Hardware; readonly shape: ModelShape },
  { slotsPerChiplet, ...cut }: Cut & { readonly slotsPerChiplet: number },
): LayerDurations[] {
  // Where weights stream, paths through memories depend on which chiplet has how many experts.
  if (machine.hardware.weights === "streamed") return [];
  const hottest = hottestGpuStages(even, machine, { ...chunkOf(machine, cut), slotsPerChiplet });
  if (hottest.length === 0) return [];
  const durations = modelDurations(even, machine, cut);
  return hottest.map((stages) => withStages(durations, stages, machine));
}

/**
 * Durations of a layer on the chiplet that serves most and on the one that is visited most, where peaks are known; none where no
 * kernels of the machine are known.
 *
 * @param even As in {@link leastDurations}.
 * @param cut.slotsPerChiplet Most experts of a chiplet.
 */
export function peakDurations(
  even: EvenTraffic,
  machine: { readonly hardware: Hardware; readonly shape: ModelShape },
  { slotsPerChiplet, peaks, ...cut }: Cut & { readonly slotsPerChiplet: number; readonly peaks: Peaks },
): LayerDurations[] {
  const durations = modelDurations(even, machine, cut);
  return peakGpuStages(even, machine, { ...chunkOf(machine, cut), slotsPerChiplet, peaks }).map((stages) =>
    withStages(durations, stages, machine),
  );
}

function withLeastStages(
  durations: LayerDurations,
  even: EvenTraffic,
  { machine, cut }: { machine: { readonly hardware: Hardware; readonly shape: ModelShape }; cut: Cut },
): LayerDurations {
  const { hardware, shape } = machine;
  const { transport, formats } = cut.workload;
  const loads = linkLoads(even, hardware, transport);
  const piece = chunkOf(machine, cut);
  const scale = piece.tokens / even.numTokens;
  const least = (way: "dispatch" | "combine") =>
    leastLinkTimes(loads, hardware, wireBytes(shape, formats[way]) * scale);
  const { expertsNs } = durations;
  return {
    ...durations,
    dispatch: least("dispatch"),
    combine: least("combine"),
    expertsNs:
      even.replicated === undefined
        ? expertsNs
        : new Float64Array(expertsNs.length).fill(
            leastReplicatedChipletsNs(even, even.replicated, { machine, piece }) / expertsNs.length,
          ),
  };
}

function withStages(
  durations: LayerDurations,
  { dispatchNs, combineNs, expertsNs }: GpuStages,
  { hardware }: { readonly hardware: Hardware },
): LayerDurations {
  const noRootNs = new Float64Array(hardware.numGroups);
  return {
    ...durations,
    dispatch: onGpus(dispatchNs, noRootNs),
    combine: onGpus(combineNs, noRootNs),
    expertsNs,
  };
}

function chunkOf(
  { hardware }: { readonly hardware: Hardware },
  { workload, chunks, besideCompute = false }: Cut,
): Piece {
  return { workload, tokens: microBatchTokens(workload, hardware) / chunks, besideCompute };
}
