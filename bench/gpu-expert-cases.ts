/** Measured times of experts as cases: tables of DeepGEMM, and fused kernels under a skewed router. */
import type { ExpertKernel, GpuKernels } from "../lib/hardware/kernels.js";
import { expertComputeNs } from "../lib/performance/expert-compute.js";
import { expectedParts } from "../lib/performance/uniform-copies.js";
import { mean } from "../lib/statistics.js";
import { alphaOf, BF16_BYTES, bytesOfFormat, shapeOf, type Reader, type Row } from "./gpu-case.js";
import { drawHottestGpus, type HottestGpu } from "./power-law.js";

/** Draws of a random router that the mean is taken of; where the tokens of the hottest GPU are told, those nearest. */
const DRAWS = 24;
const NEAREST_DRAWS = 6;

/** Inner width of an expert, or of the part of it that one GPU has. */
function widthOf(row: Row): number {
  return Number(row["inter_size"]) / (Number(row["moe_tp_size"]) || 1);
}

/** Rows of the hottest GPU's experts in a table of DeepGEMM; `num_tokens` counts those of all GPUs. */
export function readDeepGemm(row: Row): ReturnType<Reader> {
  const { hiddenSize, topK, numExperts, tokens, numGpus, shape } = shapeOf(row);
  const kind = /context|ctx|prefill/.test(row["op_name"] ?? "") ? "prefill" : "decode";
  const distribution = row["distribution"] ?? "";
  const alpha = alphaOf(distribution);
  const loads =
    alpha === undefined
      ? [evenRows((tokens * topK) / numGpus, numExperts / numGpus, kind === "prefill" ? 128 : 1)]
      : drawHottestGpus({ tokens, numExperts, topK, numGpus, alpha, remainder: "most first" }, DRAWS).map(
          ({ rows }) => rows,
        );
  const format = row["moe_dtype"] ?? "";
  const work = { hiddenSize, expertWidth: widthOf(row), bytesPerWeight: bytesOfFormat(format) };
  return [
    {
      kernel: `experts.${kind}`,
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: `${shape}, ${distribution}`, ep: String(numGpus), servers: "1" },
      modelNs: ({ experts }) =>
        mean(
          loads.map((rows) =>
            expertComputeNs(productsFor(experts, kind, format), {
              ...work,
              rows,
              tokens: kind === "prefill" ? tokens : 0,
            }),
          ),
        ),
    },
  ];
}

/** Grouped products in the format of a row: 4 bits where the GPU multiplies them, 16 at half the rate of the 8 that were measured. */
function productsFor(
  experts: GpuKernels["experts"],
  kind: "prefill" | "decode",
  format: string,
): ExpertKernel {
  const bytes = bytesOfFormat(format);
  if (bytes < 1 && experts.fourBit !== undefined) return experts.fourBit;
  const kernel = experts[kind];
  return bytes === BF16_BYTES ? { ...kernel, flopPerNs: kernel.flopPerNs / 2 } : kernel;
}

/** An even router of the tables: experts one after another, each with a whole block of rows, as far as rows go. */
function evenRows(rows: number, expertsPerGpu: number, block: number): Float64Array {
  // Where they do not come out even, some GPU has one more.
  const numExperts = Math.ceil(expertsPerGpu);
  const filled = Math.max(1, Math.min(numExperts, Math.ceil(rows / block)));
  return Float64Array.from({ length: numExperts }, (_, expert) => (expert < filled ? rows / filled : 0));
}

/** A fused kernel on the GPU whose experts are the hottest. */
export function readSkewed(row: Row): ReturnType<Reader> {
  const { hiddenSize, numGpus, shape } = shapeOf(row);
  const loads = skewedLoads(row);
  const format = row["moe_dtype"] ?? "";
  const work = { hiddenSize, expertWidth: widthOf(row), bytesPerWeight: bytesOfFormat(format) };
  return [
    {
      kernel: "experts.fused",
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: `${shape}, ${row["num_slots"]} slots`, ep: String(numGpus), servers: "1" },
      modelNs: ({ experts }) =>
        mean(loads.map((load) => expertComputeNs(fusedFor(experts, format), { ...work, ...load }))),
    },
  ];
}

/** Loads of the hottest GPU that draws come to; where a table prints its tokens, those with nearest as many. */
function skewedLoads(row: Row): HottestGpu[] {
  const { topK, numExperts, tokens, numGpus } = shapeOf(row);
  const distribution = row["distribution"] ?? "";
  const hottest = Number(row["rank0_num_tokens"]);
  const alpha = alphaOf(distribution);
  const slots = Number(row["num_slots"]) || numExperts;
  if (alpha === undefined) {
    const rows = evenRows((tokens * topK) / numGpus, slots / numGpus, 1);
    const visits = tokens * (expectedParts({ numExperts, topK, numParts: numGpus }) / numGpus);
    return [{ rows, tokens: hottest > 0 ? hottest : visits }];
  }
  const numSlots = distribution.endsWith("eplb") ? numGpus * Math.ceil(slots / numGpus) : undefined;
  const routing = { tokens, numExperts, topK, numGpus, alpha, remainder: "fewest first" } as const;
  const draws = drawHottestGpus({ ...routing, ...(numSlots !== undefined && { numSlots }) }, DRAWS);
  if (!(hottest > 0)) return draws;
  return [...draws]
    .sort((left, right) => Math.abs(left.tokens - hottest) - Math.abs(right.tokens - hottest))
    .slice(0, NEAREST_DRAWS)
    .map(({ rows }) => ({ rows, tokens: hottest }));
}

/** Fused kernels are measured at the narrowest format that a machine multiplies; wider ones take as much longer as they are wider. */
function fusedFor({ fused, fourBit }: GpuKernels["experts"], format: string): ExpertKernel {
  const bits = (bytes: number) => (bytes < 1 ? 4 : 8 * bytes);
  const narrowest = fourBit === undefined ? 8 : 4;
  const wider = Math.max(narrowest, bits(bytesOfFormat(format))) / narrowest;
  return { ...fused, flopPerNs: fused.flopPerNs / wider };
}
