import { describeValue } from "../describe-value.js";
import { isRecord, reportExtraKeys } from "./foreign-content.js";
import type { Placement } from "../placement/placement.js";
import { checkModelSizes } from "../plausible-size.js";
import { expertsOfSlots, fillSlots, type SlotRow } from "./physical-slots.js";
import type { PlacementFormat, Report } from "./placement-format.js";

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
  needs: { layers: "any", equalSlots: true, noReplicas: true, renumbers: true },
  write: formatPermutation,
  recognises: ({ json }) => isRecord(json) && json.format === FORMAT,
  read({ json }, options, report) {
    const permutation = parsePermutation(json, "megatron", report);
    if (permutation === undefined) return undefined;
    const { numExperts, numRanks, rows } = permutation;
    return fillSlots(rows, { ...options, numExperts, numChiplets: numRanks, format: "megatron" }, report);
  },
};

/** A renumbering as a file tells it. */
export interface Permutation {
  readonly numExperts: number;
  readonly numRanks: number;
  /** newToOld of every layer. */
  readonly rows: readonly SlotRow[];
}

/** Writes a placement without replicas as the order of the experts, rank by rank. */
export function formatPermutation({ layers, numExperts, numChiplets }: Placement): string {
  const rows = layers.map(
    ({ layer, chiplets }) => `  {"layer": ${layer}, "newToOld": [${expertsOfSlots(chiplets).join(", ")}]}`,
  );
  return (
    `{"format": "${FORMAT}", "version": 1, "numExperts": ${numExperts}, "numRanks": ${numChiplets},\n` +
    `"layers": [\n${rows.join(",\n")}\n]}\n`
  );
}

/**
 * Reads the order of the experts, the ids of which are not judged.
 *
 * @param name Name of the format, for messages.
 * @returns Undefined where something was reported that leaves no renumbering.
 */
export function parsePermutation(json: unknown, name: string, report: Report): Permutation | undefined {
  if (!isRecord(json)) {
    report(`found ${describeValue(json)}, expected a JSON object`);
    return undefined;
  }
  reportExtraKeys(json, ["format", "version", "numExperts", "numRanks", "layers"], report);
  const { version, numExperts, numRanks, layers } = json;
  if (version !== 1) report(`version: found ${describeValue(version)}, expected 1`);
  if (!isCount(numExperts) || !isCount(numRanks)) {
    report(
      `found ${describeValue(numExperts)} experts over ${describeValue(numRanks)} ranks, expected both from 1 on`,
    );
    return undefined;
  }
  checkModelSizes(name, { numExperts, numChiplets: numRanks });
  if (!Array.isArray(layers)) {
    report(`layers: found ${describeValue(layers)}, expected a list`);
    return undefined;
  }
  const rows = layers.flatMap((entry: unknown, index): SlotRow[] => {
    if (isRecord(entry) && Number.isInteger(entry.layer)) {
      return [{ layer: entry.layer as number, slots: entry.newToOld }];
    }
    report(`layers[${index}]: found ${describeValue(entry)}, expected layer and newToOld`);
    return [];
  });
  return { numExperts, numRanks, rows };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1;
}
