import { moeLayers } from "./model-layers.js";
import type { PlacementFormat } from "./placement-format.js";
import {
  countExperts,
  describe,
  formatRows,
  isIdList,
  isRecord,
  reportExtraKeys,
  requireRanks,
} from "./foreign-content.js";
import { expertsOfSlots, seatSlotRows } from "./physical-slots.js";

const KEY = "physical_to_logical_map";

/**
 * SGLang's `--init-expert-location` file: the expert of every physical slot, for every *hidden* layer.
 *
 * Rows of dense layers are never used, only counted; they hold SGLang's own trivial map, slot p = expert p mod E.
 * Source: SGLang, `ExpertLocationMetadata.init_by_mapping`, which takes one key and checks almost nothing.
 */
export const sglang: PlacementFormat = {
  name: "sglang",
  summary: "SGLang --init-expert-location: JSON, a row of physical slots for every hidden layer",
  extension: "json",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  write({ layers, numExperts, numChiplets, slotsPerChiplet, modelLayers }) {
    const trivial = Array.from({ length: numChiplets * slotsPerChiplet }, (_, slot) => slot % numExperts);
    const seated = new Map(layers.map(({ layer, chiplets }) => [layer, expertsOfSlots(chiplets)]));
    const rows = Array.from(
      { length: modelLayers.numHiddenLayers },
      (_, layer) => seated.get(layer) ?? trivial,
    );
    return `{"${KEY}": ${formatRows(rows)}}\n`;
  },
  recognises: ({ json }) => isRecord(json) && (KEY in json || "logical_count" in json),
  read({ json }, options, report) {
    const document = json as Record<string, unknown>;
    reportExtraKeys(document, [KEY], report);
    const rows = document[KEY];
    if (!Array.isArray(rows) || rows.length === 0) {
      report(`${KEY}: found ${describe(rows)}, expected a list with a row for every hidden layer`);
      return undefined;
    }
    const { numHiddenLayers = rows.length, firstMoeLayer = 0, moeLayerStep = 1 } = options;
    if (rows.length !== numHiddenLayers) {
      report(
        `found ${rows.length} rows, expected ${numHiddenLayers}, one for every hidden layer, dense ones too`,
      );
    }
    const sound = rows.map((row, layer) => isIdList(row, `layer ${layer}`, report) && { layer, slots: row });
    const slotRows = sound.filter((row) => row !== false);
    if (slotRows.length < rows.length) return undefined;
    const numChiplets = requireRanks(options, "sglang");
    const seated = seatSlotRows(slotRows, numChiplets, report);
    if (seated === undefined) return undefined;
    const isMoe = new Set(moeLayers({ numHiddenLayers: rows.length, firstMoeLayer, moeLayerStep }));
    const layers = seated.filter(({ layer }) => isMoe.has(layer));
    const ids = layers.flatMap(({ chiplets }) => chiplets.flat());
    return { model: options.model, numExperts: countExperts(options, ids), numChiplets, layers };
  },
  launch: ({ numExperts, numChiplets, slotsPerChiplet }) =>
    `--ep-size ${numChiplets} --ep-num-redundant-experts ${numChiplets * slotsPerChiplet - numExperts}`,
};
