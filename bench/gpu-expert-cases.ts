/** Measured times of experts as cases: tables of DeepGEMM, and fused kernels under a skewed router. */
import type { ExpertKernel } from "../lib/hardware/kernels.js";
import { expertComputeNs } from "../lib/performance/expert-compute.js";
import { mean } from "../lib/statistics.js";
import { BF16_BYTES, bytesOfFormat, shapeOf, type Reader, type Row } from "./gpu-case.js";
import { drawHottestGpus } from "./power-law.js";

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
  const kind = row["op_name"] === "moe_context" ? "prefill" : "decode";
  const alpha = alphaOf(row["distribution"]);
  const loads =
    alpha === undefined
      ? [evenRows((tokens * topK) / numGpus, numExperts / numGpus, kind === "prefill" ? 128 : 1)]
      : drawHottestGpus({ tokens, numExperts, topK, numGpus, alpha, remainder: "most first" }, DRAWS).map(
          ({ rows }) => rows,
        );
  const work = {
    hiddenSize,
    expertWidth: widthOf(row),
    bytesPerWeight: bytesOfFormat(row["moe_dtype"]),
  };
  return [
    {
      kernel: `experts.${kind}`,
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: `${shape}, ${row["distribution"]}`, ep: String(numGpus), servers: "1" },
      modelNs: ({ experts }) =>
        mean(
          loads.map((rows) =>
            expertComputeNs(experts[kind], { ...work, rows, tokens: kind === "prefill" ? tokens : 0 }),
          ),
        ),
    },
  ];
}

/** An even router of the tables: experts one after another, each with a whole block of rows, as far as rows go. */
function evenRows(rows: number, numExperts: number, block: number): Float64Array {
  const filled = Math.max(1, Math.min(numExperts, Math.ceil(rows / block)));
  return Float64Array.from({ length: numExperts }, (_, expert) => (expert < filled ? rows / filled : 0));
}

/** A fused kernel on the GPU whose experts are the hottest. */
export function readSkewed(row: Row): ReturnType<Reader> {
  const { hiddenSize, topK, numExperts, tokens, numGpus, shape } = shapeOf(row);
  const hottest = Number(row["rank0_num_tokens"]);
  const alpha = alphaOf(row["distribution"]);
  if (alpha === undefined) return [];
  const numSlots = row["distribution"].endsWith("eplb") ? Number(row["num_slots"]) : undefined;
  const draws = drawHottestGpus(
    {
      tokens,
      numExperts,
      topK,
      numGpus,
      alpha,
      remainder: "fewest first",
      ...(numSlots !== undefined && { numSlots }),
    },
    DRAWS,
  );
  const nearest = [...draws]
    .sort((left, right) => Math.abs(left.tokens - hottest) - Math.abs(right.tokens - hottest))
    .slice(0, NEAREST_DRAWS);
  const format = row["moe_dtype"];
  const work = { hiddenSize, expertWidth: widthOf(row), bytesPerWeight: bytesOfFormat(format) };
  return [
    {
      kernel: "experts.fused",
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: `${shape}, ${row["num_slots"]} slots`, ep: String(numGpus), servers: "1" },
      modelNs: ({ experts }) =>
        mean(
          nearest.map(({ rows }) =>
            expertComputeNs(fusedFor(experts.fused, format), { ...work, rows, tokens: hottest }),
          ),
        ),
    },
  ];
}

/** Fused kernels are measured at the narrowest format of a machine; wider ones take as much longer as they are wider. */
function fusedFor(kernel: ExpertKernel, format: string): ExpertKernel {
  return bytesOfFormat(format) === BF16_BYTES ? { ...kernel, flopPerNs: kernel.flopPerNs / 2 } : kernel;
}

/** Exponent of `power_law_1.2` or `power_law_1.2_eplb`; undefined where the router is even. */
function alphaOf(distribution: string): number | undefined {
  const found = /power_law_([\d.]+)/.exec(distribution);
  if (found === null) return undefined;
  // The law's antiderivative is a logarithm at exactly 1.
  return Number(found[1]) === 1 ? 1.0001 : Number(found[1]);
}
