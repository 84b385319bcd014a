import { csv } from "./csv.js";
import { eplbJson, eplbNpz } from "./eplb-tensors.js";
import { exflow } from "./exflow.js";
import { hypergraph, partition } from "./hypergraph.js";
import { omniInfer } from "./omni-infer.js";
import { permutation } from "./permutation.js";
import type { PlacementFormat } from "./placement-format.js";
import { sglang } from "./sglang.js";
import { tensorrtLlm } from "./tensorrt-llm.js";
import { vllmAscend } from "./vllm-ascend.js";
import { vllmRanks } from "./vllm-ranks.js";
import { vllm } from "./vllm.js";

/** Every file format a placement can be exported to, in the order in which help shows them. */
export const placementFormats: readonly PlacementFormat[] = [
  sglang,
  vllm,
  vllmRanks,
  vllmAscend,
  tensorrtLlm,
  omniInfer,
  eplbNpz,
  eplbJson,
  permutation,
  exflow,
  hypergraph,
  partition,
  csv,
];

/** Finds a format by name. */
export function findFormat(name: string): PlacementFormat | undefined {
  return placementFormats.find((format) => format.name === name);
}
