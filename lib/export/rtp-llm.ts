import { formatRows } from "./foreign-content.js";
import { fillHiddenLayers, rowsOfHiddenLayers } from "./hidden-layers.js";
import { moeLayers } from "../hardware/model-layers.js";
import type { PlacementFormat, ReadOptions } from "./placement-format.js";

/**
 * RTP-LLM's `--phy2log_path` file: the expert of every physical slot, for every layer of the model, dense ones too.
 *
 * It looks like a file of vLLM's, which has rows for MoE layers alone: only the layers of the model tell them apart.
 * Source: RTP-LLM, LoadConfig.create_redundant_expert, which stops at another number of rows.
 */
export const rtpLlm: PlacementFormat = {
  name: "rtp-llm",
  summary: "RTP-LLM --phy2log_path: JSON, a row of physical slots for every layer, dense ones too",
  extension: "json",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  mistakable: true,
  write: (placement, { numHiddenLayers }) =>
    `${formatRows(rowsOfHiddenLayers(placement, numHiddenLayers))}\n`,
  recognises: ({ json }, options) => hasDenseRows(json, options),
  read: ({ json }, options, report) =>
    fillHiddenLayers(json as unknown[], { ...options, format: "rtp-llm" }, report),
};

/** Whether a list has a row for every layer of a model that is known to have dense layers. */
export function hasDenseRows(
  json: unknown,
  { numHiddenLayers, firstMoeLayer = 0, moeLayerStep = 1 }: ReadOptions = {},
): boolean {
  return (
    Array.isArray(json) &&
    json.length === numHiddenLayers &&
    json.length !== moeLayers({ numHiddenLayers, firstMoeLayer, moeLayerStep }).length
  );
}
