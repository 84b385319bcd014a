import { dirname, extname } from "node:path";
import type { Command, Option } from "commander";
import { InputError } from "../index.js";
import { isDevice, isSameFile, placeOf, STANDARD_OUTPUT } from "./output-file.js";

/** Options that name what is written, of all commands. */
export const WRITTEN: readonly string[] = [
  "--output",
  "--out",
  "--engine-output",
  "--moves",
  "--report",
  "--svg",
  "--perfetto",
  "--graph",
  "--checkpoint",
];

/** Options that name a file that is read, of all commands; arguments are read, too. */
export const READ: readonly string[] = [
  "--from",
  "--like",
  "--hardware",
  "--model",
  "--placement",
  "--evaluate-on",
  "--trace",
  "--against",
  "--config",
];

/** What pictures and their data end in, that are written into a folder. */
const PICTURES = [".svg", ".png", ".csv"];

/** Something that a command is to write. */
interface Written {
  readonly flag: string;
  /** As it was given. */
  readonly path: string;
  readonly place: string;
}

/**
 * Checks that a command writes every file once, and none that it reads, before it does anything.
 *
 * @param command Whose command line has been read.
 * @throws InputError if two outputs are one file, one lies in what is to be the file of another, or one is an input.
 */
export function checkDistinctFiles(command: Command): void {
  const written = command.options.filter(isOf(WRITTEN)).flatMap((option) => writtenBy(option, command));
  const read = [
    ...(command.processedArgs as readonly unknown[]),
    ...command.options.filter(isOf(READ)).map((option) => valueOf(option, command)),
  ].flatMap(textsOf);
  for (const [index, output] of written.entries()) {
    const { flag, path, place } = output;
    if (path !== STANDARD_OUTPUT && read.some((input) => isSameFile(input, path))) {
      throw new InputError(`${path}: found an input, expected another file to write`);
    }
    const other = written.slice(0, index).find((before) => before.flag !== flag && collide(before, output));
    if (other === undefined) continue;
    throw new InputError(
      other.place === place
        ? `${flag}: found ${path}, which ${other.flag} writes, too, expected a file of its own`
        : `${flag}: found ${path}, where ${other.flag} ${other.path} is to be, expected a place of its own`,
    );
  }
}

/** What an option has a command write: nothing where it is not given, or to a device, which takes all. */
function writtenBy(option: Option, command: Command): Written[] {
  const [flag, path] = [option.long ?? "", valueOf(option, command)];
  // An empty name is told by whoever is to write it.
  if (typeof path !== "string" || path === "" || isDevice(path)) return [];
  const { png } = command.opts<{ png?: boolean }>();
  const paths = flag === "--svg" && png === true ? [path, `${path.replace(/\.svg$/, "")}.png`] : [path];
  return paths.map((name) => ({ flag, path: name, place: placeOf(name) }));
}

function collide(a: Written, b: Written): boolean {
  return a.place === b.place || isIn(a, b) || isIn(b, a);
}

/** Whether something is written where a folder is a file of another option, or among the pictures of a folder. */
function isIn(inner: Written, outer: Written): boolean {
  const isFolder = outer.flag === "--svg" && !outer.path.endsWith(".svg");
  if (!isFolder) return inner.place.startsWith(`${outer.place}/`);
  return dirname(inner.place) === outer.place && PICTURES.includes(extname(inner.place));
}

function isOf(flags: readonly string[]): (option: Option) => boolean {
  return ({ long }) => flags.includes(long ?? "");
}

function valueOf(option: Option, command: Command): unknown {
  return command.getOptionValue(option.attributeName());
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  return typeof value === "string" ? [value] : [];
}
