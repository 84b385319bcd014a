import { describeValue } from "../../lib/describe-value.js";
import { InputError } from "../../lib/errors.js";
import { readJson, type FileHead } from "../bytes/file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * Loads as JSON: the history of an EPLB simulator, `{"load_history": [{"logical_expert_load": [layers][experts]}]}`, or
 * what SGLang takes as initial location, `{"logical_count": [layers][experts]}`. Steps are added up.
 */
export const loadHistory: TraceFormat = {
  name: "EPLB load history",
  sign: 'JSON with "logical_expert_load" or "logical_count"',
  recognises({ text }: FileHead) {
    return /^\s*\{/.test(text) && /"(logical_expert_load|logical_count)"\s*:\s*\[/.test(text);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const { load_history: history, logical_count: counts } = ((await readJson(path, onBytes)) ??
        {}) as Readonly<Record<string, unknown>>;
      const steps = Array.isArray(history) ? (history as unknown[]).map(loadsOfStep) : [counts];
      for (const step of steps) addStep(step, builder, path);
    }
  },
};

function loadsOfStep(step: unknown): unknown {
  return (step as { logical_expert_load?: unknown } | null)?.logical_expert_load;
}

/** Shape [numLayers, numExperts], or [numSteps, numLayers, numExperts]. */
function addStep(step: unknown, builder: TraceBuilder, path: string): void {
  const isThreeDimensional = isRows(step) && step.every(isRows);
  for (const rows of isThreeDimensional ? step : [step]) {
    if (!isRows(rows)) {
      throw new InputError(`${path}: found ${describeValue(step)}, expected loads [layers][experts]`);
    }
    const loads = rows.map((row, layer) => {
      if (row.every((load) => typeof load === "number")) return [layer, Float64Array.from(row)] as const;
      throw new InputError(`${path}: layer ${layer}: found ${describeValue(row)}, expected numbers`);
    });
    builder.addStep(path, loads);
  }
}

function isRows(value: unknown): value is readonly (readonly unknown[])[] {
  return Array.isArray(value) && value.length > 0 && value.every(Array.isArray);
}
