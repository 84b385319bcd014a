import { InputError } from "../../lib/errors.js";
import { readJson } from "../bytes/file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * JSON as people write it by hand: loads [layers][experts], alone or as "counts"; the rows of every layer by its number,
 * as HD-MoE has them; or a list of rows {"layer", "experts"}.
 */
export const layersJson: TraceFormat = {
  name: "JSON of layers",
  sign: 'JSON: loads [[...]] or {"counts": [[...]]}, {layer: [[...]]}, or [{"layer", "experts"}]',
  recognises: ({ text }) =>
    /^\s*\[\s*\[\s*[-\d]/.test(text) ||
    /^\s*\{\s*"(counts|\d+)"\s*:\s*\[\s*\[/.test(text) ||
    /^\s*\[\s*\{[^}]*"experts"\s*:/.test(text),
  async read(paths, builder, onBytes) {
    for (const path of paths) readContent(await readJson(path, onBytes), builder, path);
  },
};

function readContent(content: unknown, builder: TraceBuilder, path: string): void {
  const { counts } = (content ?? {}) as { counts?: unknown };
  if (isMatrix(content)) {
    addRows(content, builder, path);
    return;
  }
  if (isMatrix(counts)) {
    addRows(counts, builder, path);
    return;
  }
  if (Array.isArray(content)) {
    for (const [index, row] of (content as unknown[]).entries()) {
      const { layer, experts } = (row ?? {}) as { layer?: unknown; experts?: unknown };
      if (!isLayer(layer) || !isNumbers(experts)) {
        throw new InputError(`${path}: row ${index}: found no "layer" and "experts", expected both`);
      }
      append(builder, layer, { row: experts, where: `${path}: row ${index}` });
    }
    return;
  }
  for (const [key, rows] of Object.entries(content ?? {})) {
    if (!/^\d+$/.test(key) || !isMatrix(rows)) {
      throw new InputError(`${path}: found "${key}", expected numbers of layers, each with rows of ids`);
    }
    const where = `${path}: layer ${key}`;
    rows.forEach((row, token) => {
      append(builder, Number(key), { row, where: `${where}: token ${token}` });
    });
  }
}

function addRows(rows: readonly (readonly number[])[], builder: TraceBuilder, path: string): void {
  rows.forEach((row, layer) => {
    builder.addLoad(path, layer, Float64Array.from(row));
  });
}

function append(
  builder: TraceBuilder,
  layer: number,
  { row, where }: { row: readonly number[]; where: string },
): void {
  const fault = builder.append(layer, row);
  if (fault) throw new InputError(`${where}: ${fault.found}`, fault.advice);
}

function isLayer(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => typeof id === "number");
}

function isMatrix(value: unknown): value is readonly (readonly number[])[] {
  return Array.isArray(value) && value.length > 0 && value.every(isNumbers);
}
