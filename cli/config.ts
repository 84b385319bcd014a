import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command, Option } from "commander";
import { InputError } from "../index.js";
import { describeValue, unknownName } from "../doors/problem.js";
import { readText } from "./read-files.js";
import { openTerminal } from "./terminal.js";

/** Looked for where a command runs, the first that is there. */
const FILES = ["json", "ts", "mjs", "js"].map((ending) => `moeplace.config.${ending}`);

/** Options that a file does not give: the file itself. */
const NOT_IN_FILES = ["config"];

/** Adds `--config`, which every command has that has options to give. */
export function addConfigOption(command: Command): void {
  if (configOptions(command).length === 0) return;
  command
    .optionsGroup("Configuration:")
    .option(
      "--config <file>",
      `options from this file (default: ${FILES[0]}, .ts or .mjs, where there is one)`,
    );
}

/**
 * A command line with the options of a configuration file written out, those that it gives itself left as they are: what a
 * command runs with is what was given, wherever it stood.
 *
 * @param args As given, after `moeplace`.
 * @throws InputError if the file cannot be read, or holds what is no option.
 *
 * @example
 * // with {"seed": 3, "place": {"holdout": 0.25}} in moeplace.config.json
 * await withConfig(["place", "t.jsonl", "--seed", "1"], program);
 * // ["place", "--holdout=0.25", "t.jsonl", "--seed", "1"]
 */
export async function withConfig(args: readonly string[], program: Command): Promise<readonly string[]> {
  const command = program.commands.find((known) => known.name() === args[0]);
  if (command === undefined || flagsIn(args).some((flag) => flag === "--help" || flag === "-h")) return args;
  const { path: given, others } = takeConfig(args.slice(1));
  const path = given ?? FILES.find((file) => existsSync(file));
  if (path === undefined) return args;
  const values = optionsFor(command, { program, content: await readConfig(path), path });
  const told = flagsIn(others);
  const taken = [...values].filter(
    ([option]) => !told.some((flag) => flag === option.long || flag === option.short),
  );
  if (taken.length > 0) {
    const names = taken.map(([option]) => option.attributeName());
    const quiet = told.includes("--quiet") || names.includes("quiet");
    openTerminal({ quiet }).note(`from ${path}: ${names.join(", ")}`);
  }
  return [command.name(), ...taken.flatMap(([, words]) => words), ...others];
}

/** Options that a configuration may give a command. */
export function configOptions(command: Command): readonly Option[] {
  return command.options.filter(
    ({ hidden, long }) => !hidden && !NOT_IN_FILES.includes(long?.slice(2) ?? ""),
  );
}

/** Whether an option may be given more than once. */
export function isRepeatable({ variadic, defaultValue }: Option): boolean {
  return variadic || Array.isArray(defaultValue);
}

/** The flags among words, up to the one after which there are none. */
function flagsIn(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end))
    .filter((word) => word.startsWith("-"))
    .map((word) => (word.startsWith("--") ? word.split("=")[0] : word.slice(0, 2)));
}

function takeConfig(args: readonly string[]): { path?: string; others: readonly string[] } {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const at = args.findIndex((word, index) => index < end && /^--config(=|$)/.test(word));
  if (at === -1) return { others: args };
  const inWord = /^--config=(.*)$/.exec(args[at])?.[1];
  if (inWord !== undefined) return { path: inWord, others: args.toSpliced(at, 1) };
  if (at + 1 >= end) throw new InputError("--config: found none, expected a file");
  return { path: args[at + 1], others: args.toSpliced(at, 2) };
}

async function readConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  const content = path.endsWith(".json") ? parseJson(path) : await importConfig(path);
  if (isTable(content)) return content;
  throw new InputError(`${path}: found ${describeValue(content)}, expected an object of options`);
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readText(path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new InputError(`${path}: found no JSON, expected a configuration (${error.message})`);
  }
}

async function importConfig(path: string): Promise<unknown> {
  if (!/\.(ts|mts|mjs|js)$/.test(path)) {
    throw new InputError(`--config: found ${path}, expected a file .json, .ts, .mjs or .js`);
  }
  // What is not there is told as of any other file.
  readText(path);
  try {
    const { default: content } = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown };
    return content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new InputError(
        `${path}: found TypeScript, which Node ${process.version} does not run`,
        "Maybe write it as .json or .mjs, or take Node 22.18 or newer.",
      );
    }
    throw new InputError(`${path}: cannot be run (${(error as Error).message})`);
  }
}

/**
 * The options that a configuration gives a command, each with its words; the command's own section over what is common.
 *
 * Sections are objects and options are not: both may be called the same, as `hardware` is.
 */
function optionsFor(
  command: Command,
  { program, content, path }: { program: Command; content: Readonly<Record<string, unknown>>; path: string },
): Map<Option, readonly string[]> {
  const entries = Object.entries(content).filter(([name]) => name !== "$schema");
  const values = new Map<Option, readonly string[]>();
  const take = (table: Readonly<Record<string, unknown>>, place: string) => {
    for (const [name, value] of Object.entries(table)) {
      const option = configOptions(command).find((known) => known.attributeName() === name);
      if (option) values.set(option, wordsOf(option, value, `${place}: ${name}`));
    }
  };
  const common = Object.fromEntries(entries.filter(([, value]) => !isTable(value)));
  checkNames(common, program.commands.flatMap(configOptions), path);
  take(common, path);
  for (const [name, table] of entries) {
    if (!isTable(table)) continue;
    const section = program.commands.find((known) => known.name() === name);
    if (section === undefined) {
      throw unknownName(path, { found: name, known: program.commands.map((known) => known.name()) });
    }
    const place = `${path}: ${name}`;
    // In the sections of other commands, too: what is misspelt does not wait for its command.
    checkNames(table, configOptions(section), place);
    if (section === command) take(table, place);
  }
  return values;
}

function checkNames(table: object, options: readonly Option[], place: string): void {
  const known = [...new Set(options.map((option) => option.attributeName()))];
  const unknown = Object.keys(table).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  // There are too many to list.
  const { advice } = unknownName(place, { found: unknown, known });
  throw new InputError(
    `${place}: found ${unknown}, expected one of the options, such as topK for --top-k`,
    advice ?? "Maybe look it up in docs/configuration.md.",
  );
}

/** An option with a value as words of a command line; none where it is switched off. */
function wordsOf(option: Option, value: unknown, place: string): readonly string[] {
  const flag = option.long ?? option.name();
  if (!option.required && !option.optional) {
    if (typeof value !== "boolean")
      throw new InputError(`${place}: found ${describeValue(value)}, expected true or false`);
    return value ? [flag] : [];
  }
  const list: readonly unknown[] = isRepeatable(option) && Array.isArray(value) ? value : [value];
  return list.map((entry) => {
    if (typeof entry !== "string" && typeof entry !== "number") {
      const expected = isRepeatable(option) ? "text, a number or a list of them" : "text or a number";
      throw new InputError(`${place}: found ${describeValue(entry)}, expected ${expected}`);
    }
    checkValue(option, String(entry), place);
    return `${flag}=${entry}`;
  });
}

/** Has an option read a value, so that what is wrong with it is told of the file. */
function checkValue(option: Option, value: string, place: string): void {
  try {
    option.parseArg?.(value, option.defaultValue);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.message.replace(`${option.long}:`, `${place}:`), error.advice);
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
