/**
 * Energy of one MoE layer, from the operations, bytes and time that the other files of this folder count.
 */
import type { Hardware } from "../hardware/hardware.js";
import { expertBytes, type ModelShape } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { crossings, linkLoads, type Transport } from "./link-loads.js";
import {
  attentionGemms,
  BACKWARD_COMPUTE,
  expertActivationBytes,
  expertGemms,
  type Batch,
} from "./stages.js";
import { formatBytes, gemmBytes, gemmMacs, type Gemm } from "./systolic.js";

/** Energy of a multiply-accumulate at FP8 over that of one at 16 bits. */
export const FP8_ENERGY = 0.5;

/** Where the energy of a layer goes, in picojoules, for all micro-batches of a step; static power apart. */
export interface LayerEnergy {
  readonly computePj: number;
  readonly sramPj: number;
  readonly memoryPj: number;
  readonly rootLinksPj: number;
  readonly chipletLinksPj: number;
  readonly totalPj: number;
}

/** Options of {@link layerEnergy}. */
export interface EnergyOptions {
  readonly batch: Batch;
  readonly transport: Transport;
  /** Whether the backward pass is part of the step. */
  readonly training: boolean;
}

/**
 * Energy of one MoE layer in one step.
 *
 * compute = multiply-accumulates * macPj; SRAM = every operand and result once; memory = weights read once forward,
 * and in training read and written once more, and activations of attention and of experts saved and reloaded;
 * links = copies * bytes * 8 * pJ/bit for dispatch and combine, and what memory moves where weights stream.
 * Assumed: one multiply-accumulate at FP8 takes half of one at 16 bits.
 */
export function layerEnergy(
  traffic: LayerTraffic,
  { hardware, shape }: { hardware: Hardware; shape: ModelShape },
  { batch, transport, training }: EnergyOptions,
): LayerEnergy {
  const tokens = batch.numSequences * batch.sequenceLength;
  const scale = tokens / traffic.numTokens;
  const activationBytes = shape.hiddenSize * formatBytes(batch.format);
  const gemms: Gemm[] = [
    ...attentionGemms(shape, batch),
    ...expertGemms(shape.sharedWidth, shape.hiddenSize, tokens),
    ...traffic.expertLoad.flatMap((loads) =>
      loads.flatMap((load) => expertGemms(shape.expertWidth, shape.hiddenSize, load * scale)),
    ),
  ];
  const passes = batch.numMicroBatches * (training ? 1 + BACKWARD_COMPUTE : 1);
  const macs = sum(gemms.map(gemmMacs)) * passes;
  const operandBytes = sum(gemms.map((gemm) => gemmBytes(gemm, batch.format))) * passes;

  const weightBytes = sum(traffic.expertLoad.map(({ length }) => length)) * expertBytes(shape);
  const weightPasses = training ? 3 : 1;
  const savedTimes = training ? 2 * batch.numMicroBatches : 0;
  const savedBytes = savedTimes * tokens * activationBytes;
  const keptBytes = savedTimes * sum(expertActivationBytes(traffic, shape, { batch, transport }));

  const crossed = crossings(linkLoads(traffic, hardware, transport));
  const transfers = 2 * batch.numMicroBatches * (training ? 2 : 1);
  const copyBytes = activationBytes * scale * transfers;
  const memoryBytes = weightBytes * weightPasses + keptBytes;
  const streamedBytes = hardware.weights === "streamed" ? memoryBytes : 0;

  const parts = {
    computePj: macs * hardware.energy.macPj.value * (batch.format === "fp8" ? FP8_ENERGY : 1),
    sramPj: operandBytes * hardware.energy.sramPjPerByte.value,
    memoryPj:
      (memoryBytes * hardware.memory.pjPerBit.value + savedBytes * hardware.rootMemory.pjPerBit.value) * 8,
    rootLinksPj: crossed.root * copyBytes * 8 * hardware.links.root.pjPerBit.value,
    chipletLinksPj: (crossed.chiplet * copyBytes + streamedBytes) * 8 * hardware.links.chiplet.pjPerBit.value,
  };
  return { ...parts, totalPj: sum(Object.values(parts)) };
}

/** Energy that is drawn whatever happens: power * time (1 W = 1000 pJ/ns). */
export function staticPj({ energy }: Hardware, ns: number): number {
  return energy.staticWatts.value * 1000 * ns;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
