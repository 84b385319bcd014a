import { InputError } from "../../lib/errors.js";
import { entryOf, tensorOfLists, vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import { isTensor, type TorchDict, type TorchValue } from "../containers/torch-file.js";
import { takerOf } from "../table.js";
import { byNumber } from "../numbered-names.js";
import { hasExperts, rolesOf } from "../table-columns.js";
import { depthOf, type TableRow } from "../table-values.js";
import type { TraceBuilder } from "../trace-builder.js";

/** A table by the names of its columns, whatever container it came in. */
interface NamedTable {
  readonly columns: readonly string[];
  readonly numRows: number;
  rowAt(index: number): TableRow;
}

/**
 * Reads a table that is no array: columns by name, as data frames and recordings keep them, or `columns` and `data`, or records in
 * a list. Lists, dictionaries by the index of the row and tensors are columns alike.
 *
 * @returns Whether it is such a table; if it is none, nothing was read.
 * @throws InputError if there is a column of layers and none of as many experts: read without it, all would be one layer.
 */
export function appendTable(builder: TraceBuilder, value: TorchValue, where: string): boolean {
  const table = tableIn(value, where);
  if (table === undefined) return false;
  const { columns, numRows } = table;
  const taker = takerOf(columns, builder, where);
  taker.begin?.(Array.from({ length: Math.min(numRows, MOST_SEEN) }, (_, row) => table.rowAt(row)));
  for (let row = 0; row < numRows; row++) taker.take(table.rowAt(row), `${where}: row ${row}`);
  taker.end?.();
  return true;
}

/** Rows that are looked at to see what a table is. */
const MOST_SEEN = 1024;

function tableIn(value: TorchValue, where: string): NamedTable | undefined {
  if (Array.isArray(value)) return recordsIn(value as readonly TorchValue[]);
  if (!(value instanceof Map)) return undefined;
  const dict = value as TorchDict;
  const [names, data] = [dict.get("columns"), dict.get("data")];
  if (Array.isArray(names) && Array.isArray(data))
    return rowsIn(names.map(String), data as readonly TorchValue[]);
  const records = Array.isArray(data) ? recordsIn(data as readonly TorchValue[]) : undefined;
  if (records) return records;
  return recordsIn(byNumber([...dict]).map(([, record]) => record)) ?? columnsIn(dict, where);
}

/** Dictionaries, each of which is a row: of a layer or a token, whose experts are one or a list. */
function recordsIn(list: readonly TorchValue[]): NamedTable | undefined {
  if (list.length === 0 || !list.every((record) => record instanceof Map)) return undefined;
  const records = list as readonly TorchDict[];
  const columns = [...new Set(records.flatMap((record) => [...record.keys()].map(String)))];
  const { layer, experts, token, places } = rolesOf(columns);
  const tells = [layer, ...token].filter((name) => name !== undefined);
  const isRow = (record: TorchDict) =>
    depthOf(cellOf(record.get(experts ?? places[0]))) <= 1 &&
    tells.every((name) => ["number", "string"].includes(typeof cellOf(record.get(name))));
  if (tells.length === 0 || !hasExperts(columns) || !records.every(isRow)) return undefined;
  return {
    columns,
    numRows: records.length,
    rowAt: (index) => Object.fromEntries(columns.map((name) => [name, cellOf(records[index].get(name))])),
  };
}

function rowsIn(columns: readonly string[], data: readonly TorchValue[]): NamedTable | undefined {
  if (!hasExperts(columns) || !data.every(Array.isArray)) return undefined;
  const rows = data as readonly (readonly TorchValue[])[];
  return {
    columns,
    numRows: rows.length,
    rowAt: (index) => Object.fromEntries(columns.map((name, at) => [name, cellOf(rows[index].at(at))])),
  };
}

/** A value for every row, under the name of a column. */
interface Column {
  readonly length: number;
  at(row: number): unknown;
}

function columnsIn(dict: TorchDict, where: string): NamedTable | undefined {
  const columns = new Map<string, Column>();
  for (const [key, value] of dict) {
    const column = columnOf(value);
    if (column && column.length > 1) columns.set(String(key), column);
  }
  const names = [...columns.keys()];
  const { layer, experts, token } = rolesOf(names);
  const scalars = (name: string | undefined) => {
    const column = name === undefined ? undefined : columns.get(name);
    return column && typeof column.at(0) === "number" ? column : undefined;
  };
  // One expert a row needs a token beside it; lists of a layer's tokens need none.
  const leading = scalars(layer) ?? (scalars(experts) && scalars(token.at(0)));
  if (leading === undefined) return undefined;
  const alike = names.filter((name) => columns.get(name)?.length === leading.length);
  if (!hasExperts(alike)) {
    if (scalars(layer) === undefined || !hasExperts(names) || layersOf(dict) !== undefined) return undefined;
    throw new InputError(
      `${where}: found ${leading.length} numbers of layers beside ${names.filter((name) => name !== layer).join(", ")} of other lengths, ` +
        "expected as many rows",
      "Maybe keep arrays by layer, under its number, or one array [tokens, layers, top-k].",
    );
  }
  return {
    columns: alike,
    numRows: leading.length,
    rowAt: (index) => Object.fromEntries(alike.map((name) => [name, columns.get(name)?.at(index)])),
  };
}

/**
 * The numbers of the layers of an array [tokens, layers, top-k], where they stand beside it.
 *
 * @returns Undefined where none of as many do.
 */
export function layersOf(dict: TorchDict): readonly number[] | undefined {
  const names = [...dict.keys()].map(String);
  const { layer, experts } = rolesOf(names);
  const [ids, layers] = [experts, layer].map((name) => (name === undefined ? undefined : dict.get(name)));
  const shape = isTensor(ids) ? ids.shape : Array.isArray(ids) ? tensorOfLists(ids)?.shape : undefined;
  const column = layers === undefined ? undefined : columnOf(layers);
  if (column === undefined || shape?.length !== 3 || shape[1] !== column.length) return undefined;
  const numbers = Array.from({ length: column.length }, (_, at) => column.at(at));
  return numbers.every((number) => typeof number === "number") ? numbers : undefined;
}

function columnOf(value: TorchValue): Column | undefined {
  if (isTensor(value)) {
    if (value.shape.length === 0) return undefined;
    return { length: value.shape[0], at: (row) => numbersOf(entryOf(value, row)) };
  }
  const cells: readonly TorchValue[] | undefined = Array.isArray(value)
    ? (value as readonly TorchValue[])
    : value instanceof Map
      ? byNumber([...(value as TorchDict)]).map(([, cell]) => cell)
      : undefined;
  return cells && { length: cells.length, at: (row) => cellOf(cells[row]) };
}

/** What stands in a row of a column. */
function cellOf(value: TorchValue | undefined): unknown {
  return isTensor(value) ? numbersOf(value) : (value ?? null);
}

/** A number, or lists of them. */
function numbersOf(tensor: Tensor): unknown {
  const { shape, values, start } = tensor;
  if (shape.length === 0) return values[start];
  if (shape.length === 1) return [...vectorOf(tensor)];
  return Array.from({ length: shape[0] }, (_, at) => numbersOf(entryOf(tensor, at)));
}
