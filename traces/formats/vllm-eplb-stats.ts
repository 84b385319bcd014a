import { InputError } from "../../lib/errors.js";
import { checkModelSizes } from "../../lib/plausible-size.js";
import { readLines } from "../bytes/lines.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * The load statistics of vLLM's offline EPLB: JSON Lines with a record for every step, the loads of physical slots and
 * the logical expert of each slot. Slots are mapped back, steps added up.
 *
 * Source: vLLM pull request 41141.
 */
export const vllmEplbStats: TraceFormat = {
  name: "vLLM EPLB statistics",
  sign: 'JSON Lines with "record_type" eplb_load_stats',
  recognises: ({ text }) => /^\s*\{[^\n]*"record_type"\s*:\s*"eplb_/.test(text),
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
        const record = parseRecord(text);
        if (record) {
          addRecord(record, builder, { path, where: `${path}:${number}` });
        } else if (isTerminated) {
          throw new InputError(`${path}:${number}: found ${text.slice(0, 60)}, expected eplb_load_stats`);
        } else {
          builder.warnings.push(`${path}:${number}: the last line is cut off and was left out`);
        }
      }
    }
  },
};

function parseRecord(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function addRecord(
  record: Readonly<Record<string, unknown>>,
  builder: TraceBuilder,
  { path, where }: { path: string; where: string },
): void {
  const { record_type: type, expert_load: loads, p2l_map: map } = record;
  if (type !== "eplb_load_stats") return;
  if (!isMatrix(loads) || !isMatrix(map) || loads.length !== map.length) {
    throw new InputError(
      `${where}: found no expert_load and p2l_map of as many layers, expected [layers][slots]`,
    );
  }
  let last = -1;
  for (const row of map) for (const expert of row) last = Math.max(last, expert);
  checkModelSizes(where, { numExperts: last + 1 }, builder.options);
  const layers = loads.map((row, layer) => {
    const load = new Float64Array(last + 1);
    row.forEach((count, slot) => {
      const expert = map[layer][slot] ?? -1;
      if (expert >= 0) load[expert] += count;
    });
    return [layer, load] as const;
  });
  builder.addStep(path, layers);
}

function isMatrix(value: unknown): value is readonly (readonly number[])[] {
  return (
    Array.isArray(value) &&
    value.every((row) => Array.isArray(row) && row.every((count) => typeof count === "number"))
  );
}
