import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { InputError } from "../index.js";
import type { Solution } from "../doors/placement.js";
import type { SolutionStore } from "../doors/solvers.js";
import { checkOutput } from "./output-file.js";

/** Finished layers in a file, one line each. */
export interface Checkpoint extends SolutionStore {
  /** Layers that the file held when it was opened. */
  readonly numKept: number;
  close(): void;
}

const FORMAT = "moeplace.checkpoint";

/**
 * Opens a checkpoint: JSON lines, the first of which says what it is a checkpoint of. A line is written at once and is
 * on the disk before its layer counts as finished; a last line that a kill has torn is dropped.
 *
 * @param made All that decides what is computed, by name: version, hash of the trace, options.
 * @throws InputError if the file is no checkpoint, is damaged, or is one of something else: it names what differs.
 */
export function openCheckpoint(path: string, made: Readonly<Record<string, unknown>>): Checkpoint {
  const head = { format: FORMAT, version: 1, made };
  if (!existsSync(path)) checkOutput(path, {});
  const text = existsSync(path) ? readText(path) : "";
  // What is behind the last end of a line was torn by a kill.
  const [torn, ...whole] = text.split("\n").reverse();
  const lines = whole.reverse();
  if (lines.length === 0 && !JSON.stringify(head).startsWith(torn)) throw noCheckpoint(path);
  const known = lines.length === 0 ? new Map<string, never>() : readCheckpoint(path, lines, asJson(made));
  const file = openSync(path, "a");
  const append = (record: unknown) => {
    guardDisk(path, () => {
      writeSync(file, `${JSON.stringify(record)}\n`);
      fdatasyncSync(file);
    });
  };
  ftruncateSync(file, Buffer.byteLength(text) - Buffer.byteLength(torn));
  if (lines.length === 0) append(head);
  return {
    numKept: known.size,
    get: (key) => known.get(key),
    set(key, solution) {
      append({ key, solution, sha256: sumOf(key, solution) });
    },
    close() {
      closeSync(file);
    },
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new InputError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
  }
}

function noCheckpoint(path: string): InputError {
  return new InputError(`${path}: found no checkpoint, expected one of version 1, or no such file`);
}

function readCheckpoint(
  path: string,
  [head, ...lines]: readonly string[],
  made: Readonly<Record<string, unknown>>,
): Map<string, Solution> {
  const { format, version, made: before } = parseLine(path, head, 1);
  if (format !== FORMAT || version !== 1 || typeof before !== "object" || before === null) {
    throw noCheckpoint(path);
  }
  const then = before as Readonly<Record<string, unknown>>;
  const names = [...new Set([...Object.keys(then), ...Object.keys(made)])];
  const differing = names.filter((name) => JSON.stringify(then[name]) !== JSON.stringify(made[name]));
  if (differing.length > 0) {
    throw new InputError(
      `${path}: found a checkpoint made with another ${differing.join(", ")}, expected one of this run`,
      "Maybe name another file, or give the options and inputs it was made with.",
    );
  }
  return new Map(
    lines.map((line, index) => {
      const { key, solution, sha256 } = parseLine(path, line, index + 2);
      if (typeof key !== "string" || sha256 !== sumOf(key, solution)) {
        throw new InputError(`${path}:${index + 2}: found a damaged line, expected a finished layer`);
      }
      return [key, solution as Solution];
    }),
  );
}

function parseLine(path: string, line: string, number: number): Record<string, unknown> {
  try {
    const record: unknown = JSON.parse(line);
    // What nests so deep that it cannot be written never was.
    JSON.stringify(record);
    if (typeof record === "object" && record !== null) return record as Record<string, unknown>;
  } catch {
    // Said below, as for what is JSON and no object.
  }
  throw new InputError(`${path}:${number}: found no JSON object, expected a line of a checkpoint`);
}

function sumOf(key: string, solution: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify([key, solution]))
    .digest("hex");
}

/** As it comes back from a file. */
function asJson(made: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(made)) as Record<string, unknown>;
}

function guardDisk(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new InputError(
      `${path}: cannot be written (${code})`,
      code === "ENOSPC" ? "Maybe the disk is full." : undefined,
    );
  }
}
