import { existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { InputError } from "../index.js";

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
 * @throws InputError as {@link checkOutput}, or if the disk refuses.
 */
export function writeOutput(path: string, data: string | Uint8Array, options: OutputOptions): void {
  checkOutput(path, options);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, data);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new InputError(
      `${path}: cannot be written (${(error as NodeJS.ErrnoException).code ?? "unknown"})`,
    );
  }
}
