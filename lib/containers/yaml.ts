/** The value of a document, or why there is none. */
export interface ParsedYaml {
  readonly value?: unknown;
  /** What there is too much of for the parser. */
  readonly excess?: string;
  /** What the parser found wrong. */
  readonly errors: readonly string[];
}

/** Keys are compared with all others of their mapping, and no file that is read has so many. */
const MOST_KEYS = 8192;
/** These files nest some six deep. */
const MOST_DEPTH = 16;
/** A parser of YAML takes a hundred bytes for each; files that are larger are JSON. */
const MOST_CHARACTERS = 2 ** 22;
/** And a kilobyte for each value, those of lists of numbers left out. */
const MOST_VALUES = 200_000;

/**
 * Reads JSON, or YAML of a modest size.
 *
 * Aliases stand for nothing: a few of them, nested, stand for more than any memory holds.
 *
 * @example
 * (await parseYaml("layers: {0: [1, 2]}")).value; // { layers: { 0: [1, 2] } }
 */
export async function parseYaml(text: string): Promise<ParsedYaml> {
  try {
    return { value: JSON.parse(text) as unknown, errors: [] };
  } catch {
    // YAML, then.
  }
  const { short, runs } = takeRuns(text);
  const parsed = await parseShort(short);
  if (runs.length === 0) return parsed;
  if (parsed.excess === undefined && parsed.errors.length === 0)
    return { value: putBack(parsed.value, runs), errors: [] };
  // What is wrong is told of the text as it is.
  return parseShort(text);
}

async function parseShort(text: string): Promise<ParsedYaml> {
  const excess = excessOf(text);
  if (excess !== undefined) return { excess, errors: [] };
  const { parseDocument } = await import("yaml");
  try {
    const parsed = parseDocument(text, { logLevel: "silent" });
    const errors = parsed.errors.map(({ message }) => message.split("\n")[0]);
    return errors.length > 0 ? { errors } : { value: parsed.toJS({ maxAliasCount: 0 }) as unknown, errors };
  } catch (error) {
    return { errors: [(error as Error).message] };
  }
}

/** Stands for a run of numbers in what the parser reads, its index behind it. */
const MARK = "moeplace-run-";
/** Shorter runs are left to the parser. */
const SHORTEST_RUN = 8;

/**
 * A text with one mark for every run of integers on a line of a list: nearly all of a file of slots, and read ten to a hundred times as fast.
 * A mark stands between commas and brackets, so that it is an item of its list, or, in quotes, a part of a text.
 */
function takeRuns(text: string): { readonly short: string; readonly runs: readonly string[] } {
  const runs: string[] = [];
  if (text.length > MOST_CHARACTERS || text.includes(MARK)) return { short: text, runs };
  const short = text.replace(/[-\d, ]{16,}/g, (part, at: number) => {
    const begin = text[at - 1] === "[" ? 0 : part.indexOf(",") + 1;
    const end = text[at + part.length] === "]" ? part.length : part.lastIndexOf(",");
    const run = part.slice(begin, end);
    if ((integersOf(run)?.length ?? 0) < SHORTEST_RUN) return part;
    return `${part.slice(0, begin)}${MARK}${runs.push(run) - 1};${part.slice(end)}`;
  });
  return { short, runs };
}

function integersOf(run: string): number[] | undefined {
  try {
    return JSON.parse(`[${run}]`) as number[];
  } catch {
    return undefined;
  }
}

/** The numbers in place of their marks; within a text, as they were written. */
function putBack(value: unknown, runs: readonly string[]): unknown {
  const written = (text: string) => text.replace(MARKS, (_, index: string) => runs[Number(index)]);
  if (typeof value === "string") return written(value);
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) =>
      typeof item === "string" && ONE_MARK.test(item)
        ? integersOf(runs[Number(item.slice(MARK.length, -1))])
        : [putBack(item, runs)],
    );
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [written(key), putBack(item, runs)]));
}

const MARKS = new RegExp(`${MARK}(\\d+);`, "g");
const ONE_MARK = new RegExp(`^${MARK}\\d+;$`);

/** What there is too much of, if anything. */
function excessOf(text: string): string | undefined {
  if (text.length > MOST_CHARACTERS) return `YAML of more than ${MOST_CHARACTERS} characters`;
  if (text.split(":", MOST_KEYS + 1).length > MOST_KEYS) return `more than ${MOST_KEYS} keys`;
  if ((text.match(/[,\n]/g)?.length ?? 0) > MOST_VALUES) return `more than ${MOST_VALUES} values`;
  return nestsDeep(text) ? `values nested more than ${MOST_DEPTH} deep` : undefined;
}

/**
 * Whether a YAML text nests deeper than any file that is read, which takes the parser beyond its stack and the process
 * with it. Quotes are not looked into: a text with so many brackets in quotes is refused too.
 */
function nestsDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length && depth <= MOST_DEPTH; at++) {
    const character = text[at];
    if (character === "[" || character === "{") depth++;
    else if (depth > 0 && (character === "]" || character === "}")) depth--;
  }
  // Blocks: lists and keys that begin on one line, or an indentation that takes as many lines.
  return depth > MOST_DEPTH || /^[ \t]*(?:[-?:][ \t]+){16}|^ {64}/m.test(text);
}
