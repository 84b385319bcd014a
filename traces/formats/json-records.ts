import { describeValue } from "../../lib/describe-value.js";
import { InputError } from "../../lib/errors.js";
import { readHead, readJson, type OnBytes } from "../bytes/file-bytes.js";
import { readLines } from "../bytes/lines.js";
import { takerOf, type Taker } from "../table.js";
import { hasExperts } from "../table-columns.js";
import type { TableRow } from "../table-values.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/** Of an object that names the columns. */
const MOST_CHARACTERS = 4096;
/** Rows that are looked at to see what a table is. */
const MOST_SEEN = 1024;

/**
 * A table as JSON objects, in a list or one a line, as data frames are written: members are columns, by the names that CSV and
 * Parquet have too.
 */
export const jsonRecords: TraceFormat = {
  name: "JSON records",
  sign: 'JSON objects, in a list or one a line, with members such as "layer", "token" and "expert"',
  recognises({ text }) {
    const { isList, record, rest } = beginningOf(text);
    return hasExperts(Object.keys(record)) && (isList || /^\s*\n\s*\{/.test(rest));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) await readRecords(path, builder, onBytes);
  },
};

/** The first object of a list, or of lines, if it is short; and what comes behind it. */
function beginningOf(text: string): { isList: boolean; record: TableRow; rest: string } {
  const before = /^\s*\[?\s*/.exec(text)?.[0] ?? "";
  const head = text.slice(before.length, before.length + MOST_CHARACTERS);
  const isList = before.includes("[");
  for (let end = head.startsWith("{") ? head.indexOf("}") : -1; end >= 0; end = head.indexOf("}", end + 1)) {
    const record = parseRecord(head.slice(0, end + 1));
    if (record) return { isList, record, rest: head.slice(end + 1) };
  }
  return { isList, record: {}, rest: "" };
}

function parseRecord(text: string): TableRow | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is TableRow {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readRecords(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const first: { row: TableRow; where: string }[] = [];
  let taker: Taker | undefined;
  const begin = () => {
    taker = takerOf([...new Set(first.flatMap(({ row }) => Object.keys(row)))], builder, path);
    taker.begin?.(first.map(({ row }) => row));
    for (const { row, where } of first) taker.take(row, where);
  };
  for await (const { row, where } of recordsOf(path, builder, onBytes)) {
    if (taker) taker.take(row, where);
    else if (first.push({ row, where }) === MOST_SEEN) begin();
  }
  if (!taker && first.length > 0) begin();
  taker?.end?.();
}

async function* recordsOf(
  path: string,
  builder: TraceBuilder,
  onBytes: OnBytes,
): AsyncGenerator<{ row: TableRow; where: string }> {
  if (beginningOf((await readHead(path)).text).isList) {
    const list = (await readJson(path, onBytes)) as readonly unknown[];
    for (const [at, row] of list.entries()) {
      const where = `${path}: row ${at}`;
      if (!isRecord(row)) throw new InputError(`${where}: found ${describeValue(row)}, expected an object`);
      yield { row, where };
    }
    return;
  }
  for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
    const where = `${path}:${number}`;
    const row = parseRecord(text);
    if (row) yield { row, where };
    else if (text.trim() !== "" && isTerminated)
      throw new InputError(`${where}: found ${text.slice(0, 60)}, expected an object as in the first line`);
    else if (text.trim() !== "") builder.warnings.push(`${where}: the last line is cut off and was left out`);
  }
}
