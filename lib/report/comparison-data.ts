import { stringify } from "csv-stringify/sync";
import type { ComparedSolver, ComparisonRow } from "../flows/compare.js";

/** Whether to tell the seconds solvers took, which differ from run to run. */
interface DataOptions {
  readonly seconds: boolean;
}

/**
 * The comparison as plain data for JSON: one object a solver, with its layers.
 *
 * @param rows As `compareSolvers` made them of `solvers`.
 */
export function comparisonData(
  solvers: readonly ComparedSolver[],
  rows: readonly ComparisonRow[],
  options: DataOptions,
): object[] {
  return rows.map((row, index) => ({ ...rowData(row, options), layers: layerData(solvers[index]) }));
}

/**
 * The comparison as comma-separated values: a line of names, then a line a solver; nothing where nothing is known.
 *
 * Text that a spreadsheet would take for a formula has an apostrophe before it.
 */
export function comparisonCsv(rows: readonly ComparisonRow[], options: DataOptions): string {
  const records = rows.map((row) => flatten(rowData(row, options)));
  const names = [...new Set(records.flatMap((record) => [...record.keys()]))];
  const lines = records.map((record) => names.map((name) => cellOf(record.get(name))));
  return stringify([names, ...lines], { escape_formulas: true }).trimEnd();
}

function rowData(row: ComparisonRow, options: DataOptions): Record<string, unknown> {
  const { seconds, reason, ...known } = row;
  const data: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(known)) data[name] = value ?? null;
  if (options.seconds) data.seconds = seconds;
  if (reason !== undefined) data.reason = reason;
  return data;
}

function layerData({ answer }: ComparedSolver): object[] {
  if (answer.status !== "placed") return [];
  const { placement, learned, heldOut } = answer;
  const heldOutOf = new Map(heldOut?.layers.map((metrics) => [metrics.layer, metrics]));
  return placement.layers.map(({ layer, status, cost, bound, groups, stoppedBy }, index) => ({
    layer,
    status,
    cost,
    bound: bound ?? null,
    groups: groups ?? null,
    stoppedBy,
    learned: learned.layers[index],
    heldOut: heldOutOf.get(layer) ?? null,
  }));
}

/** Names of nested fields are joined by dots. */
function flatten(record: Record<string, unknown>, prefix = ""): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === "object" && value !== null) {
      flatten({ ...value }, `${prefix}${name}.`).forEach((inner, key) => flat.set(key, inner));
    } else {
      flat.set(`${prefix}${name}`, value);
    }
  }
  return flat;
}

function cellOf(value: unknown): string | number {
  return typeof value === "string" || typeof value === "number" ? value : "";
}
