import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import { DEFAULT_LIMITS } from "../plausible-size.js";
import { moeLayers } from "../hardware/model-layers.js";
import type { ForeignContent, ReadOptions, Report } from "./placement-format.js";

/** Looks at the bytes of a file once, as text and as JSON, for all formats to recognise. */
export function lookAt(bytes: Uint8Array): ForeignContent {
  let text: string | undefined;
  let json: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    json = JSON.parse(text);
  } catch {
    // Not text or not JSON: the formats that want them will not recognise the file.
  }
  return { bytes, text, json };
}

/** What a container of a file holds; undefined where it is damaged, which is told. */
export function unlessDamaged<T>(open: () => T, report: Report): T | undefined {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    report(error.message);
    return undefined;
  }
}

/** Whether a value is a plain JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a list of integers; one entry that is none is told. */
export function isIdList(value: unknown, where: string, report: Report): value is number[] {
  if (!Array.isArray(value)) {
    report(`${where}: found ${describeValue(value)}, expected a list of expert ids`);
    return false;
  }
  const wrong: unknown = value.find((id) => !Number.isInteger(id));
  const sound = value.every((id) => Number.isInteger(id));
  if (!sound) report(`${where}: found ${describeValue(wrong)}, expected an integer id`);
  return sound;
}

/** Tells of every key of an object that the format does not have. */
export function reportExtraKeys(
  value: Record<string, unknown>,
  allowed: readonly string[],
  report: Report,
): void {
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key))
      report(`found key ${describeValue(key)}, expected ${allowed.join(", ")} and no other key`);
  }
}

/**
 * Number of EP ranks, which files of physical slots do not tell.
 *
 * @throws InputError if the options do not tell it either.
 */
export function requireRanks({ numChiplets }: ReadOptions, format: string): number {
  if (numChiplets !== undefined) return numChiplets;
  throw new InputError(
    `${format}: found no number of chiplets in the file, expected to be told it`,
    "Maybe pass numChiplets of the file, its EP ranks.",
  );
}

/** Number of experts as told, or one more than the largest sensible id found; larger ones are out of range then. */
export function countExperts({ numExperts }: ReadOptions, ids: Iterable<number>): number {
  return numExperts ?? countIds(ids);
}

/** One more than the largest id that is plausible, so that a broken id cannot ask for endless room. */
export function countIds(ids: Iterable<number>): number {
  let largest = 0;
  for (const id of ids) if (id > largest && id < DEFAULT_LIMITS.maxExperts) largest = id;
  return largest + 1;
}

/**
 * Layer of each row of a file that has a row for every MoE layer.
 *
 * @param numRows Undefined where one row stands for every MoE layer.
 * @param report Told where the model has another number of MoE layers.
 */
export function layersOfRows(
  numRows: number | undefined,
  { numHiddenLayers, firstMoeLayer = 0, moeLayerStep = 1 }: ReadOptions,
  report: Report,
): number[] {
  const expected =
    numHiddenLayers === undefined
      ? undefined
      : moeLayers({ numHiddenLayers, firstMoeLayer, moeLayerStep }).length;
  if (numRows !== undefined && expected !== undefined && numRows !== expected) {
    report(`found ${numRows} layers, expected ${expected}, one for every MoE layer`);
  }
  return Array.from({ length: numRows ?? expected ?? 1 }, (_, row) => firstMoeLayer + row * moeLayerStep);
}

/** Lists of ids as JSON, one list a line. */
export function formatRows(rows: readonly (readonly number[])[]): string {
  return `[\n${rows.map((ids) => `  [${ids.join(", ")}]`).join(",\n")}\n]`;
}
