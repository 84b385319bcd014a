import { InputError } from "../lib/errors.js";
import { esft } from "./esft.js";
import { listFiles, readHead } from "./file-bytes.js";
import { jsonLines } from "./json-lines.js";
import type { TraceFormat } from "./trace-format.js";
import { vllmRouteLog } from "./vllm-route-log.js";

/** Every format that can be read; the first that recognises a file reads it. */
export const traceFormats: readonly TraceFormat[] = [jsonLines, vllmRouteLog, esft];

/** A path given by the user, and what was found there. */
export interface TraceSource {
  readonly path: string;
  readonly format: TraceFormat;
  /** The file itself, or those in the folder that are of the format. */
  readonly files: readonly string[];
  /** Files in the folder that are of no format known. */
  readonly ignored: readonly string[];
}

/**
 * Finds out by content how the file or the files of a folder are written.
 *
 * @throws InputError if there is nothing, nothing known, or several formats in one folder.
 */
export async function detectSource(path: string): Promise<TraceSource> {
  const found = new Map<TraceFormat, string[]>();
  const ignored: string[] = [];
  const files = await listFiles(path);
  for (const file of files) {
    const head = await readHead(file);
    if (head.bytes.length === 0 && files.length === 1) {
      throw new InputError(`${file}: found an empty file, expected a trace`);
    }
    const format = traceFormats.find((candidate) => candidate.recognises(head));
    if (format) found.set(format, [...(found.get(format) ?? []), file]);
    else ignored.push(file);
  }
  const formats = [...found.keys()];
  if (formats.length > 1) {
    throw new InputError(
      `${path}: found files of ${formats.map(({ name }) => name).join(" and ")}, expected one format`,
    );
  }
  if (formats.length === 0) {
    throw new InputError(
      `${path}: found no format known, expected ${traceFormats.map(({ name }) => name).join(", ")}`,
    );
  }
  return { path, format: formats[0], files: found.get(formats[0]) ?? [], ignored };
}
