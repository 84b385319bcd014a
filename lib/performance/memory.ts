/**
 * What has to fit in memory, and how long it takes to stream.
 */
import type { Hardware } from "../hardware.js";
import { expertBytes, type ModelShape } from "../model-shapes.js";
import { sramBytes } from "./systolic.js";

/** What a chiplet group's memory holds for every expert weight besides the weight itself. */
export interface MemoryOptions {
  /** Bytes of an expert weight; default as the model is served. */
  readonly bytesPerWeight?: number;
  /**
   * Bytes of optimiser state for every weight, kept in the same memory and moved once a step in each direction;
   * default 0, as in the paper. Adam with a 32-bit master copy and two moments takes 12.
   */
  readonly optimiserBytesPerWeight?: number;
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
 * it, the equal share is the limit and a warning names the excess.
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
  const { bytesPerWeight = shape.bytesPerWeight, optimiserBytesPerWeight = 0 } = options;
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
    groupBytes: equalShare * weights,
    excessBytes,
    warning:
      `an equal share of the experts takes ${gigabytes(shareBytes)} a chiplet group, its memory has ` +
      `${gigabytes(memoryBytes)}: ${gigabytes(excessBytes)} too much`,
  };
}

/**
 * Time for which a memory is busy reading or writing bytes of expert weights.
 *
 * Chiplets of a group with one shared memory wait for each other: their times add up.
 */
export function memoryNs(hardware: Hardware, bytes: number): number {
  return bytes / hardware.memory.bytesPerNs.value;
}

/** Time to save (or reload) the activations of tokens to the memory of the root, or of all chiplets. */
export function activationSaveNs(hardware: Hardware, bytes: number): number {
  return hardware.tokensStart === "root"
    ? bytes / hardware.rootMemory.bytesPerNs.value
    : bytes / (hardware.memory.bytesPerNs.value * hardware.numGroups * hardware.chipletsPerGroup);
}

/** What a chiplet's SRAM has to hold at once. */
export interface SramPeak {
  readonly peakBytes: number;
  readonly capacityBytes: number;
  /** Names the excess; undefined if it fits. */
  readonly warning: string | undefined;
}

/**
 * The most that a chiplet's SRAM holds at once: the weights of its experts, twice with double buffering (this
 * layer's and the next one's while they stream in), and a micro-batch's tokens in and out.
 *
 * @param load.tokens Tokens of one micro-batch that visit the chiplet.
 */
export function sramPeak(
  hardware: Hardware,
  shape: ModelShape,
  load: { numExperts: number; tokens: number; doubleBuffered: boolean },
): SramPeak {
  const weightBytes = load.numExperts * expertBytes(shape) * (load.doubleBuffered ? 2 : 1);
  const tokenBytes = 2 * load.tokens * shape.hiddenSize * 2;
  const peakBytes = weightBytes + tokenBytes;
  const capacityBytes = sramBytes(hardware.chiplet);
  return {
    peakBytes,
    capacityBytes,
    warning:
      peakBytes > capacityBytes
        ? `a chiplet needs ${megabytes(peakBytes)} of SRAM at once, it has ${megabytes(capacityBytes)}: ` +
          `${megabytes(peakBytes - capacityBytes)} too much`
        : undefined,
  };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
