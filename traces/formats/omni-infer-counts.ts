import { basename } from "node:path";
import { InputError } from "../../lib/errors.js";
import type { FileHead } from "../bytes/file-bytes.js";
import { readLines } from "../bytes/lines.js";
import type { TraceFormat } from "../trace-format.js";

const NAME = /recordstep_(\d+)_rank_(\d+)/;

/**
 * The activation counts of omni-infer: a file for every step and rank, activation_counts_recordstep_<step>_rank_<rank>,
 * with a line for every MoE layer and a count, tab after tab, for every expert that the rank holds.
 *
 * Ranks are put side by side and steps added up. Counts are by position; they are counts by expert only if the
 * experts were in their default order and had no copies, which the files do not tell.
 */
export const omniInferCounts: TraceFormat = {
  name: "omni-infer activation counts",
  sign: "counts and tabs in a file named recordstep_<step>_rank_<rank>",
  recognises({ text, path }: FileHead) {
    // The content is mere numbers; rank and step are nowhere but in the name.
    return /^\d+\t[\d\t]*\r?\n/.test(text) && NAME.test(basename(path));
  },
  async read(paths, builder, onBytes) {
    const ranksOf = new Map<number, Map<number, number[][]>>();
    for (const path of paths) {
      const [, step, rank] = (NAME.exec(basename(path)) ?? ["", "0", "0"]).map(Number);
      const ranks = ranksOf.get(step) ?? new Map<number, number[][]>();
      ranksOf.set(step, ranks);
      const layers: number[][] = [];
      for await (const { number, text } of readLines(path, onBytes)) {
        const counts = text.trim().split("\t").map(Number);
        if (text.trim() === "") continue;
        if (!counts.every((count) => Number.isInteger(count) && count >= 0)) {
          throw new InputError(`${path}:${number}: found ${text.slice(0, 40)}, expected counts and tabs`);
        }
        layers.push(counts);
      }
      ranks.set(rank, layers);
    }
    for (const [step, ranks] of ranksOf) {
      const inOrder = [...ranks].sort(([a], [b]) => a - b);
      checkRanks(inOrder, `${paths[0]}: step ${step}`);
      inOrder[0][1].forEach((_, layer) => {
        const load = Float64Array.from(inOrder.flatMap(([, layers]) => layers[layer] ?? []));
        builder.addLoad(paths[0], layer, load);
      });
    }
    builder.warnings.push(
      "omni-infer: counts by position are taken for counts by expert, as if experts were in order",
    );
  },
};

function checkRanks(ranks: readonly (readonly [number, readonly number[][]])[], where: string): void {
  const missing = ranks.findIndex(([rank], index) => rank !== index);
  if (missing >= 0) {
    throw new InputError(`${where}: found no file of rank ${missing}, expected one of every rank`);
  }
  const uneven = ranks.find(([, layers]) => layers.length !== ranks[0][1].length);
  if (uneven) {
    throw new InputError(
      `${where}: found ${uneven[1].length} layers of rank ${uneven[0]}, expected ${ranks[0][1].length}`,
    );
  }
}
