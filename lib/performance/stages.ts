/**
 * What one micro-batch does in one MoE layer, and how long each stage takes on its own: the durations that schedules
 * are made of. Forward; the backward pass takes {@link BACKWARD_COMPUTE} times the compute, moves the gradients of the
 * same tokens over the same links, and streams the weights again.
 */
import type { Hardware } from "../hardware/hardware.js";
import { expertBytes, type ModelShape } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { linkLoads, linkTimes, type LinkTimes, type Transport } from "./link-loads.js";
import { activationSaveNs, memoryTransferNs } from "./memory.js";
import { formatBytes, gemmNs, type Gemm, type NumberFormat } from "./systolic.js";

/** Compute of a backward pass for each one of the forward pass: gradients of inputs and of weights. */
export const BACKWARD_COMPUTE = 2;

/** The tokens of a step. */
export interface Batch {
  /** Sequences of one micro-batch. */
  readonly numSequences: number;
  readonly sequenceLength: number;
  /** Micro-batches of a step, one after another. */
  readonly numMicroBatches: number;
  readonly format: NumberFormat;
}

/** The paper's batch: 32 sequences of 256 tokens in 4 micro-batches, FP16. */
export const DEFAULT_BATCH: Batch = {
  numSequences: 8,
  sequenceLength: 256,
  numMicroBatches: 4,
  format: "fp16",
};

/** Durations of one micro-batch in one layer, forward, each as if it ran alone. */
export interface StageTimes {
  /** Attention and its projections, on the root or spread over the chiplets. */
  readonly attentionNs: number;
  /** Shared experts, on the same compute as attention; they need no dispatch. */
  readonly sharedNs: number;
  readonly dispatch: LinkTimes;
  /** The same bytes the other way. */
  readonly combine: LinkTimes;
  /** Compute of all experts of each chiplet, one after another. Shape [numChiplets]. */
  readonly expertsNs: Float64Array;
  /** Saving the layer's input activations for the backward pass, or reloading them. */
  readonly saveNs: number;
  /** The memory of each chiplet saves its experts' activations, or reloads them. Shape [numChiplets]. */
  readonly expertSaveNs: Float64Array;
  /**
   * The memory of each chiplet streams all its experts once; once a layer, not a micro-batch. Chiplets that share a
   * memory wait for each other. Shape [numChiplets].
   */
  readonly weightMemoryNs: Float64Array;
  /** The same bytes over the link of each chiplet; 0 where weights are resident. Shape [numChiplets]. */
  readonly weightLinkNs: Float64Array;
}

/**
 * Durations of the stages of one MoE layer for one micro-batch.
 *
 * Traffic is scaled to the micro-batch: every count times micro-batch tokens / traffic tokens. Time O(numExperts).
 */
export function stageTimes(
  traffic: LayerTraffic,
  { hardware, shape }: { hardware: Hardware; shape: ModelShape },
  { batch, transport }: { batch: Batch; transport: Transport },
): StageTimes {
  const tokens = batch.numSequences * batch.sequenceLength;
  const scale = tokens / traffic.numTokens;
  const activationBytes = shape.hiddenSize * formatBytes(batch.format);
  const loads = linkLoads(traffic, hardware, transport);
  const links = linkTimes(loads, hardware, activationBytes * scale);
  const weightBytes = traffic.expertLoad.map((loads) => loads.length * expertBytes(shape));
  const streamed = hardware.weights === "streamed";
  const savedBytes = expertActivationBytes(traffic, shape, { batch, transport });
  return {
    attentionNs: attentionNs(hardware, shape, batch),
    sharedNs: sharedExpertsNs(hardware, shape, batch),
    dispatch: links,
    combine: links,
    expertsNs: Float64Array.from(traffic.expertLoad, (loads) =>
      loads.reduce((sum, load) => sum + expertNs(hardware, shape, load * scale, batch.format), 0),
    ),
    saveNs: activationSaveNs(hardware, tokens * activationBytes),
    expertSaveNs: savedBytes.map((bytes) => (streamed ? memoryTransferNs(hardware, bytes) : 0)),
    weightMemoryNs: Float64Array.from(weightBytes, (bytes) =>
      streamed ? memoryTransferNs(hardware, bytes) : 0,
    ),
    weightLinkNs: Float64Array.from(weightBytes, (bytes) =>
      streamed ? bytes / hardware.links.chiplet.bytesPerNs.value : 0,
    ),
  };
}

/**
 * Bytes of activations that each chiplet's experts keep for the backward pass, of one micro-batch.
 *
 * Every copy that arrives and every result that leaves, hidden size each, and both inner activations (gate and up) of
 * every token and expert. Where weights stay in a chiplet's own memory so do activations, and nothing is streamed.
 *
 * @returns Shape [numChiplets].
 */
export function expertActivationBytes(
  traffic: LayerTraffic,
  shape: ModelShape,
  { batch, transport }: { batch: Batch; transport: Transport },
): Float64Array {
  const scale = (batch.numSequences * batch.sequenceLength) / traffic.numTokens;
  const copies = visitsOf(traffic, transport);
  return traffic.chipletLoad.map(
    (load, chiplet) =>
      2 * (copies[chiplet] * shape.hiddenSize + load * shape.expertWidth) * scale * formatBytes(batch.format),
  );
}

/** Copies of the tokens that arrive at each chiplet. Shape [numChiplets]. */
export function visitsOf({ chipletLoad, chipletTokens }: LayerTraffic, { copies }: Transport): Float64Array {
  return copies === "per expert" ? chipletLoad : chipletTokens;
}

/** Products of one expert for some tokens: gate and up side by side, then down. */
export function expertGemms(width: number, hiddenSize: number, tokens: number): Gemm[] {
  return [
    { m: tokens, k: hiddenSize, n: 2 * width },
    { m: tokens, k: width, n: hiddenSize },
  ];
}

/** Time of one expert on one chiplet; a token count that is no whole number is rounded up where arrays are. */
export function expertNs(
  hardware: Hardware,
  shape: ModelShape,
  tokens: number,
  format: NumberFormat = "fp16",
): number {
  return totalNs(expertGemms(shape.expertWidth, shape.hiddenSize, tokens), hardware.chiplet, format);
}

/**
 * Products of attention for a micro-batch: projections, scores and weighted values of every head.
 *
 * Assumed: masks save nothing, softmax and normalisation are free.
 */
export function attentionGemms(shape: ModelShape, batch: Batch): Gemm[] {
  const { numHeads, keySize, valueSize, numWeights } = shape.attention;
  const { numSequences, sequenceLength: length } = batch;
  return [
    { m: numSequences * length, k: shape.hiddenSize, n: numWeights / shape.hiddenSize },
    { m: length, k: keySize, n: length, count: numHeads * numSequences },
    { m: length, k: length, n: valueSize, count: numHeads * numSequences },
  ];
}

function attentionNs(hardware: Hardware, shape: ModelShape, batch: Batch): number {
  return rootNs(hardware, attentionGemms(shape, batch), batch.format);
}

function sharedExpertsNs(hardware: Hardware, shape: ModelShape, batch: Batch): number {
  const tokens = batch.numSequences * batch.sequenceLength;
  return shape.sharedWidth === 0
    ? 0
    : rootNs(hardware, expertGemms(shape.sharedWidth, shape.hiddenSize, tokens), batch.format);
}

/** Time on the root chiplet, or spread evenly over all chiplets where tokens start everywhere. */
function rootNs(hardware: Hardware, gemms: readonly Gemm[], format: NumberFormat): number {
  if (hardware.tokensStart === "root") return totalNs(gemms, hardware.root, format);
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const shares = gemms.map((gemm) =>
    gemm.count === undefined
      ? { ...gemm, m: gemm.m / numChiplets }
      : { ...gemm, count: gemm.count / numChiplets },
  );
  return totalNs(shares, hardware.chiplet, format);
}

function totalNs(gemms: readonly Gemm[], compute: Hardware["root"], format: NumberFormat): number {
  return gemms.reduce((sum, gemm) => sum + gemmNs(gemm, compute, format), 0);
}
