import { InputError } from "../../lib/errors.js";
import { readLines } from "../bytes/lines.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

const LOADS = /^layer(_id)?,expert(_id)?,(count|load|tokens)\s*$/i;
const HEADER = /^layer(_id)?,token(_id|_idx)?,[a-z]/i;
/** As people write numbers: what a programme reads as hexadecimal is a slip here. */
const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
const ROW = /^\d+,\d+(,-?\d+)+\s*$/;

/**
 * Tables of whole numbers: layer, token and its experts, with or without a header; or, with a header, layer, expert and
 * how often it was chosen.
 */
export const rowsCsv: TraceFormat = {
  name: "CSV of rows",
  sign: "lines like 1,0,8,26 of layer, token and experts, or the header layer_id,expert_id,count",
  recognises({ text }) {
    const [first, second = ""] = text.split(/\r?\n/, 2);
    return LOADS.test(first) || ROW.test(first) || (HEADER.test(first) && ROW.test(second));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const loads = new Map<number, number[]>();
      let isLoads = false;
      for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
        if (number === 1 && !ROW.test(text)) {
          isLoads = LOADS.test(text);
          continue;
        }
        const fields = text.split(",").map((field) => (DECIMAL.test(field) ? Number(field) : NaN));
        const isSound = fields.length >= 3 && fields.every((field) => Number.isFinite(field));
        if (!isSound && !isTerminated) {
          builder.warnings.push(`${path}:${number}: the last line is cut off and was left out`);
        } else if (!isSound) {
          throw new InputError(`${path}:${number}: found ${text.slice(0, 60)}, expected numbers and commas`);
        } else if (isLoads) {
          addCount(loads, fields, `${path}:${number}`);
        } else {
          appendRow(builder, fields, `${path}:${number}`);
        }
      }
      const numExperts = [...loads.values()].reduce((most, load) => Math.max(most, load.length), 0);
      for (const [layer, load] of loads) {
        builder.addLoad(
          path,
          layer,
          Float64Array.from({ length: numExperts }, (_, expert) => load[expert] ?? 0),
        );
      }
    }
  },
};

function addCount(
  loads: Map<number, number[]>,
  [layer, expert, count]: readonly number[],
  where: string,
): void {
  if (!Number.isInteger(expert) || expert < 0 || expert >= 65535) {
    throw new InputError(`${where}: found expert ${expert}, expected [0, 65535)`);
  }
  const load = loads.get(layer) ?? [];
  load[expert] = (load[expert] ?? 0) + count;
  loads.set(layer, load);
}

function appendRow(builder: TraceBuilder, [layer, , ...experts]: readonly number[], where: string): void {
  const fault = builder.append(layer, experts);
  if (fault) throw new InputError(`${where}: ${fault.found}`, fault.advice);
}
