import { describeValue } from "../describe-value.js";
import { formatRows, isRecord, reportExtraKeys } from "./foreign-content.js";
import { fillHiddenLayers, rowsOfHiddenLayers } from "./hidden-layers.js";
import type { PlacementFormat } from "./placement-format.js";

const KEY = "physical_to_logical_map";

/**
 * SGLang's `--init-expert-location` file: the expert of every physical slot, for every *hidden* layer.
 *
 * Source: SGLang, srt/eplb/expert_location.py, `init_by_mapping`, which takes this key alone and checks almost nothing.
 */
export const sglang: PlacementFormat = {
  name: "sglang",
  summary: "SGLang --init-expert-location: JSON, a row of physical slots for every hidden layer",
  extension: "json",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  write: (placement, { numHiddenLayers }) =>
    `{"${KEY}": ${formatRows(rowsOfHiddenLayers(placement, numHiddenLayers))}}\n`,
  recognises: ({ json }) => isRecord(json) && (KEY in json || "logical_count" in json),
  read({ json }, options, report) {
    const document = json as Record<string, unknown>;
    reportExtraKeys(document, [KEY], report);
    const rows = document[KEY];
    if (!Array.isArray(rows) || rows.length === 0) {
      report(`${KEY}: found ${describeValue(rows)}, expected a list with a row for every hidden layer`);
      return undefined;
    }
    return fillHiddenLayers(rows, { ...options, format: "sglang" }, report);
  },
};
