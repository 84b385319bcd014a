import { counted } from "../counted.js";
import { pairedGain, type BatchFigures } from "../flows/batches.js";
import type { ComparisonRow } from "../flows/compare.js";
import { sharesCopies } from "../performance/workload.js";
import type { Objective } from "../placement/objective.js";
import { smallest } from "../statistics.js";

/** The name of what is minimised. */
export type ObjectiveName = Objective["minimise"];

/** What an objective judges by, for people: time in the mean over batches where that was minimised and is known. */
export function judgedBy(rows: readonly ComparisonRow[], objective: ObjectiveName): string {
  const batchStep = rows.find((row) => row.batchStep)?.batchStep;
  return `${JUDGED_BY[objective]}${objective === "time" ? overBatches(batchStep) : ""}`;
}

/** The same in as few words as an axis has room for. */
export function judgedShortly(rows: readonly ComparisonRow[], objective: ObjectiveName): string {
  const isMean = objective === "time" && rows.some(({ batchStep }) => batchStep?.stepNs !== undefined);
  return `${JUDGED_BY[objective]}${isMean ? ", mean of batches" : ""}`;
}

/** That a time is a mean over batches, behind what it is; empty where it is not. */
export function overBatches(batchStep: ComparisonRow["batchStep"]): string {
  if (batchStep?.stepNs === undefined) return "";
  return `, in the mean over batches of ${counted(batchStep.tokens, "token")}`;
}

const JUDGED_BY: Readonly<Record<ObjectiveName, string>> = {
  traffic: "C_T, chiplets a token visits",
  load: "largest load of a chiplet over the mean",
  time: "time of a step",
};

/**
 * The objective that rows can be judged by: C_T stands in for time where no time is known, and time for C_T where copies are not shared,
 * so that C_T is worth nothing, whatever it was placed for.
 */
export function knownObjective(rows: readonly ComparisonRow[], objective: ObjectiveName): ObjectiveName {
  if (objective === "traffic" && rows.some(({ time }) => time && !sharesCopies(time))) return "time";
  return objective === "time" && rows.every(({ stepNs }) => stepNs === undefined) ? "traffic" : objective;
}

/**
 * What an objective minimises, on the tokens that count: those held out, or else those learned from. Time is that of all at once, or the
 * mean over batches where that was minimised and there are tokens for some.
 */
export function judgedValue(row: ComparisonRow, objective: ObjectiveName): number | undefined {
  const metrics = row.heldOut ?? row.learned;
  if (objective === "time") return row.batchStep?.stepNs ?? row.stepNs;
  return objective === "load" ? metrics?.loadMaxOverMean : metrics?.tokenReplication;
}

/** The same on the tokens learned from. */
export function learnedValue(row: ComparisonRow, objective: ObjectiveName): number | undefined {
  if (objective === "time") {
    return row.batchStep?.stepNs === undefined ? row.time?.learnedNs : row.batchStep.learnedNs;
  }
  return objective === "load" ? row.learned?.loadMaxOverMean : row.learned?.tokenReplication;
}

/** What was minimised: the same, but for time over batches, whether or not those held out are enough for some. */
function minimisedValue(row: ComparisonRow, objective: ObjectiveName): number | undefined {
  return (objective === "time" ? row.batchStep?.learnedNs : undefined) ?? learnedValue(row, objective);
}

/** What is proved: no placement of the same problem, with as few replicas or, of time, as many, has less on the tokens learned from. */
export function provedLeast(row: ComparisonRow, objective: ObjectiveName): number | undefined {
  // All tokens at once take no less; what batches of them take in the mean is not proved.
  if (objective === "time") {
    return row.batchStep?.stepNs === undefined ? (row.time?.atLeastNs ?? undefined) : undefined;
  }
  return objective === "traffic" ? row.bound : undefined;
}

/**
 * The row to answer with: the best on the tokens learned from, which whoever places would get, unless another is better
 * on those held out by more than batches make of it by chance.
 */
export function answerRow<Row extends ComparisonRow>(
  rows: readonly Row[],
  objective: ObjectiveName,
): Row | undefined {
  const ranked = rankRows(rows, objective) as Row[];
  const learned = ranked.map((row) => minimisedValue(row, objective) ?? Infinity);
  const chosen = ranked.at(learned.indexOf(smallest(learned)));
  const [best] = ranked;
  if (chosen === undefined || smallest(learned) === Infinity) return best;
  const values = ({ batches }: Row) =>
    batches?.each.flatMap((batch) => batchValue(batch, objective) ?? []) ?? [];
  const [from, to] = [values(chosen), values(best)];
  if (from.length === 0 || from.length !== to.length) return best;
  const { gain, noise } = pairedGain(from, to);
  return gain > noise ? best : chosen;
}

/**
 * The row whose pictures are shown beside the contiguous ones: the answer, or the best of the others where contiguous is the answer,
 * because what was asked about is looked at whether or not it is better.
 */
export function shownRow<Row extends ComparisonRow>(
  rows: readonly Row[],
  objective: ObjectiveName,
): Row | undefined {
  const answer = answerRow(rows, objective);
  if (answer?.solver !== "contiguous") return answer;
  return (
    answerRow(
      rows.filter((row) => row !== answer),
      objective,
    ) ?? answer
  );
}

function batchValue(batch: BatchFigures, objective: ObjectiveName): number | undefined {
  if (objective === "time") return batch.stepNs;
  return objective === "load" ? batch.loadMaxOverMean : batch.tokenReplication;
}

/** Rows with a placement, the best under the objective first; equals by C_T, then in the order given. */
export function rankRows(rows: readonly ComparisonRow[], objective: ObjectiveName): ComparisonRow[] {
  const valueOf = (row: ComparisonRow) => judgedValue(row, objective) ?? Infinity;
  const replicationOf = (row: ComparisonRow) => judgedValue(row, "traffic") ?? Infinity;
  return rows
    .filter((row) => judgedValue(row, objective) !== undefined)
    .sort((left, right) => valueOf(left) - valueOf(right) || replicationOf(left) - replicationOf(right));
}
