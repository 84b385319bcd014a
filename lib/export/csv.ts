import { describeValue } from "../describe-value.js";
import { checkModelSizes } from "../plausible-size.js";
import type { LayerPlacement } from "../placement/placement.js";
import { countExperts, countIds } from "./foreign-content.js";
import type { PlacementFormat } from "./placement-format.js";

const HEADER = "layer,expert,chiplet,slot";

/**
 * A row for every replica, for spreadsheets and scripts: `layer,expert,chiplet,slot`.
 *
 * Layers are numbered as the model counts them, slots from 0 on every chiplet; empty slots have no row.
 */
export const csv: PlacementFormat = {
  name: "csv",
  summary: "a row for every replica: layer, expert, chiplet, slot",
  extension: "csv",
  needs: { layers: "any", equalSlots: false, noReplicas: false },
  write({ layers }) {
    const rows = layers.flatMap(({ layer, chiplets }) =>
      chiplets.flatMap((experts, chiplet) =>
        experts.map((expert, slot) => `${layer},${expert},${chiplet},${slot}`),
      ),
    );
    return `${[HEADER, ...rows].join("\n")}\n`;
  },
  recognises: ({ text }) => text?.startsWith(HEADER) ?? false,
  read({ text = "" }, options, report) {
    const rows = text.trimEnd().split(/\r?\n/).slice(1);
    const slotsOf = new Map<number, Map<number, Map<number, number>>>();
    const ids: number[] = [];
    rows.forEach((row, index) => {
      const fields = row.split(",");
      if (fields.length !== 4 || !fields.every((field) => /^\d{1,9}$/.test(field))) {
        report(`line ${index + 2}: found ${describeValue(row)}, expected four whole numbers`);
        return;
      }
      const [layer, expert, chiplet, slot] = fields.map(Number);
      const slots = getOrMake(getOrMake(slotsOf, layer), chiplet);
      if (slots.has(slot))
        report(`line ${index + 2}: layer ${layer}, chiplet ${chiplet}: slot ${slot} comes twice`);
      slots.set(slot, expert);
      ids.push(expert);
    });
    const chipletIds = [...slotsOf.values()].flatMap((chiplets) => [...chiplets.keys()]);
    const numChiplets = options.numChiplets ?? countIds(chipletIds);
    checkModelSizes("csv", { numChiplets, numLayers: slotsOf.size || undefined });
    const layers = [...slotsOf].map(([layer, chiplets]): LayerPlacement => {
      const beyond = [...chiplets.keys()].find((chiplet) => chiplet >= numChiplets);
      if (beyond !== undefined) {
        report(`layer ${layer}: chiplet ${beyond} is out of range [0, ${numChiplets})`);
      }
      const held = Array.from({ length: numChiplets }, (_, chiplet) => [
        ...(chiplets.get(chiplet)?.values() ?? []),
      ]);
      return { layer, chiplets: held.map((experts) => experts.sort((a, b) => a - b)) };
    });
    layers.sort((a, b) => a.layer - b.layer);
    return { model: options.model, numExperts: countExperts(options, ids), numChiplets, layers };
  },
};

function getOrMake<Value>(map: Map<number, Map<number, Value>>, key: number): Map<number, Value> {
  const found = map.get(key) ?? new Map<number, Value>();
  map.set(key, found);
  return found;
}
