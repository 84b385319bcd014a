import { basename } from "node:path";
import { InputError } from "../../lib/errors.js";
import type { FileHead, OnBytes } from "../bytes/file-bytes.js";
import { readLines } from "../bytes/lines.js";
import { areWeights } from "../table.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * A table with a row for every token and a column for every expert: `layer_id,token_id,expert_0,expert_1,...`.
 *
 * What is not zero is chosen. Published files of this kind have layer_id 0 in all of them, whatever the layer; where
 * the name of such a file tells the layer, the name is believed.
 */
export const denseCsv: TraceFormat = {
  name: "dense CSV",
  sign: "the header layer_id,token_id,expert_0,expert_1",
  recognises({ text }: FileHead) {
    if (!/^layer_id,token_id,expert_0,expert_1/.test(text)) return false;
    const [header, ...lines] = text.split(/\r?\n/);
    // In another order they are a table like others, whose columns are told by their names.
    const names = header.split(",").slice(2);
    if (names.some((name, expert) => name.trim() !== `expert_${expert}`)) return false;
    // Columns of the same names may be the places of a token's experts.
    const rows = lines.slice(0, -1);
    return rows.length === 0 || areWeights(rows.map((row) => row.split(",").slice(2).map(Number)));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) await readTable(path, builder, onBytes);
  },
};

async function readTable(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const layerInName = Number(/layer_?(\d+)/.exec(basename(path))?.[1] ?? 0);
  let numExperts = 0;
  let isRenamed = false;
  for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
    const where = `${path}:${number}`;
    if (text === "") continue;
    const fields = text.split(",");
    if (number === 1) {
      numExperts = fields.length - 2;
      builder.declare(where, { numExperts });
      continue;
    }
    if (
      fields.length !== numExperts + 2 ||
      !/^\d+$/.test(fields[0]) ||
      fields.some((field) => field.trim() === "")
    ) {
      if (isTerminated)
        throw new InputError(`${where}: found ${fields.length} fields, expected ${numExperts + 2}`);
      builder.warnings.push(`${where}: the last line is cut off and was left out`);
      return;
    }
    const weights = fields.slice(2).map(Number);
    const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Infinity));
    if (wrong >= 0) {
      throw new InputError(
        `${where}: found ${fields[2 + wrong].slice(0, 60)} for expert ${wrong}, expected a weight of 0 or more`,
      );
    }
    const experts = weights.flatMap((weight, expert) => (weight === 0 ? [] : [expert]));
    const layer = Number(fields[0]) || layerInName;
    isRenamed ||= layer !== Number(fields[0]);
    const fault = builder.append(layer, experts);
    if (fault) throw new InputError(`${where}: ${fault.found}`, fault.advice);
  }
  if (isRenamed)
    builder.warnings.push(
      `${path}: taken for layer ${layerInName}, as its name says, although layer_id is 0`,
    );
}
