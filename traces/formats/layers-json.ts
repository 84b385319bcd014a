import { InputError } from "../../lib/errors.js";
import { readJson } from "../bytes/file-bytes.js";
import type { TorchValue } from "../containers/torch-file.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { appendNamed, isArrayName } from "./named-arrays.js";

/** Lists within lists are no deeper in any trace, and neither are objects. */
const MOST_DEEP = 32;

/**
 * JSON as people write it by hand: arrays without names, loads or experts as their numbers tell; the rows of every layer
 * by its number, as HD-MoE has them; arrays by name, such as "counts"; or a list of rows {"layer", "experts"}.
 */
export const layersJson: TraceFormat = {
  name: "JSON of layers",
  sign: 'JSON: [[...]], {"counts": [[...]]}, {layer: [[...]]}, or [{"layer", "experts"}]',
  recognises({ text }) {
    if (/^\s*\[[\s[]*[-\d]/.test(text) || /^\s*\[\s*\{[^}]*"experts"\s*:/.test(text)) return true;
    const { name = "", inner = name } =
      /^\s*\{\s*"(?<name>\w+)"\s*:\s*(\{\s*"(?<inner>\w+)"\s*:\s*)?\[[\s[]*[-\d]/.exec(text)?.groups ?? {};
    return isArrayName(name) && isArrayName(inner);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) readContent(await readJson(path, onBytes), builder, path);
  },
};

function readContent(content: unknown, builder: TraceBuilder, path: string): void {
  if (Array.isArray(content) && content.some((row) => typeof row === "object" && !Array.isArray(row))) {
    for (const [index, row] of (content as unknown[]).entries()) {
      const { layer, experts } = (row ?? {}) as { layer?: unknown; experts?: unknown };
      if (!isLayer(layer) || !isNumbers(experts)) {
        throw new InputError(`${path}: row ${index}: found no "layer" and "experts", expected both`);
      }
      const fault = builder.append(layer, experts);
      if (fault) throw new InputError(`${path}: row ${index}: ${fault.found}`, fault.advice);
    }
    return;
  }
  appendNamed(builder, valueOf(content, path), path);
}

/** JSON as arrays by name: objects become dictionaries. */
function valueOf(content: unknown, path: string, depth = 0): TorchValue {
  if (depth > MOST_DEEP) throw new InputError(`${path}: found lists within lists, expected experts or loads`);
  if (typeof content !== "object" || content === null) return content as string | number | boolean | null;
  if (Array.isArray(content)) {
    // Lists of numbers are most of a file, and are what they are.
    return content.every((value) => typeof value === "number")
      ? content
      : content.map((value) => valueOf(value, path, depth + 1));
  }
  return new Map(Object.entries(content).map(([key, value]) => [key, valueOf(value, path, depth + 1)]));
}

function isLayer(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => typeof id === "number");
}
