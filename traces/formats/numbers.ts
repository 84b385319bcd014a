import type { Tensor } from "../../lib/containers/tensor.js";
import { kindOfArray, refuseKind, rowsOf } from "../array-kind.js";
import { namesOfColumns } from "../column-names.js";
import { countingOf, type Rows } from "../counted-columns.js";
import { takerOf } from "../table.js";
import type { TraceBuilder } from "../trace-builder.js";
import { appendArray, type ArrayOptions } from "./arrays.js";

/**
 * Reads numbers without names for what they say they are: experts of tokens, loads, or a table of either.
 *
 * @throws InputError if they are nothing of that, or may be several.
 */
export function appendNumbers(builder: TraceBuilder, array: Tensor, options: ArrayOptions): void {
  const { where, as = builder.options.as } = options;
  if (kindOfArray(array, { ...builder.options, as }).kind !== "table") {
    appendArray(builder, array, options);
    return;
  }
  const rows = rowsOf(array);
  const table = tableOf(builder, rows, where);
  if (!table) return refuseKind(where, array.shape, "neither", "whose first columns do not count to the end");
  rows.forEach((row, at) => {
    table.take(row, `${where}: row ${at}`);
  });
  table.end();
}

/** Takes the rows of a table without names. */
export interface NumberTaker {
  take(row: readonly number[], where: string): void;
  end(): void;
}

/**
 * A table whose first columns count.
 *
 * @param first The rows it begins with.
 * @returns Undefined where none does.
 * @throws InputError if nothing tells which column is what.
 */
export function tableOf(builder: TraceBuilder, first: Rows, where: string): NumberTaker | undefined {
  const counting = countingOf(first, builder.options.as);
  if (counting === undefined) return undefined;
  const { names, isAssumed } = namesOfColumns(first, counting, { ...builder.options, where });
  if (counting.hasIndex)
    builder.warnings.push(`${where}: the first column numbers the rows, and was left out`);
  if (isAssumed)
    builder.warnings.push(
      `${where}: of columns without names, the first was taken for the layer; pass numLayers where it is the token`,
    );
  const taker = takerOf(
    names.filter((name) => name !== ""),
    builder,
    where,
  );
  const named = (row: readonly number[]) => {
    const record: Record<string, number> = {};
    for (let at = 0; at < row.length; at++) record[names[at]] = row[at];
    return record;
  };
  taker.begin?.(first.map(named));
  return {
    take: (row, at) => {
      taker.take(named(row), at);
    },
    end: () => taker.end?.(),
  };
}
