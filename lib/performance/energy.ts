/**
 * Energy of one MoE layer, from the operations, bytes and time that the other files of this folder count.
 */
import type { Hardware } from "../hardware/hardware.js";
import { expertBytes, expertInput, type ModelShape } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { coreGemms, projectionGemms } from "./attention.js";
import { crossings, linkLoads } from "./link-loads.js";
import { isNarrow, tokenBytes } from "../hardware/number-format.js";
import { weightBytesOf, wireBytes } from "./piece.js";
import { BACKWARD_COMPUTE, expertActivationBytes, expertGemms, latentGemms } from "./stages.js";
import { gemmBytes, gemmMacs, type Gemm } from "./systolic.js";
import type { Workload } from "../hardware/workload.js";
import { microBatchTokens } from "./workload.js";
import { sum } from "../statistics.js";

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
  workload: Workload,
): LayerEnergy {
  const { formats, microBatches, transport } = workload;
  const training = workload.phase === "train";
  const tokens = microBatchTokens(workload, hardware);
  const scale = tokens / traffic.numTokens;
  const { kind } = hardware.tokensStart === "root" ? hardware.root : hardware.chiplet;
  const passes = microBatches * (training ? 1 + BACKWARD_COMPUTE : 1);
  const cores = coreGemms(shape, workload, { tokens, kind });
  const products: Gemm[] = [
    ...projectionGemms(shape, tokens),
    ...expertGemms(shape.hiddenSize, shape.sharedWidth, { tokens }),
    ...latentGemms(shape, tokens),
    ...traffic.expertLoad.flatMap((loads) =>
      loads.flatMap((load) => expertGemms(expertInput(shape), shape.expertWidth, { tokens: load * scale })),
    ),
  ];
  const parts = [
    { gemms: cores, format: formats.attention },
    { gemms: products, format: formats.experts },
  ];

  const layerWeights = sum(traffic.expertLoad.map(({ length }) => length));
  const weightBytes = layerWeights * expertBytes(shape, weightBytesOf(shape, workload));
  const weightPasses = training ? 3 : 1;
  const savedTimes = training ? 2 * microBatches : 0;
  const savedBytes = savedTimes * tokens * shape.hiddenSize * tokenBytes(formats.attention);
  const keptBytes = savedTimes * sum(expertActivationBytes(traffic, shape, { workload, tokens }));
  const memoryBytes = weightBytes * weightPasses + keptBytes;
  const streamedBytes = hardware.weights === "streamed" ? memoryBytes : 0;

  const crossed = crossings(linkLoads(traffic, hardware, transport), hardware);
  const bytesPerCopy = wireBytes(shape, formats.dispatch) + wireBytes(shape, formats.combine);
  const copyBytes = bytesPerCopy * scale * microBatches * (training ? 2 : 1);

  const energies = {
    computePj: sum(
      parts.map(({ gemms, format }) => {
        const macs = sum(gemms.map(gemmMacs)) * passes;
        return macs * hardware.energy.macPj.value * (isNarrow(format) ? FP8_ENERGY : 1);
      }),
    ),
    sramPj: sum(
      parts.map(({ gemms, format }) => {
        const operandBytes = sum(gemms.map((gemm) => gemmBytes(gemm, format))) * passes;
        return operandBytes * hardware.energy.sramPjPerByte.value;
      }),
    ),
    memoryPj:
      (memoryBytes * hardware.memory.pjPerBit.value + savedBytes * hardware.rootMemory.pjPerBit.value) * 8,
    rootLinksPj: crossed.root * copyBytes * 8 * hardware.links.root.pjPerBit.value,
    chipletLinksPj: (crossed.chiplet * copyBytes + streamedBytes) * 8 * hardware.links.chiplet.pjPerBit.value,
  };
  return { ...energies, totalPj: sum(Object.values(energies)) };
}

/** Energy that is drawn whatever happens: power * time (1 W = 1000 pJ/ns). */
export function staticPj({ energy }: Hardware, ns: number): number {
  return energy.staticWatts.value * 1000 * ns;
}
