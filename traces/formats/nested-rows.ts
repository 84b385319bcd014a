import { InputError } from "../../lib/errors.js";
import type { TorchDict, TorchValue } from "../containers/torch-file.js";
import { namesOfColumns } from "../column-names.js";
import { isConstant, MAX_LAYERS, type Rows } from "../counted-columns.js";
import { byNumber } from "../numbered-names.js";
import type { TraceBuilder } from "../trace-builder.js";

/**
 * Reads experts of tokens by two numbers that no name tells, of layers and tokens, one within the other, as a table without
 * names: the number of layers tells which is which, or one that no layer has, or the experts that tokens of a layer share.
 *
 * @returns Whether they are such, and something tells; if not, nothing was read.
 */
export function appendNestedRows(
  builder: TraceBuilder,
  entries: readonly (readonly [unknown, TorchValue])[],
  where: string,
): boolean {
  const rows = nestedRows(entries);
  if (rows === undefined || rows.length === 0) return false;
  const orders = ORDERS.filter(([layer]) => rows.every((row) => row[layer] < MAX_LAYERS));
  const isTold = orders.length === 1 || builder.options.numLayers !== undefined;
  if (orders.length === 0 || (!isTold && ORDERS.some(([column]) => isConstant(rows, column)))) return false;
  const { names, isAssumed } = namesOfColumns(
    rows,
    { hasIndex: false, orders },
    { ...builder.options, where },
  );
  if (isAssumed) return false;
  const [layer, token] = ["layer", "token"].map((name) => names.indexOf(name));
  for (const row of rows) {
    const fault = builder.append(row[layer], row.slice(2));
    if (fault)
      throw new InputError(
        `${where}: layer ${row[layer]}, token ${row[token]}: ${fault.found}`,
        fault.advice,
      );
  }
  return true;
}

const ORDERS = [
  [0, 1],
  [1, 0],
] as const;

function nestedRows(entries: readonly (readonly [unknown, TorchValue])[]): Rows | undefined {
  const rows: number[][] = [];
  for (const [outer, value] of byNumber(entries)) {
    if (!(value instanceof Map) || !isNumber(outer)) return undefined;
    for (const [inner, row] of byNumber([...(value as TorchDict)])) {
      if (!isNumber(inner) || !Array.isArray(row)) return undefined;
      const ids = row as readonly unknown[];
      if (!ids.every((id) => typeof id === "number")) return undefined;
      rows.push([Number(outer), Number(inner), ...ids]);
    }
  }
  return rows;
}

function isNumber(name: unknown): boolean {
  return /^\d+$/.test(String(name));
}
