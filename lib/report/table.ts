import { largest, smallest } from "../statistics.js";
import { timeUnit } from "./format-time.js";

/** A table as text: a row of headers, then rows of as many cells. */
export interface TableText {
  readonly headers: readonly string[];
  readonly cells: readonly (readonly string[])[];
  /** Which cells are the best of their column, where rows compete. Shape as `cells`. */
  readonly best?: readonly (readonly boolean[])[];
}

/** A column of a table for people. */
export interface TableColumn<Row> {
  readonly header: string;
  /** Empty where nothing is known. */
  readonly cell: (row: Row) => string;
  /** What rows compete in: less is better. Absent where they do not. */
  readonly value?: ((row: Row) => number | undefined) | undefined;
  /** Left out where no row has anything in it. */
  readonly isOptional?: boolean;
}

/** Rows by columns. What shows as the best of its column is marked, whatever its further digits; where all are equal, nothing is. */
export function tableOf<Row>(rows: readonly Row[], columns: readonly TableColumn<Row>[]): TableText {
  const shown = columns.filter(
    ({ cell, isOptional = false }) => !isOptional || rows.some((row) => cell(row) !== ""),
  );
  const bests = shown.map((column) => bestText(rows, column));
  const cells = rows.map((row) => shown.map(({ cell }) => cell(row)));
  return {
    headers: shown.map(({ header }) => header),
    cells,
    best: cells.map((row) => row.map((text, column) => text === bests[column])),
  };
}

/** A column of times in one unit, which its head tells, with four digits for the least. */
export function timeColumn<Row>(
  rows: readonly Row[],
  header: (unit: string) => string,
  value: (row: Row) => number | undefined,
): TableColumn<Row> {
  const times = rows.flatMap((row) => value(row) ?? []).filter((ns) => ns > 0);
  const unit = timeUnit(largest(times, 1));
  const least = smallest(times, unit.ns) / unit.ns;
  const digits = Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(least))));
  return {
    header: header(unit.name),
    cell: (row) => {
      const ns = value(row);
      return ns === undefined ? "" : (ns / unit.ns).toFixed(digits);
    },
    value,
    isOptional: true,
  };
}

function bestText<Row>(rows: readonly Row[], { cell, value }: TableColumn<Row>): string | undefined {
  if (value === undefined) return undefined;
  const least = smallest(rows.flatMap((row) => value(row) ?? []));
  const winner = rows.find((row) => value(row) === least);
  if (winner === undefined) return undefined;
  const text = cell(winner);
  return rows.some((row) => value(row) !== undefined && cell(row) !== text) ? text : undefined;
}
