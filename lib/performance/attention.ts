/** Work and time of attention, for the tokens of one micro-batch. */
import type { Compute } from "../hardware/hardware.js";
import type { AttentionShape, ModelShape } from "../hardware/model-shapes.js";
import { tokenBytes } from "../hardware/number-format.js";
import { gemmMacs, gemmNs, memoryNs, multiplyNs, type Gemm } from "./systolic.js";
import type { Workload } from "../hardware/workload.js";

/** The projections of attention: queries, keys, values and output. */
export function projectionGemms({ hiddenSize, attention }: ModelShape, tokens: number): Gemm[] {
  return [{ m: tokens, k: hiddenSize, n: attention.numWeights / hiddenSize }];
}

/**
 * Products of the cores of attention: scores, and weighted values, of every head.
 *
 * Where prompts are read, every token attends to those before it: half of the products, which kernels of GPUs save and
 * systolic arrays, whose folds hold whole blocks, do not. In decode every token attends to `kvLength` others, and latent
 * attention works on the latent itself (absorbed), which all heads share.
 */
export function coreGemms(
  { attention }: ModelShape,
  { phase, promptLength: length, kvLength }: Workload,
  { tokens, kind }: { tokens: number; kind: Compute["kind"] },
): Gemm[] {
  const { numHeads, numKvHeads, keySize, valueSize, latentSize, rotarySize = 0 } = attention;
  if (phase !== "decode") {
    const count = numHeads * (tokens / length) * (kind === "roofline" ? 1 / 2 : 1);
    return [
      { m: length, k: keySize, n: length, count },
      { m: length, k: length, n: valueSize, count },
    ];
  }
  const [heads, sharers, key, value] =
    latentSize === undefined
      ? [numKvHeads, numHeads / numKvHeads, keySize, valueSize]
      : [1, numHeads, latentSize + rotarySize, latentSize];
  return [
    { m: sharers, k: key, n: kvLength, count: heads * tokens },
    { m: sharers, k: kvLength, n: value, count: heads * tokens },
  ];
}

/** Numbers kept of one token for those after it: keys and values, or the latent that stands for them. */
export function kvSize({
  numKvHeads,
  keySize,
  valueSize,
  latentSize,
  rotarySize = 0,
}: AttentionShape): number {
  return latentSize === undefined ? numKvHeads * (keySize + valueSize) : latentSize + rotarySize;
}

/**
 * How fast the cores of causal attention are where scores never leave the chip, against large products: as if every prompt had
 * more keys, since tiles on the diagonal are multiplied whole and every tile of queries has a beginning and an end.
 *
 * Source: FlashAttention-3 (arXiv:2407.08608), figure 5, head size 128, causal, H100: 292, 423, 521, 579, 602 and 616 TFLOPS at 512 to
 * 16384 tokens, which 640 x length / (length + 520) meets within 9 %; large products reach 0.7 of 989.
 */
const CAUSAL = { shareOfProducts: 640 / (0.7 * 989), moreKeys: 520 };

/**
 * Time of attention with its projections on one processor.
 *
 * Systolic arrays write scores to SRAM as any product. Elsewhere scores never leave the chip (FlashAttention): memory
 * moves queries, keys, values and results once, or in decode the keys and values of all tokens before; projections
 * multiply in the experts' format, cores in attention's, those of causal attention slower than large products.
 * Assumed: softmax and normalisation are free, or are in the share of other compute; every layer attends to all tokens.
 */
export function attentionNs(
  shape: ModelShape,
  workload: Workload,
  { tokens, compute }: { tokens: number; compute: Compute },
): number {
  const { experts, attention: format } = workload.formats;
  const totalNs = (gemms: readonly Gemm[], of: typeof format) =>
    gemms.reduce((sum, gemm) => sum + gemmNs(gemm, compute, of), 0);
  const projections = totalNs(projectionGemms(shape, tokens), experts);
  const cores = coreGemms(shape, workload, { tokens, kind: compute.kind });
  if (compute.kind === "systolic") return projections + totalNs(cores, format);
  const { numHeads, numKvHeads, keySize, valueSize } = shape.attention;
  const kept =
    workload.phase === "decode"
      ? kvSize(shape.attention) * workload.kvLength
      : numKvHeads * (keySize + valueSize);
  const bytes = tokens * (numHeads * (keySize + valueSize) + kept) * tokenBytes(format);
  const macs = cores.reduce((sum, gemm) => sum + gemmMacs(gemm), 0);
  const slower =
    workload.phase === "decode" ? 1 : (1 + CAUSAL.moreKeys / workload.promptLength) / CAUSAL.shareOfProducts;
  return projections + Math.max(slower * multiplyNs(macs, compute, format), memoryNs(bytes, compute));
}
