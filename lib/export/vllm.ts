import { formatRows, layersOfRows } from "./foreign-content.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import { hasDenseRows } from "./rtp-llm.js";
import type { PlacementFormat } from "./placement-format.js";

/**
 * vLLM's `eplb_config.initial_expert_map_path` file: the expert of every physical slot, for every *MoE* layer.
 *
 * A single list stands for all layers; it is read, but never written.
 * Source: vLLM pull request 49572 (open).
 */
export const vllm: PlacementFormat = {
  name: "vllm",
  summary: "vLLM eplb_config.initial_expert_map_path: JSON, a row of physical slots for every MoE layer",
  extension: "json",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  mistakable: true,
  write: ({ layers }) => `${formatRows(layers.map(({ chiplets }) => expertsOfSlots(chiplets)))}\n`,
  recognises: ({ json }, options) => Array.isArray(json) && !hasDenseRows(json, options),
  read({ json }, options, report) {
    const document = json as unknown[];
    const isSingle = document.length > 0 && document.every((entry) => !Array.isArray(entry));
    const layerOf = layersOfRows(isSingle ? undefined : document.length, options, report);
    const rows = layerOf.map((layer, row) => ({ layer, slots: isSingle ? document : document[row] }));
    return fillSlots(rows, { ...options, format: "vllm" }, report);
  },
};
