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
/** And a kilobyte for each value. The slots of all layers of the largest models are half as many. */
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
