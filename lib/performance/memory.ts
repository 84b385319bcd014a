/**
 * What has to fit in memory, and how long it takes to stream.
 */
import type { Hardware } from "../hardware/hardware.js";
import type { Machine } from "../hardware/machine.js";
import { expertBytes, type ModelShape } from "../hardware/model-shapes.js";
import type { Chiplets } from "../placement/placement.js";
import { largest, smallest } from "../statistics.js";

/** What a chiplet group's memory holds for every expert weight besides the weight itself. */
export interface MemoryOptions {
  /** Bytes of an expert weight; default as the model is served. */
  readonly bytesPerWeight?: number;
  /**
   * Bytes of optimiser state for every weight, kept in the same memory and moved once a step in each direction;
   * default 0, as in the paper. Adam with a 32-bit master copy and two moments takes 12.
   */
  readonly optimiserBytesPerWeight?: number;
  /** Replicas of experts in every layer; default 0. */
  readonly numReplicas?: number;
}

/** How many bytes of one layer's experts one chiplet group may hold, and what is wrong with it. */
export interface GroupCapacity {
  /** The limit `groupBytes` of every layer's placement problem, in bytes of weights alone. */
  readonly groupBytes: number;
  /** Bytes by which even an equal share of all layers exceeds the memory of a chiplet group; 0 if it fits. */
  readonly excessBytes: number;
  /** Names the excess; undefined if an equal share fits. */
  readonly warning: string | undefined;
}

/**
 * Bytes of expert weights one chiplet group may hold in each layer.
 *
 * limit = memory of a chiplet group / MoE layers. Where even an equal share, ceil(experts / chiplet groups), exceeds
 * it, memory limits nothing: an equal share of experts and replicas is the limit, and a warning names the excess.
 *
 * @example
 * groupCapacity(findHardware("mozart-qwen3"), findModelShape("qwen3-30b-a3b")).warning;
 * // "an equal share of the experts takes 14.5 GB a chiplet group, its memory has 8.6 GB: 5.9 GB too much"
 */
export function groupCapacity(
  hardware: Hardware,
  shape: ModelShape,
  options: MemoryOptions = {},
): GroupCapacity {
  const { bytesPerWeight = shape.bytesPerWeight, optimiserBytesPerWeight = 0, numReplicas = 0 } = options;
  const weights = expertBytes(shape, bytesPerWeight);
  const held = expertBytes(shape, bytesPerWeight + optimiserBytesPerWeight);
  const memoryBytes =
    hardware.memory.bytes.value * (hardware.memory.of === "chiplet" ? hardware.chipletsPerGroup : 1);
  const equalShare = Math.ceil(shape.numExperts / hardware.numGroups);
  const shareBytes = equalShare * held * shape.numMoeLayers;
  const excessBytes = Math.max(0, shareBytes - memoryBytes);
  if (excessBytes === 0) {
    // Of what fits, only the weights count towards the limit.
    return {
      groupBytes: ((memoryBytes / shape.numMoeLayers) * weights) / held,
      excessBytes,
      warning: undefined,
    };
  }
  return {
    groupBytes: Math.ceil((shape.numExperts + numReplicas) / hardware.numGroups) * weights,
    excessBytes,
    warning:
      `an equal share of the experts takes ${gigabytes(shareBytes)} a chiplet group, its memory has ` +
      `${gigabytes(memoryBytes)}: ${gigabytes(excessBytes)} too much`,
  };
}

/**
 * Says that a placement has more experts than memory. Layers of the model that are not given hold as much as the others in the mean.
 *
 * @param layers Experts of every chiplet, for some or all MoE layers of the model.
 * @returns Undefined where the fullest chiplet group, or chiplet where memories are its own, has room.
 *
 * @example
 * const machine = { hardware: findHardware("mozart-qwen3"), shape: findModelShape("qwen3-30b-a3b") };
 * const inOrder = Array.from({ length: 16 }, (_, chiplet) => Array.from({ length: 8 }, (_, slot) => 8 * chiplet + slot));
 * memoryWarning([{ chiplets: inOrder }], machine);
 * // "the fullest chiplet group holds 14.5 GB of experts, its memory has 8.6 GB: 5.9 GB too much"
 */
export function memoryWarning(
  layers: readonly { readonly chiplets: Chiplets }[],
  { hardware, shape }: Machine,
): string | undefined {
  const { bytes, of } = hardware.memory;
  const perMemory = of === "chiplet" ? 1 : hardware.chipletsPerGroup;
  const held = new Float64Array((hardware.numGroups * hardware.chipletsPerGroup) / perMemory);
  for (const { chiplets } of layers)
    chiplets.forEach((experts, chiplet) => (held[Math.floor(chiplet / perMemory)] += experts.length));
  const heldBytes = (largest(held) / layers.length) * shape.numMoeLayers * expertBytes(shape);
  const excessBytes = heldBytes - bytes.value;
  if (excessBytes <= 0) return undefined;
  return (
    `the fullest ${of === "chiplet" ? "chiplet" : "chiplet group"} holds ${gigabytes(heldBytes)} of experts, ` +
    `its memory has ${gigabytes(bytes.value)}: ${gigabytes(excessBytes)} too much`
  );
}

/**
 * Time for which a memory is busy with a transfer to or from a chiplet, over the link of that chiplet.
 *
 * At once: the slower of memory and link; in turn: their sum; memory alone where weights are resident. Chiplets of a
 * group with one shared memory wait for each other: their times add up.
 */
export function memoryTransferNs(hardware: Hardware, bytes: number): number {
  const memoryNs = bytes / hardware.memory.bytesPerNs.value;
  if (hardware.weights === "resident") return memoryNs;
  const linkNs = bytes / hardware.links.chiplet.bytesPerNs.value;
  return hardware.memory.forwarding === "at once" ? Math.max(memoryNs, linkNs) : memoryNs + linkNs;
}

/** Time to save (or reload) activations of attention, to the memory of the root or shared out over all chiplets. */
export function activationSaveNs(hardware: Hardware, bytes: number): number {
  return hardware.tokensStart === "root"
    ? bytes / hardware.rootMemory.bytesPerNs.value
    : bytes / (hardware.memory.bytesPerNs.value * hardware.numGroups * hardware.chipletsPerGroup);
}

/** Micro-batches (or chunks) that a chiplet holds at once: one that arrives, one at work, one that leaves. */
export const IN_FLIGHT = 3;

/** What one pass through a layer keeps in the SRAM of a chiplet. */
export interface SramUse {
  /** Experts of the chiplet. */
  readonly experts: number;
  /** Weights of one expert. */
  readonly expertBytes: number;
  /** Tokens of one micro-batch (or chunk), each once as it comes and once as it goes. */
  readonly chunkBytes: number;
}

/** How the SRAM of one chiplet is shared out over a step. */
export interface SramPlan {
  /** Experts of each pass that may arrive while the pass before is still at work. */
  readonly prefetched: readonly number[];
  /** Room for tokens, at least one chunk. */
  readonly tokenBytes: number;
}

/**
 * Plans the SRAM of a chiplet: the weights of the layer at work, then a few chunks of tokens, then as many experts
 * of the next layer as still fit. With room for all of them weights are double-buffered.
 *
 * @param passes In the order in which they run.
 */
export function sramPlan(
  passes: readonly SramUse[],
  { sramBytes, prefetch }: { sramBytes: number; prefetch: boolean },
): SramPlan {
  const weightBytes = passes.map(({ experts, expertBytes }) => experts * expertBytes);
  const largestChunk = passes.reduce((most, { chunkBytes }) => Math.max(most, chunkBytes), 0);
  const reserved = IN_FLIGHT * largestChunk;
  const prefetched = passes.map(({ experts, expertBytes }, index) => {
    if (!prefetch || index === 0) return 0;
    const spare = sramBytes - weightBytes[index - 1] - reserved;
    return Math.min(experts, Math.max(0, Math.floor(spare / expertBytes)));
  });
  const rooms = weightBytes.map((bytes, index) => {
    const ahead = index + 1 < passes.length ? prefetched[index + 1] * passes[index + 1].expertBytes : 0;
    return sramBytes - bytes - ahead;
  });
  return { prefetched, tokenBytes: Math.max(largestChunk, smallest(rooms)) };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
