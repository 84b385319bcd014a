import type { TaskTable } from "../flows/cross-evaluation.js";
import type { FrontierPoint } from "../flows/frontier.js";
import { timeGap } from "../flows/step-time.js";
import { counted } from "../counted.js";
import { smallest } from "../statistics.js";
import { escapeXml } from "./escape-xml.js";
import { formatEnergy, timeUnit } from "./format-time.js";
import { judgedBy, learnedValue, provedLeast, rankRows, type ObjectiveName } from "./judged.js";
import { caption } from "./page-parts.js";
import type { ReportRow } from "./report-answer.js";

/** What the solvers are shown by. */
export interface SolversInput {
  readonly rows: readonly ReportRow[];
  readonly objective: ObjectiveName;
  readonly frontier?: readonly FrontierPoint[] | undefined;
}

/** What the bars show. */
export function barsCaption({ rows, objective }: SolversInput): string {
  const where = rows.some(({ heldOut }) => heldOut)
    ? " on held-out tokens; the tick is the same on the tokens learned from"
    : " on the tokens learned from";
  const proved = new Set(rankRows(rows, objective).map((row) => provedLeast(row, objective)));
  const ofWhich = proved.size > 1 ? ` with as ${objective === "time" ? "many" : "few"} replicas` : "";
  const bound = [...proved].some((least) => least !== undefined)
    ? `; the dashed line is proved: no placement${ofWhich} has less on the tokens learned from`
    : "";
  const missing = rows
    .filter((row) => learnedValue(row, objective) === undefined)
    .map(({ solver }) => solver);
  const without = missing.length === 0 ? "" : ` Without a placement: ${missing.join(", ")}.`;
  return caption(`Ordered by ${judgedBy(rows, objective)}, the best first,${where}${bound}.${without}`);
}

/** What the trade-off shows. */
export function tradeOffCaption({ rows, frontier }: SolversInput): string {
  const times = new Set(rows.flatMap(({ stepNs }) => stepNs ?? []));
  const colour = times.size > 1 ? " The colour is the time of a step." : "";
  const isHeldOut = rows.some(({ heldOut }) => heldOut);
  const where = isHeldOut ? " Points are on held-out tokens." : "";
  const learned = isHeldOut ? " on the tokens learned from" : "";
  const hasLine = frontier !== undefined && frontier.length > 0;
  const line = hasLine
    ? ` The grey line is the least C_T found${learned} under caps on the load, ${frontier.every(({ isProved }) => isProved) ? "proved at every point" : "not proved at every point"}.`
    : "";
  const hasBound = rows.every((row) => row.learned === undefined || row.bound !== undefined);
  const bound = hasBound
    ? ` Below the dashed line there is no placement${isHeldOut ? " of the tokens learned from" : ""}, whatever its load.`
    : "";
  const off =
    isHeldOut && (hasLine || hasBound) ? " On other tokens a point may be a little below what is drawn." : "";
  return caption(
    `Down and to the left is better: fewer copies, and no chiplet that all wait for.${where}${colour}${line}${bound}${off}`,
  );
}

/** The scale of the colours of the trade-off. */
export function timeScale(rows: readonly ReportRow[]): string {
  const times = rows.flatMap(({ stepNs }) => stepNs ?? []).sort((left, right) => left - right);
  if (new Set(times).size < 2) return "";
  const unit = timeUnit(times[times.length - 1]);
  const [from, to] = [times[0], times[times.length - 1]].map(
    (ns) => `${(ns / unit.ns).toPrecision(4)} ${unit.name}`,
  );
  return `<div class="gradient"><span>step ${from}</span><i class="time"></i><span>${to}</span></div>`;
}

interface Column {
  readonly header: string;
  /** Undefined is not known. Less is better, unless the column is text. */
  readonly value: (row: ReportRow) => number | string | undefined;
  readonly format?: (value: number) => string;
}

/** All solvers in numbers: a table that sorts, the least of every column marked. */
export function solverTable({ rows, objective }: SolversInput): string {
  const judged = (row: ReportRow) => row.heldOut ?? row.learned;
  const hasHeldOut = rows.some(({ heldOut }) => heldOut);
  const longest = rows.flatMap(({ stepNs }) => stepNs ?? []).reduce((most, ns) => Math.max(most, ns), 0);
  const unit = timeUnit(longest);
  const step = `step, ${rows.find((row) => row.time)?.time?.configuration ?? ""},`;
  const least =
    smallest(
      rows.flatMap(({ stepNs }) => stepNs ?? []),
      longest,
    ) / unit.ns;
  const digits = Math.max(0, 3 - Math.floor(Math.log10(least || 1)));
  const time = (ns: number) => (ns / unit.ns).toFixed(digits);
  const fixed = (count: number) => (value: number) => value.toFixed(count);
  const share = (value: number) => `${(100 * value).toFixed(2)} %`;
  const columns: Column[] = [
    ...(hasHeldOut
      ? [{ header: `${step} held out, ${unit.name}`, value: ({ stepNs }: ReportRow) => stepNs, format: time }]
      : []),
    { header: `${step} learned, ${unit.name}`, value: (row) => row.time?.learnedNs, format: time },
    {
      header: `batches held out, ${unit.name}`,
      value: (row) => (row.heldOut ? row.batchStep?.stepNs : undefined),
      format: time,
    },
    {
      header: `batches learned, ${unit.name}`,
      value: ({ batchStep }) => batchStep?.learnedNs,
      format: time,
    },
    {
      header: "gap in time",
      value: ({ time: told }) => timeGap(told),
      format: share,
    },
    ...(hasHeldOut
      ? [
          {
            header: "C_T held out",
            value: (row: ReportRow) => row.heldOut?.tokenReplication,
            format: fixed(3),
          },
        ]
      : []),
    { header: "C_T learned", value: (row) => row.learned?.tokenReplication, format: fixed(3) },
    { header: "gap in C_T", value: ({ gap }) => gap, format: share },
    { header: "C_G", value: (row) => judged(row)?.groupReplication, format: fixed(3) },
    { header: "largest load", value: (row) => judged(row)?.loadMaxOverMean, format: fixed(2) },
    { header: "largest group load", value: (row) => judged(row)?.groupLoadMaxOverMean, format: fixed(2) },
    { header: "energy of a step", value: ({ stepPj }) => stepPj, format: formatEnergy },
    { header: "proved optimal", value: describeProof },
  ];
  const shown = columns.filter(({ value }) => rows.some((row) => value(row) !== undefined));
  const ranked = rankRows(rows, objective);
  const ordered = [...ranked, ...rows.filter((row) => !ranked.includes(row))];
  const best = shown.map(({ value }) =>
    smallest(ordered.flatMap((row) => [value(row)].filter((found) => typeof found === "number"))),
  );
  const worst = shown.map(({ value }) =>
    ordered.reduce((most, row) => Math.max(most, Number(value(row) ?? -Infinity)), -Infinity),
  );
  const cell = (row: ReportRow) => (column: Column, index: number) => {
    const value = column.value(row);
    if (typeof value === "string") return `<td class="text">${escapeXml(value)}</td>`;
    if (value === undefined) return `<td data-value="">–</td>`;
    const text = escapeXml(column.format?.(value) ?? String(value));
    // What shows as the best is marked, whatever its further digits; where all are equal, nothing is.
    const isBest = worst[index] > best[index] && text === escapeXml(column.format?.(best[index]) ?? "");
    return `<td data-value="${value}"${isBest ? ' class="best"' : ""}>${text}</td>`;
  };
  const head = [
    `<th scope="col"><button type="button">solver</button></th>`,
    ...shown.map(
      ({ header, format }) =>
        `<th scope="col"${format ? "" : ' class="text"'}><button type="button">${escapeXml(header)}</button></th>`,
    ),
  ];
  const body = ordered.map(
    (row) =>
      `<tr data-solver="${escapeXml(row.solver)}" tabindex="0"><th scope="row">${escapeXml(row.solver)}</th>${shown.map(cell(row)).join("")}</tr>`,
  );
  const reasons = rows.flatMap(({ solver, reason }) =>
    reason === undefined ? [] : [`${solver}: ${reason}.`],
  );
  return (
    `<h3>All solvers in numbers</h3>` +
    caption("▸ marks the best of a column; its head sorts by it.") +
    `<div class="scroll" tabindex="0" role="group" aria-label="All solvers in numbers"><table class="sortable">` +
    `<thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>` +
    caption(
      "C_T: chiplets a token visits, and so copies made of it. C_G: chiplet groups. Loads: of the busiest over the mean. " +
        "Gap: how far above the best possible at most, on the tokens learned from." +
        batchLegend(rows) +
        (reasons.length > 0 ? ` ${reasons.join(" ")}` : ""),
    )
  );
}

/** What the columns of batches hold, where there are any. */
function batchLegend(rows: readonly ReportRow[]): string {
  const batchStep = rows.find((row) => row.batchStep)?.batchStep;
  if (batchStep === undefined) return "";
  return ` Batches: a step in the mean over batches of ${counted(batchStep.tokens, "token")}, which is minimised; step and gap are of all tokens at once.`;
}

function describeProof({ status, numOptimal, numLayers }: ReportRow): string {
  if (status === "infeasible" || status === "undecided") return status;
  return numOptimal === 0 ? "no layer" : `${numOptimal} of ${numLayers} layers`;
}

/** Tasks against tasks, the fewest copies the lightest. */
export function taskTable({ solver, rows }: TaskTable): string {
  const values = rows.flatMap(({ judgedOn }) => judgedOn.map(({ tokenReplication }) => tokenReplication));
  const [least, most] = [smallest(values), values.reduce((found, value) => Math.max(found, value), 0)];
  const head = rows[0].judgedOn.map(({ task }) => `<th scope="col">${escapeXml(task)}</th>`);
  const body = rows.map(({ learnedOn, judgedOn }) => {
    const cells = judgedOn.map(({ tokenReplication, loadMaxOverMean }) => {
      const share = most > least ? (tokenReplication - least) / (most - least) : 0;
      return `<td class="cell" style="--share:${share.toFixed(3)}">${tokenReplication.toFixed(3)} (${loadMaxOverMean.toFixed(2)})</td>`;
    });
    return `<tr><th scope="row">${escapeXml(learnedOn)}</th>${cells.join("")}</tr>`;
  });
  return (
    `<div class="scroll" tabindex="0" role="group" aria-label="Tasks against tasks"><table>` +
    `<thead><tr><th scope="col">learned on</th>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>` +
    caption(
      `C_T (and largest load) of what ${solver} learned on a row's task, judged on a column's; on its own by the tokens held out.`,
    )
  );
}
