import { InputError } from "../lib/errors.js";
import type { OnBytes } from "./bytes/file-bytes.js";
import { readLineBlocks } from "./bytes/lines.js";
import { RowLayers } from "./layer-name.js";
import { RowBatch } from "./row-batch.js";
import { RowScanner, type RowKeys } from "./bytes/row-scanner.js";
import type { TraceBuilder } from "./trace-builder.js";

/** How one of the formats with a JSON object a line differs from the others. */
export interface JsonRowsOptions {
  readonly keys: RowKeys;
  /** Takes an object that is not a row. Returns whether it makes sense. */
  readonly onOther?: (value: Readonly<Record<string, unknown>>, where: string) => boolean;
  /** Whether token 0 of a layer begins a sequence. */
  readonly tokensCountWithinSequence: boolean;
  readonly onBytes: OnBytes;
}

const NEWLINE = 0x0a;

/**
 * Reads a file with one token of one layer a line into a builder.
 *
 * A last line that was cut off is left out with a warning.
 *
 * @throws InputError with the number of the first line that is no row.
 */
export async function readJsonRows(
  path: string,
  builder: TraceBuilder,
  options: JsonRowsOptions,
): Promise<void> {
  const { keys, onOther = () => false, tokensCountWithinSequence } = options;
  const scanner = new RowScanner(keys);
  const batch = new RowBatch(path, builder);
  const layers = new RowLayers();
  let line = 0;
  for await (const bytes of readLineBlocks(path, options.onBytes)) {
    scanner.setBytes(bytes);
    for (let at = 0, next: number; at < bytes.length; at = next) {
      line++;
      next = scanner.scan(at);
      if (next < 0) {
        batch.flush();
        const found = bytes.indexOf(NEWLINE, at);
        const end = found < 0 ? bytes.length : found;
        next = end + 1;
        if (found === at) continue;
        const text = bytes.toString("utf8", at, end).trim();
        if (text === "") continue;
        const value = parseObject(text);
        if (!value && found < 0) {
          builder.warnings.push(`${path}:${line}: the last line is cut off and was left out`);
          continue;
        }
        if (value && onOther(value, `${path}:${line}`)) continue;
        const layer = value && layers.numberOf(value[keys.layer], `${path}:${line}`);
        if (!value || layer === undefined || !takeRow(value, { ...keys, layer }, scanner)) {
          throw new InputError(
            `${path}:${line}: found ${excerpt(text)}, expected ${example(keys)}`,
            text.startsWith("{")
              ? undefined
              : "Maybe other output came between the rows; keep the lines that begin with {.",
          );
        }
      }
      if (tokensCountWithinSequence && scanner.token === 0) {
        batch.flush();
        builder.startSequence(scanner.layer, { topK: scanner.width });
      }
      batch.add(scanner, line);
    }
  }
  batch.flush();
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Puts a parsed row where the scanner would have put it. */
function takeRow(
  value: Record<string, unknown>,
  { layer, ...keys }: Omit<RowKeys, "layer"> & { readonly layer: number },
  scanner: RowScanner,
): boolean {
  const { [keys.token]: token, [keys.experts]: experts } = value;
  if (!Array.isArray(experts) || experts.length === 0) return false;
  if (!experts.every(Number.isInteger) || experts.length > scanner.experts.length) return false;
  scanner.layer = layer;
  scanner.token = typeof token === "number" ? token : -1;
  scanner.width = experts.length;
  scanner.experts.set(experts as number[]);
  return true;
}

function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function example({ layer, token, experts }: RowKeys): string {
  return `a line like {"${layer}":0,"${token}":0,"${experts}":[8,26]}`;
}
