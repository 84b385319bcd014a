import { parse } from "csv-parse/sync";
import { InputError } from "../../lib/errors.js";
import { tensorOfLists } from "../../lib/containers/tensor.js";
import { readHead, type OnBytes } from "../bytes/file-bytes.js";
import { readLines } from "../bytes/lines.js";
import { ROWS_THAT_TELL } from "../counted-columns.js";
import { layerInName, untoldLayers } from "../layer-name.js";
import { takerOf } from "../table.js";
import { hasExperts, rolesOf } from "../table-columns.js";
import { hasSeparators, wrongNumber, type TableRow } from "../table-values.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { appendArray } from "./arrays.js";
import { tableOf, type NumberTaker } from "./numbers.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const MISSING = /^(|nan|null|none|na)$/i;
/** Names of columns that are no experts, where the names of the others say nothing. */
const BESIDE = /^layer|^tok|token|weight|score|prob|gate|^w\d|^(pos|seq|req|batch|sample)/i;
/** Rows that are looked at to see what a table with names is. */
const MOST_SEEN = 1024;
/** Lines of comments that may come first. */
const MOST_LINES = 64;
/** Of a line that names columns. */
const MOST_CHARACTERS = 4096;

/** How the lines of a file are written. */
interface Dialect {
  readonly separator: RegExp;
  /** Whether the first line is none of the rows. */
  readonly hasHeader: boolean;
  /** Whether the first column has no name: pandas and R number the rows so. */
  readonly hasIndex: boolean;
  /** Names of the columns behind the index, where they are more than numbers. */
  readonly names: readonly string[] | undefined;
}

/**
 * Tables of numbers with commas, semicolons, tabs or spaces. With a header: layer, token and experts, as a list, in a column
 * for every place or for every expert, or in a row for each; or layer, expert and how often it was chosen. Without: the same,
 * where the first columns count as they do; or mere numbers, as numpy.savetxt writes a matrix of experts or loads.
 */
export const rowsCsv: TraceFormat = {
  name: "CSV of rows",
  sign: "lines of numbers, or a header such as layer,token,e0,e1 or layer_id,expert_id,count",
  recognises: ({ text }) => dialectOf(text) !== undefined,
  async read(paths, builder, onBytes) {
    const matrices: string[] = [];
    for (const path of paths) {
      const dialect = dialectOf((await readHead(path)).text);
      if (dialect === undefined) throw new InputError(`${path}: found no rows, expected a table`);
      const rows = readRows(path, dialect, builder, onBytes);
      if (dialect.names) await readTable(path, dialect.names, rows, builder);
      else if (await readNumbers(path, rows, builder)) matrices.push(path);
    }
    const untold = builder.widestToken > 1 ? untoldLayers(matrices) : undefined;
    if (untold !== undefined) builder.warnings.push(untold);
  },
};

function dialectOf(text: string): Dialect | undefined {
  const lines = text.split(/\r?\n/, MOST_LINES).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const [first, second = first] = lines;
  if (lines.length === 0 || first.length > MOST_CHARACTERS) return undefined;
  const separator = [/,/, /;/, /\t/, /\s+/].find((one) => one.test(first.trim()));
  const all = separator && fieldsOf(first, separator);
  const fields = separator && fieldsOf(second, separator);
  if (!all || !fields) return undefined;
  const isSpaced = separator.source === "\\s+";
  const hasIndex = /^(unnamed: ?0)?$/i.test(all[0]) && all.length > 1;
  const names = hasIndex ? all.slice(1) : all;
  if (names.every((field) => NUMBER.test(field) || hasSeparators(field))) {
    // Columns without names are numbered by pandas.
    const hasHeader =
      lines.length > 1 && (hasIndex || names.length > 2) && names.every((name, at) => Number(name) === at);
    if (hasHeader || hasIndex)
      return hasHeader ? { separator, hasHeader, hasIndex, names: undefined } : undefined;
    const isAlike = names.length === fields.length && fields.every((field) => NUMBER.test(field));
    return isAlike || (!isSpaced && names.length > 2)
      ? { separator, hasHeader, hasIndex, names: undefined }
      : undefined;
  }
  if (!names.every((name) => /^[a-z_][\w .-]*$/i.test(name))) return undefined;
  if (isSpaced && names.length !== fields.length) return undefined;
  const isLayer = /^layer/i.test(names[0]);
  const isKnown = hasExperts(names) || (isLayer && /^tok/i.test(names[1] ?? "") && names.length > 2);
  return isKnown && fields.some((field) => NUMBER.test(field))
    ? { separator, hasHeader: true, hasIndex, names }
    : undefined;
}

/** The fields of a line, without quotes and the spaces around them; undefined where quotes do not close. */
function fieldsOf(line: string, separator: RegExp): string[] | undefined {
  const isSpaced = separator.source === "\\s+";
  if (!line.includes('"'))
    return (isSpaced ? line.trim() : line).split(separator).map((field) => field.trim());
  try {
    const delimiter = separator.source === "\\t" ? "\t" : separator.source;
    const [fields] = parse(line, { delimiter, relax_column_count: true, trim: true });
    return fields;
  } catch {
    return undefined;
  }
}

interface FieldRow {
  readonly fields: readonly string[];
  readonly where: string;
}

/** Rows as fields, without the header and the index; a last line that was cut off is left out. */
async function* readRows(
  path: string,
  { separator, hasHeader, hasIndex, names }: Dialect,
  builder: TraceBuilder,
  onBytes: OnBytes,
): AsyncGenerator<FieldRow> {
  const tells =
    names !== undefined && [rolesOf(names).layer, ...rolesOf(names).token].some((name) => name !== undefined);
  let width: number | undefined;
  let numRows = 0;
  for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
    if (text.trim() === "" || text.startsWith("#")) continue;
    const where = `${path}:${number}`;
    const fields = fieldsOf(text, separator);
    const isHeader = hasHeader && width === undefined;
    width ??= fields?.length;
    if (fields === undefined || (fields.length !== width && !isTerminated)) {
      if (isTerminated) throw new InputError(`${where}: found ${text.slice(0, 60)}, expected a row`);
      builder.warnings.push(`${where}: the last line is cut off and was left out`);
      return;
    }
    if (isHeader) continue;
    if (hasIndex && !tells && Number(fields[0]) !== numRows) {
      throw new InputError(
        `${where}: found ${fields[0].slice(0, 60)} in a column without a name, expected ${numRows}, the number of the row`,
        "Maybe name it: layer or token.",
      );
    }
    numRows++;
    yield { fields: hasIndex ? fields.slice(1) : fields, where };
  }
  if (hasIndex)
    builder.warnings.push(
      `${path}: the first column has no name, numbers the rows as pandas does, and was left out`,
    );
}

async function readTable(
  path: string,
  names: readonly string[],
  rows: AsyncIterable<FieldRow>,
  builder: TraceBuilder,
): Promise<void> {
  const columns = names.map((name, at) => (hasExperts(names) || BESIDE.test(name) ? name : `expert_${at}`));
  const { experts } = rolesOf(columns);
  const taker = takerOf(columns, builder, path);
  const first: { row: TableRow; where: string }[] = [];
  const begin = () => {
    taker.begin?.(first.map(({ row }) => row));
    for (const { row, where } of first.splice(0)) taker.take(row, where);
  };
  let numRows = 0;
  for await (const { fields, where } of rows) {
    if (fields.length !== columns.length)
      throw new InputError(`${where}: found ${fields.length} fields, expected ${columns.length}`);
    const row = Object.fromEntries(
      columns.map((column, at) => [column, valueOf(fields[at], where, column === experts)]),
    );
    if (numRows++ < MOST_SEEN) first.push({ row, where });
    else {
      if (first.length > 0) begin();
      taker.take(row, where);
    }
  }
  if (first.length > 0) begin();
  taker.end?.();
}

/** A number, a list of numbers where one may be, nothing or text. */
function valueOf(field: string, where: string, mayBeList: boolean): unknown {
  if (NUMBER.test(field)) return Number(field);
  if (MISSING.test(field)) return null;
  const list = mayBeList ? /^[[(]?([-+\d][-+\d,;\s]*)[\])]?$/.exec(field)?.[1] : undefined;
  if (list === undefined) return field;
  const ids = list
    .trim()
    .split(/[,;\s]+/)
    .map(Number);
  if (ids.every(Number.isInteger)) return ids;
  throw new InputError(`${where}: found ${field.slice(0, 60)}, expected a list of experts`);
}

/** @returns Whether they are a matrix, whose layer the file does not tell. */
async function readNumbers(
  path: string,
  rows: AsyncIterable<FieldRow>,
  builder: TraceBuilder,
): Promise<boolean> {
  const seen: { numbers: readonly number[]; where: string }[] = [];
  let table: NumberTaker | undefined;
  const begin = () => {
    table = tableOf(
      builder,
      seen.map(({ numbers }) => numbers),
      path,
    );
    if (table) for (const { numbers, where } of seen.splice(0)) table.take(numbers, where);
  };
  for await (const { fields, where } of rows) {
    const numbers = numbersOf(fields, where);
    if (table) table.take(numbers, where);
    else seen.push({ numbers, where });
    if (seen.length === ROWS_THAT_TELL) begin();
  }
  if (!table) begin();
  if (table) table.end();
  else if (seen.length > 0) appendMatrix(builder, seen, path);
  return table === undefined;
}

/** @throws InputError if a field is no number. */
function numbersOf(fields: readonly string[], where: string): number[] {
  const numbers: number[] = [];
  for (const field of fields) {
    if (!NUMBER.test(field))
      throw wrongNumber(fields.find(hasSeparators) ?? fields.join(), where, { expected: "numbers" });
    numbers.push(Number(field));
  }
  return numbers;
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
