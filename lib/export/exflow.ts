import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import { checkModelSizes } from "../plausible-size.js";
import { chipletOfExperts } from "../placement/placement.js";
import { countIds, layersOfRows } from "./foreign-content.js";
import type { PlacementFormat } from "./placement-format.js";

const HEADER = "Expert,Node";

/**
 * ExFlow's solution file: the GPU of every expert, layer after layer, experts numbered on through all layers.
 *
 * Row `layer * numExperts + expert` is that expert of that MoE layer, which the file does not say: in the published
 * solutions every run of 8 rows is balanced over the GPUs, so they are layers of 8 experts or a multiple.
 * Source: ExFlow (arXiv:2401.08383), published solutions; the column is headed "Node" and means GPU.
 */
export const exflow: PlacementFormat = {
  name: "exflow",
  summary: "ExFlow solution: CSV, the GPU of every expert, experts numbered on through all MoE layers",
  extension: "csv",
  needs: { layers: "all", equalSlots: false, noReplicas: true },
  write({ layers, numExperts }) {
    const rows = layers.flatMap(({ chiplets }, row) =>
      Array.from(
        chipletOfExperts(chiplets, numExperts),
        (rank, expert) => `${row * numExperts + expert},${rank}`,
      ),
    );
    return `${[HEADER, ...rows].join("\r\n")}\r\n`;
  },
  recognises: ({ text }) => text !== undefined && /^Expert,Node\r?\n/.test(text),
  read({ text = "" }, options, report) {
    const { numExperts } = options;
    if (numExperts === undefined) {
      throw new InputError(
        "exflow: found no number of experts in the file, expected to be told it",
        "Maybe pass numExperts, the experts of one MoE layer.",
      );
    }
    const rows = text.trimEnd().split(/\r?\n/).slice(1);
    const rankOf = rows.map((row, index) => {
      const match = /^(\d{1,9}),(\d{1,9})$/.exec(row);
      if (match === null) {
        report(`line ${index + 2}: found ${describeValue(row)}, expected two whole numbers`);
        return -1;
      }
      const [, id, rank] = match;
      if (Number(id) !== index) report(`line ${index + 2}: found expert ${id}, expected ${index}`);
      return Number(rank);
    });
    checkModelSizes("exflow", { numExperts, numLayers: Math.ceil(rows.length / numExperts) || undefined });
    if (rows.length === 0 || rows.length % numExperts !== 0) {
      report(`found ${rows.length} rows, expected a multiple of ${numExperts}, the experts of a layer`);
      return undefined;
    }
    const numChiplets = options.numChiplets ?? countIds(rankOf);
    const chipletsOfRow = (row: number) => {
      const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
      for (let expert = 0; expert < numExperts; expert++) {
        const rank = rankOf[row * numExperts + expert];
        if (rank >= 0 && rank < numChiplets) chiplets[rank].push(expert);
      }
      return chiplets;
    };
    const layers = layersOfRows(rows.length / numExperts, options, report).map((layer, row) => ({
      layer,
      chiplets: chipletsOfRow(row),
    }));
    return { model: options.model, numExperts, numChiplets, layers };
  },
};
