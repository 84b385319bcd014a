import type { ModelShape } from "../hardware/model-shapes.js";
import type { Hardware } from "../hardware/hardware.js";
import { attentionNs } from "./attention.js";
import { BACKWARD_COMPUTE, expertNs } from "./stages.js";
import { gemmNs } from "./systolic.js";
import type { Workload } from "../hardware/workload.js";
import { microBatchTokens } from "./workload.js";

/**
 * Time of what a step does outside its MoE layers: dense layers, and the head that turns tokens into words.
 *
 * No placement changes it. Every micro-batch passes through one after another; in prefill only the last token of a prompt
 * reaches the head. Embeddings and sampling are free.
 */
export function outsideLayersNs(
  { hardware, shape }: { hardware: Hardware; shape: ModelShape },
  workload: Workload,
): number {
  const { phase, promptLength, microBatches, formats, launchNs, otherComputeShare } = workload;
  const { numGroups, chipletsPerGroup, tokensStart } = hardware;
  const atRoot = tokensStart === "root";
  const tokens = microBatchTokens(workload, hardware) / (atRoot ? 1 : numGroups * chipletsPerGroup);
  const compute = atRoot ? hardware.root : hardware.chiplet;
  const others = 1 / (1 - otherComputeShare);
  const share = { tokens, compute, workload };
  const layerNs =
    launchNs + others * (attentionNs(shape, workload, share) + expertNs(shape, shape.denseWidth, share));
  const words = phase === "prefill" ? tokens / promptLength : tokens;
  const headNs = gemmNs(
    { m: words, k: shape.hiddenSize, n: shape.vocabularySize },
    compute,
    formats.attention,
  );
  const forwardNs = (shape.numLayers - shape.numMoeLayers) * layerNs + headNs;
  return microBatches * forwardNs * (phase === "train" ? 1 + BACKWARD_COMPUTE : 1);
}
