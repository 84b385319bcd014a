import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../index.js";
import { comparisonFigures, comparisonPicture, type ReportInput } from "../doors/report.js";
import { checkOutput, writeOutput, type OutputOptions } from "./output-file.js";

/**
 * Checks that pictures can be written to a file named `.svg`, or to a folder, before the work begins.
 *
 * @throws InputError as {@link checkOutput} does, or if a file is where the folder is to be.
 */
export function checkPictures(path: string, options: OutputOptions, inputs: readonly string[] = []): void {
  const isThere = existsSync(path);
  if (isThere && !isFile(path) && !statSync(path).isDirectory()) {
    throw new InputError(`${path}: found a file, expected a folder, or a name that ends in .svg`);
  }
  checkOutput(isThere && !isFile(path) ? join(path, "solvers.svg") : path, options, inputs);
}

/** Writes a comparison as one picture, or into a folder picture by picture, each with its data as comma-separated values. */
export async function writePictures(
  path: string,
  input: Omit<ReportInput, "facts">,
  options: OutputOptions,
): Promise<void> {
  if (isFile(path)) return writeOutput(path, await comparisonPicture(input), options);
  const figures = await comparisonFigures(input);
  mkdirSync(path, { recursive: true });
  for (const { name, svg, csv } of figures) {
    await writeOutput(join(path, `${name}.svg`), svg, options);
    await writeOutput(join(path, `${name}.csv`), `${csv.trimEnd()}\n`, options);
  }
}

function isFile(path: string): boolean {
  return path.endsWith(".svg");
}
