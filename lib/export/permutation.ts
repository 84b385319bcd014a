import { describeValue } from "../describe-value.js";
import { isRecord, reportExtraKeys } from "./foreign-content.js";
import { checkModelSizes } from "../plausible-size.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import type { PlacementFormat } from "./placement-format.js";

const FORMAT = "moeplace.expert-permutation";

/**
 * A renumbering of the experts for Megatron and other trainers, which load no placement but take experts in the order of
 * their ids: expert `newToOld[i]` of the checkpoint, its weights and its router row, becomes expert i, which sits on
 * EP rank floor(i / (numExperts / numRanks)).
 */
export const permutation: PlacementFormat = {
  name: "megatron",
  summary:
    "a renumbering of the experts of a checkpoint for Megatron and other trainers: JSON, newToOld by layer",
  extension: "json",
  needs: { layers: "any", equalSlots: true, noReplicas: true },
  write({ layers, numExperts, numChiplets }) {
    const rows = layers.map(
      ({ layer, chiplets }) => `  {"layer": ${layer}, "newToOld": [${expertsOfSlots(chiplets).join(", ")}]}`,
    );
    return (
      `{"format": "${FORMAT}", "version": 1, "numExperts": ${numExperts}, "numRanks": ${numChiplets},\n` +
      `"layers": [\n${rows.join(",\n")}\n]}\n`
    );
  },
  recognises: ({ json }) => isRecord(json) && json.format === FORMAT,
  read({ json }, options, report) {
    const document = json as Record<string, unknown>;
    reportExtraKeys(document, ["format", "version", "numExperts", "numRanks", "layers"], report);
    const { version, numExperts, numRanks, layers } = document;
    if (version !== 1) report(`version: found ${describeValue(version)}, expected 1`);
    if (!isCount(numExperts) || !isCount(numRanks)) {
      report(
        `found ${describeValue(numExperts)} experts over ${describeValue(numRanks)} ranks, expected both from 1 on`,
      );
      return undefined;
    }
    checkModelSizes("megatron", { numExperts, numChiplets: numRanks });
    if (!Array.isArray(layers)) {
      report(`layers: found ${describeValue(layers)}, expected a list`);
      return undefined;
    }
    const rows = layers.flatMap((entry: unknown, index) => {
      if (isRecord(entry) && Number.isInteger(entry.layer)) {
        return [{ layer: entry.layer as number, slots: entry.newToOld }];
      }
      report(`layers[${index}]: found ${describeValue(entry)}, expected layer and newToOld`);
      return [];
    });
    return fillSlots(rows, { ...options, numExperts, numChiplets: numRanks, format: "megatron" }, report);
  },
};

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1;
}
