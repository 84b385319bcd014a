import { checkpointScript } from "./checkpoint-script.js";
import { csv } from "./csv.js";
import { eplbJson, eplbNpz } from "./eplb-tensors.js";
import { exflow } from "./exflow.js";
import { hotExperts, lmdeploy, rankLoad } from "./expert-loads.js";
import { hygon } from "./hygon.js";
import { hypergraph, partition } from "./hypergraph.js";
import { lightllm } from "./lightllm.js";
import { omniInfer } from "./omni-infer.js";
import { permutation } from "./permutation.js";
import type { PlacementFormat } from "./placement-format.js";
import { rtpLlm } from "./rtp-llm.js";
import { sglang } from "./sglang.js";
import { sglangJax } from "./sglang-jax.js";
import { sglangTopology } from "./sglang-topology.js";
import { tensorrtLlm } from "./tensorrt-llm.js";
import { vllmAscend } from "./vllm-ascend.js";
import { vllmOffline } from "./vllm-offline.js";
import { vllmRanks } from "./vllm-ranks.js";
import { vllm } from "./vllm.js";

/** Every file format a placement can be exported to, in the order in which help shows them. */
export const placementFormats: readonly PlacementFormat[] = [
  sglang,
  vllm,
  vllmRanks,
  vllmOffline,
  hygon,
  vllmAscend,
  tensorrtLlm,
  sglangJax,
  omniInfer,
  rtpLlm,
  sglangTopology,
  lightllm,
  lmdeploy,
  eplbNpz,
  eplbJson,
  permutation,
  checkpointScript,
  exflow,
  hypergraph,
  partition,
  hotExperts,
  rankLoad,
  csv,
];

/** Finds a format by name. */
export function findFormat(name: string): PlacementFormat | undefined {
  return placementFormats.find((format) => format.name === name);
}
