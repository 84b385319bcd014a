import {
  accessSync,
  constants,
  createWriteStream,
  existsSync,
  lstatSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { InputError } from "../index.js";
import { EXIT } from "./exit-code.js";

/** Whether a file that is there already may be replaced. */
export interface OutputOptions {
  readonly force?: boolean;
}

/** What standard output is called where a file is expected. What is for people goes to stderr then. */
export const STANDARD_OUTPUT = "-";

/**
 * Checks that a file can be written, before the work begins whose result it is to hold.
 *
 * A link stays: what it leads to is written, or replaced with --force. Pipes and devices are written to as they are.
 * That it is no input, and no other output, is checked for all commands at once (distinct-files.ts).
 *
 * @throws InputError if it is there already and may not be replaced, its folder is not there or cannot be written into, or
 *   it is a link to nothing.
 */
export function checkOutput(path: string, { force = false }: OutputOptions): void {
  if (path === STANDARD_OUTPUT) return;
  if (path === "") throw new InputError("found an empty name, expected the name of a file to write");
  try {
    checkPlace(path, force);
  } catch (error) {
    // Some names are none to the system: too long, or through what is no folder.
    throw unwritable(path, error as NodeJS.ErrnoException);
  }
}

function checkPlace(path: string, force: boolean): void {
  if (existsSync(path)) {
    const found = statSync(path);
    if (found.isDirectory()) {
      throw new InputError(`${path}: found a folder, expected the name of a file to write`);
    }
    if (!force && found.isFile()) {
      throw new InputError(
        `${path}: found a file, expected none of that name`,
        "Maybe pass --force to overwrite it.",
      );
    }
  } else if (isLink(path)) {
    throw new InputError(`${path}: found a link that leads nowhere, expected none`, "Maybe remove it.");
  } else if (!statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(`${path}: found no folder ${dirname(path)}, expected one to write into`);
  }
  const target = existsSync(path) ? realpathSync(path) : path;
  // A file is written under another name beside it and then renamed.
  if ((!existsSync(target) || statSync(target).isFile()) && !isWritable(dirname(target))) {
    throw new InputError(`${path}: found a folder ${dirname(target)} that cannot be written into`);
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a file, by whatever links it is named, also where it is not there yet. */
export function placeOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  return existsSync(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : resolve(path);
}

export function isSameFile(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b);
}

/** Whether something is there that is neither file nor folder: a pipe, a terminal, /dev/null. */
export function isDevice(path: string): boolean {
  const found = existsSync(path) ? statSync(path) : undefined;
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/**
 * Writes a file whole or not at all: under a temporary name beside it, renamed at the end. What runs that were killed
 * have left of the same file is removed.
 *
 * @param data Text, bytes, or pieces of either in order.
 * @param options.gzip Whether to compress it; the same data gives the same bytes.
 * @throws InputError as {@link checkOutput}, or if the disk refuses.
 */
export async function writeOutput(
  path: string,
  data: string | Uint8Array | Iterable<string | Uint8Array>,
  options: OutputOptions & { readonly gzip?: boolean },
): Promise<void> {
  if (path === STANDARD_OUTPUT) {
    const pieces = typeof data === "string" || data instanceof Uint8Array ? [data] : data;
    for (const piece of pieces) process.stdout.write(piece);
    return;
  }
  checkOutput(path, options);
  const target = existsSync(path) ? realpathSync(path) : path;
  const isFile = !existsSync(target) || statSync(target).isFile();
  const temporary = `${target}.${process.pid}.tmp`;
  const clean = () => {
    if (isFile) rmSync(temporary, { force: true });
  };
  const cleanAndQuit = () => {
    clean();
    process.exit(EXIT.interrupted);
  };
  for (const signal of SIGNALS) process.once(signal, cleanAndQuit);
  try {
    if (isFile) removeLeftOvers(target);
    const pieces = typeof data === "string" || data instanceof Uint8Array ? [data] : data;
    // Nothing is written through a link that somebody has put where the temporary file is to be.
    const file = isFile ? createWriteStream(temporary, { flags: "wx" }) : createWriteStream(target);
    await (options.gzip
      ? pipeline(Readable.from(pieces), createGzip(), file)
      : pipeline(Readable.from(pieces), file));
    if (isFile) renameSync(temporary, target);
  } catch (error) {
    clean();
    throw unwritable(path, error as NodeJS.ErrnoException);
  } finally {
    for (const signal of SIGNALS) process.off(signal, cleanAndQuit);
  }
}

/** What is wrong where the system refuses to write; the error itself where it is none of the system's. */
export function unwritable(
  path: string,
  error: NodeJS.ErrnoException,
): Error & { advice?: string | undefined } {
  const { code } = error;
  if (code === undefined) return error;
  return new InputError(
    `${path}: cannot be written (${code})`,
    code === "ENOSPC" ? "Maybe the disk is full." : undefined,
  );
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Removes temporary files of a target whose processes are gone, or had the number of this one. */
function removeLeftOvers(target: string): void {
  const folder = dirname(target);
  const start = `${basename(target)}.`;
  for (const name of readdirSync(folder)) {
    const found = name.startsWith(start) ? /^(\d{1,9})\.tmp$/.exec(name.slice(start.length)) : null;
    if (found && !isRunning(Number(found[1]))) rmSync(join(folder, name), { force: true });
  }
}

function isRunning(processId: number): boolean {
  if (processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
