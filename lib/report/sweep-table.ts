import { stringify } from "csv-stringify/sync";
import { comparableRows, paretoFront, type SweepRow, type Weighed } from "../flows/sweep.js";
import { tableOf, timeColumn, type TableColumn, type TableText } from "./table.js";

/** What time is weighed against, in words. */
export const WEIGHED: readonly {
  readonly name: Weighed;
  readonly label: string;
  readonly unit: string;
  readonly scale: number;
}[] = [
  { name: "stepPj", label: "energy of a step", unit: "J", scale: 1e12 },
  { name: "areaMm2", label: "silicon", unit: "mm2", scale: 1 },
  { name: "weightBytes", label: "expert weights of a chiplet", unit: "GB", scale: 1e9 },
];

/** A row of a sweep with the fronts it is on. */
export interface MarkedRow extends SweepRow {
  /** What it is one of the best in, together with time. */
  readonly fronts: readonly Weighed[];
}

/**
 * Marks the rows that no other beats in time and a second figure, of those whose steps do the same. Where all of them have
 * the same of it, there is no front.
 */
export function markFronts(rows: readonly SweepRow[]): MarkedRow[] {
  const fronts = WEIGHED.map(({ name }) => [name, new Set(frontsOf(rows, name).flat())] as const);
  return rows.map((row) => ({
    ...row,
    fronts: fronts.flatMap(([name, front]) => (front.has(row) ? [name] : [])),
  }));
}

/** The front of every comparable part of the rows in which a figure differs, each by ascending time. */
export function frontsOf(rows: readonly SweepRow[], weighed: Weighed): SweepRow[][] {
  return comparableRows(rows)
    .filter((part) => new Set(part.flatMap((row) => row[weighed] ?? [])).size > 1)
    .map((part) => paretoFront(part, weighed));
}

/** The rows as comma-separated values: a line of names, then a line a point; nothing where nothing is known. */
export function sweepCsv(rows: readonly MarkedRow[]): string {
  const records = rows.map((row) => ({ ...row, fronts: row.fronts.join(" ") }));
  return stringify(
    records.map((record) => COLUMNS.map((name) => record[name] ?? "")),
    { header: true, columns: [...COLUMNS], escape_formulas: true },
  ).trimEnd();
}

const COLUMNS = [
  "trace",
  "machine",
  "workload",
  "engine",
  "numChiplets",
  "stepTokens",
  "objective",
  "dispatch",
  "numReplicas",
  "solver",
  "status",
  "tokenReplication",
  "loadMaxOverMean",
  "stepNs",
  "stepPj",
  "bound",
  "weightBytes",
  "areaMm2",
  "fronts",
  "reason",
] as const;

/** The rows as plain data for JSON; null is what is not known. */
export function sweepData(rows: readonly MarkedRow[]): object[] {
  return rows.map((row) => Object.fromEntries(COLUMNS.map((name) => [name, row[name] ?? null])));
}

/** The table of a sweep, and what all of its rows have in common. */
export interface SweepText extends TableText {
  /** Names that are the same in all rows, for a line above; empty where there are none. */
  readonly common: string;
}

/**
 * The rows as a table for people, the best of every figure marked. What all rows agree in is told once: whole columns, and
 * parts of the names of machines.
 */
export function sweepTable(rows: readonly MarkedRow[]): SweepText {
  const machines = splitNames(rows.map(({ machine }) => machine));
  const names: readonly TableColumn<MarkedRow>[] = [
    { header: "trace", cell: ({ trace }) => trace },
    { header: "machine", cell: ({ machine }) => machines.own(machine) },
    { header: "workload", cell: ({ workload }) => workload },
    { header: "for", cell: ({ engine = "" }) => engine },
    { header: "objective", cell: ({ objective }) => objective },
    { header: "dispatch", cell: ({ dispatch }) => dispatch },
    { header: "replicas", cell: ({ numReplicas }) => String(numReplicas) },
    { header: "solver", cell: ({ solver }) => solver },
  ];
  const copies = ({ tokenReplication }: MarkedRow) => tokenReplication;
  const load = ({ loadMaxOverMean }: MarkedRow) => loadMaxOverMean;
  const figures: readonly TableColumn<MarkedRow>[] = [
    { header: "C_T", cell: (row) => copies(row)?.toFixed(3) ?? "", value: copies },
    { header: "max load", cell: (row) => load(row)?.toFixed(2) ?? "", value: load },
    timeColumn(
      rows,
      (unit) => `step, ${unit}`,
      ({ stepNs }) => stepNs,
    ),
    ...WEIGHED.map(({ name, label, unit, scale }) => ({
      header: `${label}, ${unit}`,
      cell: (row: MarkedRow) => {
        const value = row[name];
        return value === undefined ? "" : fourDigits(value / scale);
      },
      value: (row: MarkedRow) => row[name],
    })),
    { header: "best in time and", cell: ({ fronts }) => fronts.map(nameOf).join(", ") },
    { header: "status", cell: ({ status }) => status },
  ];
  const differ = ({ cell }: TableColumn<MarkedRow>) => new Set(rows.map(cell)).size > 1;
  // The first column goes before every part of a wide table, and tells its rows.
  const shown = names.filter((column) => differ(column));
  const same = names.filter((column) => !shown.includes(column) && column.header !== "machine");
  const common = [
    ...(machines.common === "" ? [] : [`machine ${machines.common}`]),
    ...rows
      .slice(0, 1)
      .flatMap((row) =>
        same.flatMap(({ header, cell }) => (cell(row) === "" ? [] : [`${header} ${cell(row)}`])),
      ),
  ];
  const [, machine] = names;
  const columns = shown.length > 0 ? shown : [{ ...machine, cell: (row: MarkedRow) => row.machine }];
  return {
    ...tableOf(rows, [...columns, ...figures.map((column) => ({ ...column, isOptional: true }))]),
    common: common.join("; "),
  };
}

/** Names of machines as a grid makes them, in parts that all have and parts of their own. */
function splitNames(names: readonly string[]): { common: string; own: (name: string) => string } {
  const partsOf = (name: string) => name.split(", ");
  const [first = []] = names.map(partsOf);
  const common = first.filter((part) => names.every((name) => partsOf(name).includes(part)));
  const own = (name: string) => partsOf(name).filter((part) => !common.includes(part));
  return { common: common.join(", "), own: (name) => own(name).join(", ") || name };
}

/** Four digits, and all of those before the point: a wafer has 20,040 mm2, not 2.004e+4. */
function fourDigits(value: number): string {
  return value >= 1e4 ? value.toFixed(0) : value.toPrecision(4);
}

function nameOf(weighed: Weighed): string {
  return WEIGHED.find(({ name }) => name === weighed)?.label ?? weighed;
}
