import type { ComparisonRow } from "../flows/compare.js";
import { timeGap } from "../flows/step-time.js";
import { answerRow, judgedValue, knownObjective, type ObjectiveName } from "./judged.js";
import type { ReportMachine } from "./layer-view.js";
import { verdictSentence } from "./report-answer.js";
import { tableOf, timeColumn, type TableText } from "./table.js";

/**
 * The comparison as a table for people, a row for every solver, the best of every column marked.
 * With `seconds` it tells how long solvers took, which differs from run to run.
 */
export function comparisonTable(
  rows: readonly ComparisonRow[],
  { seconds }: { seconds: boolean },
): TableText {
  const configuration = rows.find(({ time }) => time)?.time?.configuration ?? "";
  const copies = (row: ComparisonRow) => judged(row)?.groupReplication;
  const load = (row: ComparisonRow) => judged(row)?.loadMaxOverMean;
  const learned = (row: ComparisonRow) => row.learned?.tokenReplication;
  const heldOut = (row: ComparisonRow) => row.heldOut?.tokenReplication;
  return tableOf(rows, [
    { header: "solver", cell: ({ solver }) => solver },
    { header: "C_T learned", cell: (row) => digits(learned(row), 3), value: learned },
    { header: "C_T held out", cell: (row) => digits(heldOut(row), 3), value: heldOut, isOptional: true },
    { header: "C_G", cell: (row) => digits(copies(row), 3), value: copies },
    { header: "max load", cell: (row) => digits(load(row), 2), value: load },
    timeColumn(
      rows,
      (unit) => `step, ${unit} (${configuration})`,
      ({ stepNs }) => stepNs,
    ),
    timeColumn(
      rows,
      (unit) => `batches held out, ${unit}`,
      ({ heldOut, batchStep }) => (heldOut ? batchStep?.stepNs : undefined),
    ),
    timeColumn(
      rows,
      (unit) => `batches learned, ${unit}`,
      ({ batchStep }) => batchStep?.learnedNs,
    ),
    timeColumn(
      rows,
      (unit) => `layer learned, ${unit}`,
      ({ batchStep, ...row }) => (batchStep ? undefined : row.learned?.modelled?.scheduledLayerNs),
    ),
    {
      header: "energy, J",
      cell: ({ stepPj }) => joules(stepPj),
      value: ({ stepPj }) => stepPj,
      isOptional: true,
    },
    { header: "gap in time", cell: ({ time }) => percent(timeGap(time)), isOptional: true },
    { header: "gap in C_T", cell: ({ gap }) => percent(gap), isOptional: true },
    { header: "proof", cell: describeProof },
    ...(seconds ? [{ header: "seconds", cell: (row: ComparisonRow) => row.seconds.toFixed(1) }] : []),
  ]);
}

/** What the best solver gains over the layout engines load, by what was minimised; undefined where it was not compared. */
export function comparisonHeadline(
  rows: readonly ComparisonRow[],
  { objective, machine }: { objective: ObjectiveName; machine: ReportMachine },
): string | undefined {
  const before = rows.find(({ solver }) => solver === "contiguous");
  const known = knownObjective(rows, objective);
  const after = answerRow(rows, known);
  if (
    before === undefined ||
    after === undefined ||
    rows.length < 2 ||
    judgedValue(before, known) === undefined
  )
    return undefined;
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

function joules(pj: number | undefined): string {
  return pj === undefined ? "" : (pj / 1e12).toFixed(1);
}

function percent(gap: number | undefined): string {
  return gap === undefined ? "" : `${(100 * gap).toFixed(gap === 0 ? 0 : 2)} %`;
}

function digits(value: number | undefined, count: number): string {
  return value === undefined ? "" : value.toFixed(count);
}
