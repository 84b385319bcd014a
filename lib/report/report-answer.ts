import { counted } from "../counted.js";
import type { ComparisonRow } from "../flows/compare.js";
import { timeGap } from "../flows/step-time.js";
import { sharesCopies } from "../performance/workload.js";
import { binding } from "../schedule/binding.js";
import type { StepSchedule } from "../schedule/schedule-step.js";
import { criticalPath, timeByKind } from "../task-graph/critical-path.js";
import { describeBinding } from "./before-after.js";
import { formatEnergy, fourDigits } from "./format-time.js";
import { judgedValue, overBatches, type ObjectiveName } from "./judged.js";
import type { ReportMachine } from "./layer-view.js";

/** A number that a reader looks for first. */
export interface AnswerCard {
  readonly term: string;
  readonly value: string;
  readonly note: string;
}

/** A solver in numbers, with what a machine serves under its placement. */
export interface ReportRow extends ComparisonRow {
  /** Of the whole model, a chiplet. */
  readonly tokensPerSecond?: number | undefined;
  /** Whether it goes by the name of its file, which may be as short as "p" and is quoted in sentences. */
  readonly isFile?: boolean | undefined;
}

/** The placement that runs now, the best one, and what they are judged by. */
export interface AnswerInput {
  /** The contiguous placement, which engines load; undefined where it was not compared. */
  readonly before: ReportRow | undefined;
  readonly after: ReportRow;
  readonly objective: ObjectiveName;
  /** Schedule of the step under the best placement, of the tokens it is judged on, where the model's sizes are known. */
  readonly step?: StepSchedule | undefined;
  /** The same under the contiguous placement. */
  readonly stepBefore?: StepSchedule | undefined;
  readonly machine: ReportMachine;
}

/** What is said of no change. */
const SAME_AS: Readonly<Record<ObjectiveName, string>> = {
  time: "is as fast as",
  traffic: "makes as many token copies as",
  load: "has the same largest load of a chiplet as",
};

/** Changes smaller than this share are none. */
const SAME = 0.0005;

/** What to do, in a sentence or two, judged by the objective. */
export function verdictSentence({ before, after, objective, machine, step }: AnswerInput): string {
  const mean = objective === "time" ? overBatches(after.batchStep) : "";
  const where = `${after.heldOut ? " on held-out tokens" : ""}${mean}`;
  const name = after.isFile ? `"${after.solver}"` : after.solver;
  if (before === undefined || before === after) {
    const value = describeValue(after, objective);
    return before === undefined
      ? `${name}: ${value}${where}.`
      : `Keep the contiguous placement: of those compared none is better${where} (${value}).`;
  }
  const change = changeOf(judgedValue(before, objective), judgedValue(after, objective));
  const gains = {
    time: `With ${name} a modelled ${after.time?.workload ?? ""} step takes ${describeChange(change)} time than with contiguous`,
    traffic: `${name} makes ${describeChange(change, "fewer")} token copies than contiguous`,
    load: `With ${name} the largest load of a chiplet is ${describeChange(change, "lower")} than with contiguous`,
  };
  const sentence =
    Math.abs(change) < SAME
      ? `${name} ${SAME_AS[objective]} contiguous${where}`
      : `${gains[objective]}${where}`;
  return `${sentence}${besides({ before, after, objective })}.${advice({ before, after, objective, machine, step })}`;
}

/** What else changes, where time is not what was asked for, or copies were not. */
function besides({ before, after, objective }: Pick<AnswerInput, "before" | "after" | "objective">): string {
  const unasked: ObjectiveName = objective === "time" ? "traffic" : "time";
  const [from, to] = [before && judgedValue(before, unasked), judgedValue(after, unasked)];
  if (from === undefined || to === undefined) return "";
  const change = changeOf(from, to);
  if (Math.abs(change) < SAME)
    return unasked === "time" ? "; the step takes as long" : "; token copies stay as they are";
  return unasked === "time"
    ? `; a step takes ${describeChange(change)} time`
    : `, with ${describeChange(change, "fewer", "more")} token copies`;
}

function advice({ before, after, objective, machine, step }: AnswerInput): string {
  const change = changeOf(before && judgedValue(before, "time"), judgedValue(after, "time"));
  if (objective === "time" || Number.isNaN(change)) return "";
  if (change > SAME) return " Where time counts, place for time.";
  if (Math.abs(change) < SAME && step) {
    return ` What binds the step is ${binding(step).name}, which no placement changes.`;
  }
  return machine.workload && !sharesCopies(machine.workload)
    ? " With this transport copies are not shared, so that saving them saves no bytes."
    : "";
}

/** The numbers that a reader looks for first, before and after. */
export function answerCards(input: AnswerInput): AnswerCard[] {
  const { before, after, step, stepBefore, machine } = input;
  const pair = (valueOf: (row: ReportRow) => number | undefined, format: (value: number) => string) => {
    const [from, to] = [before && valueOf(before), valueOf(after)];
    if (to === undefined) return "–";
    return from === undefined || before === after ? format(to) : `${format(from)} → ${format(to)}`;
  };
  const judged = (row: ComparisonRow) => row.heldOut ?? row.learned;
  const where = after.heldOut ? "held-out tokens" : "tokens learned from";
  const cards: AnswerCard[] = [];
  if (after.time && after.stepNs !== undefined) {
    const { workload, configuration } = after.time;
    cards.push({
      term: `Time of a ${workload} step`,
      value: pair(({ stepNs }) => stepNs, fourDigits),
      note: `${configuration}, the ${counted(after.numLayers, "layer")} given, ${where}`,
    });
  }
  if (after.tokensPerSecond !== undefined) {
    const { hardware } = machine;
    const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
    cards.push({
      term: "Tokens a second",
      value: pair(
        ({ tokensPerSecond = NaN }) => tokensPerSecond * numChiplets,
        (value) => Math.round(value).toLocaleString("en-US"),
      ),
      note: "of the whole model, all its layers as those given in the mean",
    });
  }
  if (step) {
    const path = timeByKind(step.graph, criticalPath(step.graph, step.schedule));
    const parts = path
      .slice(0, 2)
      .map(
        ({ kind, ns }) =>
          `${kind === "join" ? "latency" : kind} ${Math.round((100 * ns) / step.makespanNs)} %`,
      );
    cards.push({
      term: "What binds",
      value: describeBinding(binding(step)),
      note:
        (stepBefore && stepBefore !== step
          ? `with contiguous ${describeBinding(binding(stepBefore))}; `
          : "") + `${where}; critical path: ${parts.join(", ")}`,
    });
  }
  const { time, gap } = after;
  const inTime = timeGap(time);
  if (time && time.atLeastNs !== null && inTime !== undefined) {
    cards.push({
      term: "Proved, in time",
      value: `at most ${percent(inTime)} above the best`,
      note: `no placement takes less than ${fourDigits(time.atLeastNs)}; ${fourDigits(time.learnedNs)} on the tokens learned from`,
    });
  }
  cards.push({
    term: "C_T, chiplets a token visits",
    value: pair(
      (row) => judged(row)?.tokenReplication,
      (value) => value.toFixed(3),
    ),
    note:
      machine.workload && !sharesCopies(machine.workload)
        ? `${where}; worth nothing with ${machine.workload.transport}, where copies are not shared`
        : gap === undefined
          ? `${where}; nothing is proved`
          : `${where}; proved: at most ${percent(gap)} above the best on the tokens learned from`,
  });
  const isGrouped = machine.hardware.numGroups > 1;
  if (isGrouped) {
    cards.push({
      term: "C_G, chiplet groups",
      value: pair(
        (row) => judged(row)?.groupReplication,
        (value) => value.toFixed(3),
      ),
      note: where,
    });
  }
  cards.push({
    term: "Largest load over the mean",
    value: pair(
      (row) => judged(row)?.loadMaxOverMean,
      (value) => value.toFixed(2),
    ),
    note: `of a chiplet, ${where}; 1 is even`,
  });
  if (isGrouped) {
    cards.push({
      term: "Largest load of a chiplet group",
      value: pair(
        (row) => judged(row)?.groupLoadMaxOverMean,
        (value) => value.toFixed(2),
      ),
      note: `over the mean, ${where}`,
    });
  }
  if (after.stepPj !== undefined) {
    cards.push({
      term: "Energy of a step",
      value: pair(({ stepPj }) => stepPj, formatEnergy),
      note: where,
    });
  }
  return cards;
}

function describeValue(row: ComparisonRow, objective: ObjectiveName): string {
  const value = judgedValue(row, objective) ?? NaN;
  if (objective === "time") return `a modelled step takes ${fourDigits(value)}`;
  return objective === "load" ? `largest load ${value.toFixed(2)}` : `C_T ${value.toFixed(3)}`;
}

function changeOf(from: number | undefined, to: number | undefined): number {
  return from === undefined || to === undefined ? NaN : to / from - 1;
}

function describeChange(change: number, less = "less", more = less === "less" ? "more" : "higher"): string {
  return `${percent(Math.abs(change))} ${change < 0 ? less : more}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
}
