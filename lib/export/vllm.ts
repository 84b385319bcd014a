import type { PlacementFormat } from "./placement-format.js";
import { countExperts, formatRows, isIdList, layersOfRows, requireRanks } from "./foreign-content.js";
import { expertsOfSlots, seatSlotRows } from "./physical-slots.js";

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
  write: ({ layers }) => `${formatRows(layers.map(({ chiplets }) => expertsOfSlots(chiplets)))}\n`,
  recognises: ({ json }) => Array.isArray(json),
  read({ json }, options, report) {
    const document = json as unknown[];
    const isSingle = document.every((entry) => !Array.isArray(entry));
    const layerOf = layersOfRows(isSingle ? undefined : document.length, options, report);
    const sound = layerOf.map((layer, row) => {
      const slots = isSingle ? document : document[row];
      return isIdList(slots, `layer ${layer}`, report) && { layer, slots };
    });
    const slotRows = sound.filter((row) => row !== false);
    if (slotRows.length < sound.length) return undefined;
    const numChiplets = requireRanks(options, "vllm");
    const layers = seatSlotRows(slotRows, numChiplets, report);
    if (layers === undefined) return undefined;
    const ids = layers.flatMap(({ chiplets }) => chiplets.flat());
    return { model: options.model, numExperts: countExperts(options, ids), numChiplets, layers };
  },
};
