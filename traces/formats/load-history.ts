import { InputError } from "../../lib/errors.js";
import { readWhole, type FileHead } from "../bytes/file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * Loads as JSON: the history of an EPLB simulator, `{"load_history": [{"logical_expert_load": [layers][experts]}]}`, or
 * what SGLang takes as initial location, `{"logical_count": [layers][experts]}`. Steps are added up.
 */
export const loadHistory: TraceFormat = {
  name: "EPLB load history",
  recognises({ text }: FileHead) {
    return /^\s*\{/.test(text) && /"(logical_expert_load|logical_count)"\s*:\s*\[/.test(text);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const content = parseJson((await readWhole(path, onBytes)).toString(), path);
      const { load_history: history, logical_count: counts } = content;
      const steps = Array.isArray(history)
        ? history.map((step) => (step as { logical_expert_load?: unknown }).logical_expert_load)
        : [counts];
      for (const step of steps) addStep(step, builder, path);
    }
  },
};

function parseJson(text: string, path: string): { load_history?: unknown; logical_count?: unknown } {
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new InputError(`${path}: found ${(error as Error).message}, expected JSON`);
  }
}

/** Shape [numLayers, numExperts], or several of them. */
function addStep(step: unknown, builder: TraceBuilder, path: string): void {
  if (!Array.isArray(step) || !step.every(Array.isArray)) {
    throw new InputError(
      `${path}: found ${JSON.stringify(step).slice(0, 40)}, expected loads [layers][experts]`,
    );
  }
  const rows = step as readonly unknown[][];
  if (rows.every((row) => row.every(Array.isArray))) {
    for (const inner of rows) addStep(inner, builder, path);
    return;
  }
  rows.forEach((row, layer) => {
    if (!row.every((load) => typeof load === "number")) {
      throw new InputError(
        `${path}: layer ${layer}: found ${JSON.stringify(row).slice(0, 40)}, expected numbers`,
      );
    }
    builder.addLoad(path, layer, Float64Array.from(row));
  });
}
