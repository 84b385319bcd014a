import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { InputError } from "../index.js";
import { parsePlacement, type PlacementFile } from "../doors/placement.js";

/**
 * Reads a file whole.
 *
 * @throws InputError if there is none that can be read.
 */
export function readBytes(path: string): Buffer {
  return reading(path, () => readFileSync(path));
}

/**
 * Reads a JSON or YAML file; an alias in YAML stands for nothing.
 *
 * @throws InputError if it is neither.
 */
export async function readDocument(path: string): Promise<unknown> {
  const { parseDocument } = await import("yaml");
  const text = readText(path);
  const refuse = (reason: string) => new InputError(`${path}: found no JSON or YAML that is read: ${reason}`);
  if (text.length > MOST_CHARACTERS) throw refuse(`over ${MOST_CHARACTERS} characters`);
  const parsed = parseDocument(text, { logLevel: "silent" });
  if (parsed.errors.length > 0) throw refuse(parsed.errors[0].message.split("\n")[0]);
  try {
    return parsed.toJS({ maxAliasCount: 0 }) as unknown;
  } catch (error) {
    throw refuse((error as Error).message);
  }
}

/** Configurations are written by hand. */
const MOST_CHARACTERS = 100_000;

/** Reads a file of UTF-8 whole, without the byte order mark that some editors write. */
export function readText(path: string): string {
  return readBytes(path)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
}

/** Reads a placement file, whole and sound. */
export function readPlacement(path: string): Promise<PlacementFile> {
  return parsePlacement(readText(path), path);
}

/** Tells placement files from traces among the files a command was given, each in the order given. */
export function sortPaths(paths: readonly string[]): { traces: string[]; placements: string[] } {
  const placements = paths.filter(isPlacementFile);
  return { traces: paths.filter((path) => !placements.includes(path)), placements };
}

/** Whether a file says of itself that it is a moeplace placement, near its beginning. */
export function isPlacementFile(path: string): boolean {
  // Standard input is a trace.
  if (path === "-") return false;
  return reading(path, () => {
    if (statSync(path).isDirectory()) return false;
    const file = openSync(path, "r");
    try {
      const head = Buffer.alloc(65536);
      const length = readSync(file, head);
      return /"format"\s*:\s*"moeplace\.placement"/.test(head.toString("latin1", 0, length));
    } finally {
      closeSync(file);
    }
  });
}

/** Does something with a file that the user named, which may not be there. */
function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new InputError(`${path}: found no such file`);
    if (code === "EISDIR") throw new InputError(`${path}: found a folder, expected a file`);
    throw new InputError(`${path}: cannot be read (${code ?? "unknown"})`);
  }
}
