import { createWriteStream, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { InputError } from "../index.js";
import { EXIT } from "./exit-code.js";

/** Whether a file that is there already may be replaced. */
export interface OutputOptions {
  readonly force?: boolean;
}

/**
 * Checks that a file can be written, before the work begins whose result it is to hold.
 *
 * @throws InputError if it is there already and may not be replaced, or its folder is not there.
 */
export function checkOutput(path: string, { force = false }: OutputOptions): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) {
      throw new InputError(`${path}: found a folder, expected the name of a file to write`);
    }
    if (!force) {
      throw new InputError(
        `${path}: found a file, expected none of that name`,
        "Maybe pass --force to overwrite it.",
      );
    }
  } else if (!existsSync(dirname(path))) {
    throw new InputError(`${path}: found no folder ${dirname(path)}, expected one to write into`);
  }
}

/**
 * Writes a file whole or not at all: under a temporary name beside it, renamed at the end.
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
  checkOutput(path, options);
  const temporary = `${path}.${process.pid}.tmp`;
  const clean = () => {
    rmSync(temporary, { force: true });
  };
  const cleanAndQuit = () => {
    clean();
    process.exit(EXIT.interrupted);
  };
  process.once("SIGINT", cleanAndQuit);
  try {
    const pieces = typeof data === "string" || data instanceof Uint8Array ? [data] : data;
    const file = createWriteStream(temporary);
    await (options.gzip
      ? pipeline(Readable.from(pieces), createGzip(), file)
      : pipeline(Readable.from(pieces), file));
    renameSync(temporary, path);
  } catch (error) {
    clean();
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new InputError(`${path}: cannot be written (${code})`);
  } finally {
    process.off("SIGINT", cleanAndQuit);
  }
}
