import { createHash } from "node:crypto";
import { compareSolvers, type ComparedSolver } from "../flows/compare.js";
import type { TaskTable } from "../flows/cross-evaluation.js";
import type { FrontierPoint } from "../flows/frontier.js";
import type { Machine } from "../hardware/machine.js";
import { scheduleStep } from "../schedule/schedule-step.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { escapeXml } from "./escape-xml.js";
import { comparedWorth, worthSentence } from "./before-after.js";
import { answerRow, knownObjective, rankRows, shownRow, type ObjectiveName } from "./judged.js";
import {
  placedSolvers,
  posedMachine,
  typicalLayer,
  type PlacedSolver,
  type ReportMachine,
} from "./layer-view.js";
import { provenance, type ReportMaking } from "./page-provenance.js";
import { pageScript } from "./page-script.js";
import { caption, section } from "./page-parts.js";
import { scheduleSteps, type PlacedStep } from "./placed-steps.js";
import { barsCaption, solverTable, taskTable, timeScale, tradeOffCaption } from "./page-solvers.js";
import { answerCards, verdictSentence, type ReportRow } from "./report-answer.js";
import { reportStyle } from "./report-style.js";

/** What a report is made of. */
export interface ReportInput extends ReportMachine {
  readonly solvers: readonly ComparedSolver[];
  /** The tokens that the placements were made from. */
  readonly trace: RoutingTrace;
  /** The tokens that they are judged on, where they are others. */
  readonly heldOut?: RoutingTrace | undefined;
  /** Trace, machine and step in words, a line each. */
  readonly facts: readonly string[];
  /** What the placements were to minimise; default traffic. */
  readonly objective?: ObjectiveName;
  /** C_T against load, where it was traced. */
  readonly frontier?: readonly FrontierPoint[] | undefined;
  /** Tasks judged on tasks, where there are several. */
  readonly tasks?: TaskTable | undefined;
  readonly making?: ReportMaking | undefined;
  /** Draws of the machine's constants that the gain has to hold in; default 200. */
  readonly draws?: number | undefined;
}

/** What pictures are made of: a report without its words. */
export type FiguresInput = Omit<ReportInput, "facts">;

/** Lines over the layers that can be told apart. */
const MOST_LINES = 6;

/**
 * Writes a comparison as one HTML page that needs nothing else: no font, no network, one small script of its own.
 *
 * The answer comes first, and everything goes by what was minimised. The same comparison gives the same bytes. All pictures are there
 * without the script too, follow the reader's choice of light or dark, and are told by keyboard and screen reader.
 */
export async function reportPage(input: ReportInput): Promise<string> {
  const { solvers, trace, hardware, facts } = input;
  const rows = reportRows(solvers);
  const objective = knownObjective(rows, input.objective ?? "traffic");
  const title = `${trace.model ?? "Mixture of experts"} on ${hardware.name}`;
  const best = answerRow(rows, objective);
  const placed = placedSolvers(solvers);
  const after = placed.find(({ name }) => name === shownRow(rows, objective)?.solver);
  const before = placed.find(({ name }) => name === "contiguous");
  const steps = after ? scheduleSteps(input, [before, after]) : [];
  // What binds is told of the tokens that the placement is judged on, as in the sentence below.
  const judged = input.heldOut ? scheduleSteps({ ...input, trace: input.heldOut }, [before, after]) : steps;
  const answer = best && {
    before: rows.find(({ solver, learned }) => solver === "contiguous" && learned),
    after: best,
    objective,
    machine: input,
    step: judged.find(({ solver }) => solver === best.solver)?.step,
    stepBefore: judged.find(({ solver }) => solver === "contiguous")?.step,
  };
  const cards = answer ? answerCards(answer) : [];
  const worth = comparedWorth(
    solvers,
    { learn: trace, heldOut: input.heldOut },
    { machine: posedMachine(input), objective, ...(input.draws !== undefined && { draws: input.draws }) },
  );
  const isWorth = worth && worthSentence(worth, "contiguous");
  const shown = { ...input, rows, objective, placed, before, after, steps };
  const sections = [
    await solverSection(shown),
    await layerSection(shown),
    await scheduleSection(shown),
    await batchSection(shown),
    input.tasks ? section("Task by task", [taskTable(input.tasks)]) : "",
    section("How this was made", [
      provenance(input.making, {
        hardware,
        facts,
        hasTimes: rows.some(({ stepNs }) => stepNs !== undefined),
      }),
    ]),
  ];
  const hash = createHash("sha256").update(pageScript).digest("base64");
  // Nothing is loaded, and no script runs but the page's own, whatever the names in it hold.
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`;
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<title>${escapeXml(title)}: placement report</title>`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${reportStyle}</style></head><body><main>`,
    `<header><h1>${escapeXml(title)}: placement report</h1>`,
    answer
      ? `<p class="headline">${escapeXml(verdictSentence(answer))}</p>`
      : `<p class="headline">No solver found a placement.</p>`,
    `<dl class="cards">${cards.map(({ term, value, note }) => `<div><dt>${escapeXml(term)}</dt><dd>${escapeXml(value)}</dd><dd class="note">${escapeXml(note)}</dd></div>`).join("")}</dl>`,
    ...(isWorth === undefined ? [] : [`<p>${escapeXml(isWorth)}</p>`]),
    `<p class="quiet">${facts.map(escapeXml).join("<br>")}</p></header>`,
    ...sections.filter((text) => text !== ""),
    `</main><script>${pageScript}</script></body></html>\n`,
  ].join("\n");
}

interface Shown extends ReportInput {
  readonly rows: readonly ReportRow[];
  readonly objective: ObjectiveName;
  readonly placed: readonly PlacedSolver[];
  readonly before: PlacedSolver | undefined;
  readonly after: PlacedSolver | undefined;
  readonly steps: readonly PlacedStep[];
}

function reportRows(solvers: readonly ComparedSolver[]): ReportRow[] {
  return compareSolvers(solvers).map((row, index) => {
    const { answer, isFile } = solvers[index];
    if (answer.status !== "placed") return row;
    return { ...row, isFile, tokensPerSecond: (answer.heldOut ?? answer.learned).step?.tokensPerSecond };
  });
}

async function solverSection({ rows, objective, frontier, placed }: Shown): Promise<string> {
  const input = { rows, objective, frontier };
  if (placed.length === 0) return section("Solvers", [solverTable(input)]);
  // Loaded on first use: the chart library would slow down every other command.
  const { objectiveBars } = await import("./report-charts.js");
  const { tradeOff } = await import("./trade-off.js");
  const { chart } = await import("./draw-plot.js");
  return section("Solvers", [
    `<div class="columns"><div>${chart((size) => objectiveBars(rows, objective, size))}${barsCaption(input)}</div>`,
    `<div>${timeScale(rows)}${chart((size) => tradeOff(rows, { frontier, size }))}${tradeOffCaption(input)}</div></div>`,
    solverTable(input),
  ]);
}

async function layerSection({ trace, placed, before, after, ...shown }: Shown): Promise<string> {
  if (after === undefined) return "";
  const parts: string[] = [];
  if (trace.layers.length > 1) {
    const { layerLines } = await import("./report-charts.js");
    const { chart } = await import("./draw-plot.js");
    const lines = linesOf(placed, { rows: shown.rows, objective: shown.objective, before, after });
    const missing = placed.filter((solver) => !lines.includes(solver)).map(({ name }) => name);
    parts.push(
      chart((size) => layerLines(lines, size)),
      missing.length === 0
        ? ""
        : caption(
            `More than ${MOST_LINES} lines are not told apart: the best are drawn, and contiguous; not ${missing.join(", ")}.`,
          ),
    );
  }
  if (before !== undefined) {
    const { layerPictures } = await import("./page-layers.js");
    const { numGroups } = shown.hardware;
    parts.push(layerPictures(trace, { before, after, numGroups }, shown));
  }
  return parts.length === 0 ? "" : section("Layers", parts);
}

/** The lines that are drawn, in the order in which solvers were compared: contiguous, the answer, and the best of the others. */
function linesOf(
  placed: readonly PlacedSolver[],
  { rows, objective, before, after }: Pick<Shown, "rows" | "objective" | "before" | "after">,
): PlacedSolver[] {
  const ranked = rankRows(rows, objective).map(({ solver }) => placed.find(({ name }) => name === solver));
  const drawn = [...new Set([before, after, ...ranked])].filter((solver) => solver !== undefined);
  const chosen = drawn.slice(0, MOST_LINES);
  return placed.filter((solver) => chosen.includes(solver));
}

async function scheduleSection({ trace, before, after, steps, hardware, ...shown }: Shown): Promise<string> {
  const { shape, workload, heldOut } = shown;
  const last = steps.at(-1);
  if (last === undefined || after === undefined || shape === undefined) return "";
  const { ganttPictures, spendPictures } = await import("./page-schedule.js");
  const machine: Machine = { hardware, shape, ...(workload && { workload }) };
  const index = before ? typicalLayer({ before, after, numGroups: hardware.numGroups }) : 0;
  const layer = { layer: trace.layers[index].layer, step: scheduleStep([last.traffic[index]], machine) };
  const where = heldOut ? ", on the tokens learned from" : "";
  return section(`The step in time${where}`, [spendPictures(steps, machine), ganttPictures(last, layer)]);
}

async function batchSection({ before, after, trace, heldOut, ...machine }: Shown): Promise<string> {
  if (after === undefined) return "";
  const { batchPictures } = await import("./page-batches.js");
  const placed = before && before !== after ? [before, after] : [after];
  const where = heldOut ? "held-out tokens" : "tokens";
  return section("From batch to batch", [batchPictures(heldOut ?? trace, { placed, machine, where })]);
}
