import { describeValue } from "../describe-value.js";
import { formatRows, isRecord, reportExtraKeys } from "./foreign-content.js";
import { moeLayers } from "./model-layers.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import type { PlacementFormat } from "./placement-format.js";

const KEY = "physical_to_logical_map";

/**
 * SGLang's `--init-expert-location` file: the expert of every physical slot, for every *hidden* layer.
 *
 * Rows of dense layers are never used, only counted; they hold SGLang's own trivial map, slot p = expert p mod E.
 * Source: SGLang, srt/eplb/expert_location.py, `init_by_mapping`, which takes this key alone and checks almost nothing.
 */
export const sglang: PlacementFormat = {
  name: "sglang",
  summary: "SGLang --init-expert-location: JSON, a row of physical slots for every hidden layer",
  extension: "json",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  write({ layers, numExperts, numChiplets, slotsPerChiplet, modelLayers }) {
    const trivial = Array.from({ length: numChiplets * slotsPerChiplet }, (_, slot) => slot % numExperts);
    const slotsOf = new Map(layers.map(({ layer, chiplets }) => [layer, expertsOfSlots(chiplets)]));
    const rows = Array.from(
      { length: modelLayers.numHiddenLayers },
      (_, layer) => slotsOf.get(layer) ?? trivial,
    );
    return `{"${KEY}": ${formatRows(rows)}}\n`;
  },
  recognises: ({ json }) => isRecord(json) && (KEY in json || "logical_count" in json),
  read({ json }, options, report) {
    const document = json as Record<string, unknown>;
    reportExtraKeys(document, [KEY], report);
    const rows = document[KEY];
    if (!Array.isArray(rows) || rows.length === 0) {
      report(`${KEY}: found ${describeValue(rows)}, expected a list with a row for every hidden layer`);
      return undefined;
    }
    const { numHiddenLayers = rows.length, firstMoeLayer = 0, moeLayerStep = 1 } = options;
    if (rows.length !== numHiddenLayers) {
      report(
        `found ${rows.length} rows, expected ${numHiddenLayers}, one for every hidden layer, dense ones too`,
      );
    }
    const isMoe = new Set(moeLayers({ numHiddenLayers: rows.length, firstMoeLayer, moeLayerStep }));
    const all = rows.map((slots: unknown, layer) => ({ layer, slots }));
    const moe = all.filter(({ layer }) => isMoe.has(layer));
    const placement = fillSlots(moe, { ...options, format: "sglang" }, report);
    const numSlots = placement?.layers[0].chiplets.flat().length;
    for (const { layer, slots } of all) {
      // SGLang makes one tensor of all rows: those of dense layers have to fit it too.
      if (
        !isMoe.has(layer) &&
        (!Array.isArray(slots) || (numSlots !== undefined && slots.length !== numSlots))
      ) {
        report(`layer ${layer}: found ${describeValue(slots)}, expected as many slots as in the MoE layers`);
      }
    }
    return placement;
  },
};
