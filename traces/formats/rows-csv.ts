import { parse } from "csv-parse/sync";
import { InputError } from "../../lib/errors.js";
import { largest } from "../../lib/statistics.js";
import { tensorOfLists } from "../../lib/containers/tensor.js";
import { readHead, type OnBytes } from "../bytes/file-bytes.js";
import { readLines } from "../bytes/lines.js";
import { whyLoads } from "../array-kind.js";
import { countAsLayersDo, isCount } from "../counted-columns.js";
import { hasExperts, takerOf, type TableRow } from "../table.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { appendArray } from "./arrays.js";
import { layerInName } from "./matrix-of-tokens.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const MISSING = /^(|nan|null|none|na)$/i;
/** Names of columns that are no experts, where the names of the others say nothing. */
const BESIDE = /^layer|^tok|token|weight|score|prob|gate|^w\d|^(pos|seq|req|batch|sample)/i;
/** Rows that are looked at to see what they are. */
const MOST_SEEN = 1024;
/** Of a line that names columns. */
const MOST_CHARACTERS = 4096;
/** No model has more experts. */
const MAX_EXPERTS = 1024;

/** How the lines of a file are written. */
interface Dialect {
  readonly separator: RegExp;
  /** Names of the columns, where the first line has them. */
  readonly header: readonly string[] | undefined;
}

/**
 * Tables of numbers with commas, semicolons, tabs or spaces. With a header: layer, token and experts, as a list, in a column
 * for every place or for every expert; or layer, expert and how often it was chosen. Without: layer, token and experts, where
 * the first two columns count as they do; or mere numbers, as numpy.savetxt writes a matrix of experts or loads.
 */
export const rowsCsv: TraceFormat = {
  name: "CSV of rows",
  sign: "lines of numbers, or a header such as layer,token,e0,e1 or layer_id,expert_id,count",
  recognises: ({ text }) => dialectOf(text) !== undefined,
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const dialect = dialectOf((await readHead(path)).text) ?? { separator: /,/, header: undefined };
      if (dialect.header) await readTable(path, { ...dialect, header: dialect.header }, builder, onBytes);
      else await readNumbers(path, dialect, builder, onBytes);
    }
  },
};

function dialectOf(text: string): Dialect | undefined {
  const lines = text.split(/\r?\n/, 3).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const first = lines.at(0);
  if (first === undefined || first.length > MOST_CHARACTERS) return undefined;
  const second = lines.at(1) ?? first;
  const separator = [/,/, /;/, /\t/, /\s+/].find((one) => one.test(first.trim()));
  if (separator === undefined) return undefined;
  const names = fieldsOf(first, separator) ?? [];
  const fields = fieldsOf(second, separator) ?? [];
  const isSpaced = separator.source === "\\s+";
  if (names.every((field) => NUMBER.test(field))) {
    const isAlike = names.length === fields.length && fields.every((field) => NUMBER.test(field));
    return isAlike || (!isSpaced && names.length > 2) ? { separator, header: undefined } : undefined;
  }
  if (isSpaced || !names.every((name) => /^[a-z_][\w .-]*$/i.test(name))) return undefined;
  const isLayer = /^layer/i.test(names[0]);
  const isKnown = hasExperts(names) || (isLayer && /^tok/i.test(names[1] ?? "") && names.length > 2);
  return isKnown && NUMBER.test(fields.at(0) ?? "") ? { separator, header: names } : undefined;
}

/** The fields of a line, without quotes and the spaces around them; undefined where quotes do not close. */
function fieldsOf(line: string, separator: RegExp): string[] | undefined {
  if (!line.includes('"'))
    return line
      .trim()
      .split(separator)
      .map((field) => field.trim());
  try {
    const delimiter = separator.source === "\\t" ? "\t" : separator.source;
    return (parse(line, { delimiter, relax_column_count: true, trim: true }) as readonly string[][])[0];
  } catch {
    return undefined;
  }
}

/** Lines as fields, as many as in the first one. */
async function* readRows(
  path: string,
  { separator }: Dialect,
  builder: TraceBuilder,
  onBytes: OnBytes,
): AsyncGenerator<{ fields: readonly string[]; where: string }> {
  let width: number | undefined;
  for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
    if (text.trim() === "" || text.startsWith("#")) continue;
    const fields = fieldsOf(text, separator);
    width ??= fields?.length;
    if (fields === undefined || (fields.length !== width && !isTerminated)) {
      if (isTerminated) throw new InputError(`${path}:${number}: found ${text.slice(0, 60)}, expected a row`);
      builder.warnings.push(`${path}:${number}: the last line is cut off and was left out`);
      return;
    }
    yield { fields, where: `${path}:${number}` };
  }
}

async function readTable(
  path: string,
  dialect: Dialect & { header: readonly string[] },
  builder: TraceBuilder,
  onBytes: OnBytes,
): Promise<void> {
  const columns = dialect.header.map((name, at) =>
    hasExperts(dialect.header) || BESIDE.test(name) ? name : `expert_${at}`,
  );
  const taker = takerOf({ columns }, builder, path);
  const first: { row: TableRow; where: string }[] = [];
  const begin = () => {
    taker.begin?.(first.map(({ row }) => row));
    for (const { row, where } of first.splice(0)) taker.take(row, where);
  };
  let numRows = 0;
  for await (const { fields, where } of readRows(path, dialect, builder, onBytes)) {
    if (numRows++ === 0) continue;
    if (fields.length !== columns.length)
      throw new InputError(`${where}: found ${fields.length} fields, expected ${columns.length}`);
    const row = Object.fromEntries(columns.map((column, at) => [column, valueOf(fields[at], where)]));
    if (numRows <= MOST_SEEN) first.push({ row, where });
    else {
      if (first.length > 0) begin();
      taker.take(row, where);
    }
  }
  if (first.length > 0) begin();
  taker.end?.();
}

/** A number, a list of numbers, nothing or text. */
function valueOf(field: string, where: string): unknown {
  if (NUMBER.test(field)) return Number(field);
  if (MISSING.test(field)) return null;
  const list = /^[[(]?([-+\d][-+\d,;\s]*)[\])]?$/.exec(field)?.[1];
  if (list === undefined) return field;
  const ids = list
    .trim()
    .split(/[,;\s]+/)
    .map(Number);
  if (ids.every(Number.isInteger)) return ids;
  throw new InputError(`${where}: found ${field.slice(0, 60)}, expected a list of experts`);
}

async function readNumbers(
  path: string,
  dialect: Dialect,
  builder: TraceBuilder,
  onBytes: OnBytes,
): Promise<void> {
  const seen: { numbers: readonly number[]; where: string }[] = [];
  let take: ((numbers: readonly number[], where: string) => void) | undefined;
  for await (const { fields, where } of readRows(path, dialect, builder, onBytes)) {
    if (!fields.every((field) => NUMBER.test(field)))
      throw new InputError(`${where}: found ${fields.join(",").slice(0, 60)}, expected numbers`);
    const numbers = fields.map(Number);
    if (take === undefined && seen.length === MOST_SEEN && countAsLayersDo(seen.map((row) => row.numbers))) {
      take = (row, at) => {
        appendRow(builder, row, at);
      };
      for (const row of seen.splice(0)) take(row.numbers, row.where);
    }
    if (take) take(numbers, where);
    else seen.push({ numbers, where });
  }
  if (seen.length === 0) return;
  if (countAsLayersDo(seen.map(({ numbers }) => numbers))) appendRows(builder, seen, path);
  else appendMatrix(builder, seen, path);
}

/**
 * Rows of layer, token and experts. Of three columns, the last may be how often the expert in the second was chosen.
 *
 * @throws InputError where nothing tells.
 */
function appendRows(
  builder: TraceBuilder,
  rows: readonly { numbers: readonly number[]; where: string }[],
  path: string,
): void {
  const { as, topK } = builder.options;
  const byLayer = new Map<number, number[]>();
  for (const { numbers } of rows) {
    const load = byLayer.get(numbers[0]) ?? [];
    load.push(numbers[2]);
    byLayer.set(numbers[0], load);
  }
  const loads = [...byLayer.values()];
  const mayBeLoads =
    rows.every(({ numbers }) => numbers.length === 3) &&
    topK !== 1 &&
    loads.every(({ length }) => length <= MAX_EXPERTS);
  if (mayBeLoads && as !== "tokens") {
    const matrix = tensorOfLists(loads);
    if (as !== "loads" && (matrix === undefined || whyLoads(matrix) === undefined)) {
      throw new InputError(
        `${path}: found three columns without names, which may be layer, token, expert and layer, expert, count, expected what tells`,
        "Maybe pass as tokens, or pass as loads.",
      );
    }
    const numExperts = largest(loads.map(({ length }) => length));
    for (const [layer, load] of byLayer)
      builder.addLoad(
        path,
        layer,
        Float64Array.from({ length: numExperts }, (_, expert) => load[expert] ?? 0),
      );
    return;
  }
  for (const { numbers, where } of rows) appendRow(builder, numbers, where);
}

function appendRow(builder: TraceBuilder, [layer, , ...experts]: readonly number[], where: string): void {
  const fault = isCount(layer)
    ? builder.append(layer, experts)
    : { found: `layer ${layer} is no whole number` };
  if (fault) throw new InputError(`${where}: ${fault.found}`, fault.advice);
}

function appendMatrix(
  builder: TraceBuilder,
  rows: readonly { numbers: readonly number[]; where: string }[],
  path: string,
): void {
  const matrix = tensorOfLists(rows.map(({ numbers }) => numbers));
  if (matrix === undefined) {
    const wrong = rows.find(({ numbers }) => numbers.length !== rows[0].numbers.length) ?? rows[0];
    throw new InputError(
      `${wrong.where}: found ${wrong.numbers.length} numbers, expected ${rows[0].numbers.length} as in the first row`,
      "Maybe the first line lacks the names layer,token,e0,e1,...",
    );
  }
  appendArray(builder, matrix, { where: path, layer: layerInName(path) });
}
