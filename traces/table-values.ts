import { describeValue } from "../lib/describe-value.js";
import { InputError } from "../lib/errors.js";
import type { RowLayers } from "./layer-name.js";

/** A row by the names of its columns. */
export type TableRow = Readonly<Record<string, unknown>>;

/** @throws InputError if a value is neither the number of a layer nor its name. */
export function layerOf(value: unknown, where: string, layers: RowLayers): number {
  const layer = layers.numberOf(value, where);
  if (layer !== undefined) return layer;
  throw wrongNumber(value, where, { name: "layer ", expected: "a whole number, or a name like layers.3" });
}

/** @throws InputError if a value is no whole number. Negative ones are padding; so is what is missing. */
export function idOf(value: unknown, where: string): number {
  if (isMissing(value)) return -1;
  const id = isNumber(value) ? Number(value) : NaN;
  if (Number.isInteger(id)) return id;
  throw wrongNumber(value, where);
}

/** The numbers of a list of ids. What is missing behind them, as tables fill rows up, is no expert. */
export function idsIn(ids: unknown, where: string, areWeights = false): number[] {
  if (!isList(ids)) throw new InputError(`${where}: found ${typeof ids}, expected a list of experts`);
  let { length } = ids;
  while (!areWeights && length > 0 && isMissing(ids[length - 1])) length--;
  const found: number[] = [];
  for (let at = 0; at < length; at++) {
    const id = typeof ids[at] === "bigint" ? Number(ids[at]) : ids[at];
    const isSound = typeof id === "number" && (areWeights ? Number.isFinite(id) : Number.isInteger(id));
    if (!isSound) throw wrongNumber(id, where);
    found.push(id);
  }
  return found;
}

/** The error that a value is no number as it should be. */
export function wrongNumber(
  value: unknown,
  where: string,
  { name = "", expected = "the number of an expert" } = {},
): InputError {
  const text =
    typeof value === "string" ? value.slice(0, 60) : isMissing(value) ? "nothing" : describeValue(value, 60);
  return new InputError(
    `${where}: found ${name}${text}, expected ${expected}`,
    hasSeparators(text) ? "Maybe write numbers without separators of thousands." : undefined,
  );
}

/**
 * The text of a cell that tells rows apart.
 *
 * @throws InputError if it is a list or an object, which is no number and no name.
 */
export function labelOf(value: unknown, where: string): string {
  if (typeof value !== "object" || value === null) return String(value);
  // Binary names and times of Parquet.
  if (value instanceof Uint8Array || value instanceof Date) return value.toString();
  throw new InputError(`${where}: found ${describeValue(value)}, expected a number or a name`);
}

/** Whether text is a number with separators of thousands, as spreadsheets and Python write them. */
export function hasSeparators(text: string): boolean {
  return /^\d{1,3}([,_' \u00a0]\d{3})+$/.test(text);
}

/** Whether a cell is empty. */
export function isMissing(value: unknown): boolean {
  return value === null || value === undefined || Number.isNaN(value);
}

export function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** How deep lists are nested: 0 for none and for an empty one. */
export function depthOf(value: unknown): number {
  let depth = 0;
  for (let inner = value; isList(inner) && inner.length > 0; inner = inner[0]) depth++;
  return depth;
}

export function isList(value: unknown): value is ArrayLike<unknown> & Iterable<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}
