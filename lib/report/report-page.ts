import type { Hardware } from "../hardware/hardware.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { compareSolvers, type ComparedSolver, type ComparisonRow } from "../flows/compare.js";
import { comparisonHeadline, comparisonTable, type TableText } from "./comparison-table.js";
import { escapeXml } from "./escape-xml.js";
import { floorPlan } from "./floor-plan.js";
import { heatMap } from "./heat-map.js";
import {
  bestPlaced,
  placedSolvers,
  viewTypicalLayer,
  type LayerView,
  type PlacedSolver,
} from "./layer-view.js";
import { reportStyle } from "./report-style.js";
import { largest } from "../statistics.js";

/** What a report is made of. */
export interface ReportInput {
  readonly solvers: readonly ComparedSolver[];
  /** The tokens that the placements were made from. */
  readonly trace: RoutingTrace;
  readonly hardware: Hardware;
  /** Trace and machine in words, a line each. */
  readonly facts: readonly string[];
}

/** Solvers whose lines over the layers are drawn, besides the best. */
const LINES = ["contiguous", "mozart", "louvain"];

/**
 * Writes a comparison as one HTML page that needs nothing else: no script, no font, no network.
 *
 * The same comparison gives the same bytes. Pictures carry labels for screen readers and follow the reader's choice
 * of light or dark.
 */
export async function reportPage({ solvers, trace, hardware, facts }: ReportInput): Promise<string> {
  // Loaded on first use: the chart library would slow down every other command.
  const { layerLines, loadBars, replicationBars } = await import("./report-charts.js");
  const rows = compareSolvers(solvers);
  const placed = placedSolvers(solvers);
  const after = bestPlaced(placed);
  const lines = placed.filter((solver) => LINES.includes(solver.name) || solver === after);
  const sections = [section("Solvers", [replicationBars(rows), barsCaption(rows), table(rows)])];
  if (after !== undefined && trace.layers.length > 1) {
    sections.push(section("Layers", [layerLines(lines), lineCaption(placed, lines)]));
  }
  const before = placed.find(({ name }) => name === "contiguous");
  if (before !== undefined && after !== undefined && before !== after) {
    const view = viewTypicalLayer(trace, { before, after, numGroups: hardware.numGroups });
    sections.push(
      section(`Layer ${view.layer}, whose gain is typical`, [
        heatMaps(view),
        `<h3>Load of the chiplets</h3>${loadBars(view)}`,
        loadCaption(view),
        `<h3>Floor plan</h3>${floorPlan(view, hardware)}`,
        caption(
          "Chiplets list the experts on them; at the top left the chiplet's number, at the top right its load " +
            "over the mean, which also colours it.",
        ),
      ]),
    );
  }
  const headline = comparisonHeadline(rows);
  const title = `${trace.model ?? "Mixture of experts"} on ${hardware.name}`;
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><title>${escapeXml(title)}: placement report</title>`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${reportStyle}</style></head><body><main>`,
    `<h1>${escapeXml(title)}</h1>`,
    headline === undefined ? "" : `<p class="headline">${escapeXml(headline)}</p>`,
    `<p class="quiet">${facts.map(escapeXml).join("<br>")}</p>`,
    ...sections,
    "</main></body></html>\n",
  ].join("\n");
}

function section(title: string, parts: readonly string[]): string {
  return `<section><h2>${escapeXml(title)}</h2>\n${parts.join("\n")}</section>`;
}

function caption(text: string): string {
  return `<p class="caption">${escapeXml(text)}</p>`;
}

function barsCaption(rows: readonly ComparisonRow[]): string {
  const where = rows.some(({ heldOut }) => heldOut)
    ? "on held-out tokens; the tick is C_T on the tokens learned from"
    : "";
  const bound = rows.some(({ bound: proved }) => proved !== undefined)
    ? "; the dashed line is proved: no placement has a lower C_T on the tokens learned from"
    : "";
  return caption(
    `C_T is the number of chiplets a token visits, and so of the copies made of it, ${where}${bound}.`,
  );
}

function lineCaption(placed: readonly PlacedSolver[], lines: readonly PlacedSolver[]): string {
  const missing = placed.filter((solver) => !lines.includes(solver)).map(({ name }) => name);
  return missing.length === 0 ? "" : caption(`Not drawn: ${missing.join(", ")}.`);
}

function loadCaption({ before, after }: LayerView): string {
  const most = ({ solver, load }: LayerView["before"]) => `${solver} ${largest(load).toFixed(2)}`;
  return caption(
    `Left bars ${before.solver}, right bars ${after.solver}; the largest: ${most(before)}, ${most(after)}.`,
  );
}

function heatMaps(view: LayerView): string {
  const figures = [view.before, view.after].map((placed) => {
    const share = (100 * placed.togetherShare).toFixed(1);
    return (
      `<figure>${heatMap(view, placed)}<figcaption><b>${escapeXml(placed.solver)}</b>: ${share} % of the co-activation ` +
      `within chiplets, C_T ${placed.tokenReplication.toFixed(3)}</figcaption></figure>`
    );
  });
  return (
    `<h3>Co-activation</h3><div class="pair">${figures.join("")}</div>` +
    caption(
      "How often two experts serve the same token, experts in the order in which they are placed, chiplets outlined. " +
        "Dark inside the outlines is what placement is after.",
    )
  );
}

function table(rows: readonly ComparisonRow[]): string {
  const { headers, cells }: TableText = comparisonTable(rows, { seconds: false });
  const cell = (tag: string) => (text: string, column: number) =>
    `<${tag}${column > 0 ? ' class="number"' : ""}>${escapeXml(text)}</${tag}>`;
  const body = cells.map((row) => `<tr>${row.map(cell("td")).join("")}</tr>`);
  return (
    `<div class="scroll"><table><thead><tr>${headers.map(cell("th")).join("")}</tr></thead>` +
    `<tbody>${body.join("")}</tbody></table></div>` +
    caption(
      "C_G: chiplet groups a token visits. Max load: load of the busiest chiplet over the mean." +
        (headers.includes("gap") ? " Gap: how far C_T learned may at most be above the best possible." : ""),
    )
  );
}
