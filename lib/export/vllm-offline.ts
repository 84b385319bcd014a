import { describeValue } from "../describe-value.js";
import { isRecord, layersOfRows, reportExtraKeys } from "./foreign-content.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import type { PlacementFormat } from "./placement-format.js";

const RECORD = "eplb_initial_mapping";
const ASSIGNMENTS = "initial_global_assignments";

/**
 * vLLM's `eplb_config.initial_mapping_path` file: JSON Lines, of which one record has the slots of every *MoE* layer, by
 * its number among them.
 *
 * Source: vLLM pull request 41141 (open), generate_static_mapping.py and the tests of its loader.
 */
export const vllmOffline: PlacementFormat = {
  name: "vllm-offline",
  summary: "vLLM eplb_config.initial_mapping_path: JSON Lines, slots by number of the MoE layer",
  extension: "jsonl",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  write({ layers, numExperts, numChiplets, slotsPerChiplet }) {
    const numSlots = numChiplets * slotsPerChiplet;
    const rows = layers.map(({ chiplets }, row) => [`${row}`, expertsOfSlots(chiplets)]);
    const record = {
      record_type: RECORD,
      version: 1,
      num_redundant_experts: numSlots - numExperts,
      num_slots: numSlots,
      [ASSIGNMENTS]: Object.fromEntries(rows) as Record<string, number[]>,
    };
    return `${JSON.stringify(record)}\n`;
  },
  recognises: ({ text }) => text !== undefined && findRecord(text) !== undefined,
  read({ text = "" }, options, report) {
    const record = findRecord(text) ?? {};
    const keys = ["record_type", "version", "num_redundant_experts", "num_slots", ASSIGNMENTS];
    reportExtraKeys(record, keys, report);
    if (record.version !== 1) report(`version: found ${describeValue(record.version)}, expected 1`);
    const assignments = record[ASSIGNMENTS];
    if (!isRecord(assignments)) {
      report(`${ASSIGNMENTS}: found ${describeValue(assignments)}, expected slots by layer`);
      return undefined;
    }
    const layerOf = layersOfRows(Object.keys(assignments).length, options, report);
    const rows = layerOf.map((layer, row) => ({ layer, slots: assignments[`${row}`] }));
    for (const { layer, slots } of rows) {
      if (Array.isArray(slots) && slots.length !== record.num_slots) {
        report(
          `layer ${layer}: found ${slots.length} slots, num_slots says ${describeValue(record.num_slots)}`,
        );
      }
    }
    const placement = fillSlots(rows, { ...options, format: "vllm-offline" }, report);
    const numSlots = typeof record.num_slots === "number" ? record.num_slots : NaN;
    const numRedundant = numSlots - (placement?.numExperts ?? NaN);
    if (placement !== undefined && record.num_redundant_experts !== numRedundant) {
      report(
        `num_redundant_experts: found ${describeValue(record.num_redundant_experts)}, expected ${numRedundant}`,
      );
    }
    return placement;
  },
};

/** The record of the mapping; the last one where there are several, as the loader takes it. */
function findRecord(text: string): Record<string, unknown> | undefined {
  if (!text.includes(RECORD)) return undefined;
  const records = text.split("\n").flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isRecord(value) && value.record_type === RECORD ? [value] : [];
    } catch {
      return [];
    }
  });
  return records.at(-1);
}
