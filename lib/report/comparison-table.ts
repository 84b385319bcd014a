import type { ComparisonRow } from "../flows/compare.js";
import { formatTime } from "./format-time.js";
import { judgedValue, knownObjective, rankRows, type ObjectiveName } from "./judged.js";
import type { ReportMachine } from "./layer-view.js";
import { verdictSentence } from "./report-answer.js";

/** A table as text: a row of headers, then rows of as many cells. */
export interface TableText {
  readonly headers: readonly string[];
  readonly cells: readonly (readonly string[])[];
}

/** A column of the comparison for people. */
interface Column {
  /** A time names how the step is run. */
  readonly header: string | ((rows: readonly ComparisonRow[]) => string);
  readonly cell: (row: ComparisonRow) => string;
  /** Left out where no solver has anything in it. */
  readonly isOptional?: boolean;
}

const columns: readonly Column[] = [
  { header: "solver", cell: ({ solver }) => solver },
  { header: "C_T learned", cell: ({ learned }) => digits(learned?.tokenReplication, 3) },
  { header: "C_T held out", cell: ({ heldOut }) => digits(heldOut?.tokenReplication, 3), isOptional: true },
  { header: "C_G", cell: (row) => digits(judged(row)?.groupReplication, 3) },
  { header: "max load", cell: (row) => digits(judged(row)?.loadMaxOverMean, 2) },
  {
    header: (rows) => `step, ${rows.find(({ time }) => time)?.time?.configuration ?? ""}`,
    cell: ({ stepNs }) => optionalTime(stepNs),
    isOptional: true,
  },
  {
    header: "layer learned",
    cell: ({ learned }) => optionalTime(learned?.modelled?.scheduledLayerNs),
    isOptional: true,
  },
  {
    header: "gap",
    cell: ({ gap }) => (gap === undefined ? "" : `${(100 * gap).toFixed(gap === 0 ? 0 : 2)} %`),
    isOptional: true,
  },
  { header: "proof", cell: describeProof },
];

const secondsColumn: Column = { header: "seconds", cell: ({ seconds }) => seconds.toFixed(1) };

/**
 * The comparison as a table for people, a row for every solver.
 *
 * @param options.seconds Whether to show how long solvers took, which differs from run to run.
 */
export function comparisonTable(
  rows: readonly ComparisonRow[],
  { seconds }: { seconds: boolean },
): TableText {
  const shown = [...columns, ...(seconds ? [secondsColumn] : [])].filter(
    ({ cell, isOptional }) => !isOptional || rows.some((row) => cell(row) !== ""),
  );
  return {
    headers: shown.map(({ header }) => (typeof header === "string" ? header : header(rows))),
    cells: rows.map((row) => shown.map(({ cell }) => cell(row))),
  };
}

/** What the best solver gains over the layout engines load, by what was minimised; undefined where it was not compared. */
export function comparisonHeadline(
  rows: readonly ComparisonRow[],
  { objective, machine }: { objective: ObjectiveName; machine: ReportMachine },
): string | undefined {
  const before = rows.find(({ solver }) => solver === "contiguous");
  const known = knownObjective(rows, objective);
  const [after] = rankRows(rows, known);
  if (before === undefined || rows.length < 2 || judgedValue(before, known) === undefined) return undefined;
  return verdictSentence({ before, after, objective: known, machine });
}

/** Metrics on the tokens that count: those held out, or else those learned from. */
function judged({ learned, heldOut }: ComparisonRow): ComparisonRow["learned"] {
  return heldOut ?? learned;
}

function describeProof({ status, numOptimal, numLayers }: ComparisonRow): string {
  if (status !== "feasible") return status;
  return numOptimal === 0 ? "none" : `${numOptimal} of ${numLayers} layers`;
}

function optionalTime(ns: number | undefined): string {
  return ns === undefined ? "" : formatTime(ns);
}

function digits(value: number | undefined, count: number): string {
  return value === undefined ? "" : value.toFixed(count);
}
