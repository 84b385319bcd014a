import { counted } from "../counted.js";
import { comparableRows, type SweepRow } from "../flows/sweep.js";
import { escapeXml } from "./escape-xml.js";
import { formatTime } from "./format-time.js";
import { caption, section } from "./page-parts.js";
import { reportStyle } from "./report-style.js";
import { colourOfRows } from "./sweep-colours.js";
import { frontsOf, markFronts, sweepTable, WEIGHED } from "./sweep-table.js";

/**
 * Writes a sweep as one HTML page that needs nothing else: a picture of time against energy, silicon and memory, as far
 * as they are known and differ, each with its Pareto front, and the table of all points.
 *
 * The same rows give the same bytes.
 *
 * @param facts What was swept in words, a line each.
 */
export async function sweepPage(rows: readonly SweepRow[], facts: readonly string[]): Promise<string> {
  // Loaded on first use: the chart library would slow down every other command.
  const [{ frontChart }, { chart }] = await Promise.all([
    import("./sweep-charts.js"),
    import("./draw-plot.js"),
  ]);
  const numberOf = new Map(rows.map((row, index) => [row, index + 1]));
  const colours = colourLegend(rows);
  const pictures = WEIGHED.flatMap((weighed) => {
    const fronts = frontsOf(rows, weighed.name);
    if (fronts.length === 0) return [];
    const lists = fronts.flatMap((front) => {
      const steps = front.map((row) => `<li>${numberOf.get(row)}: ${escapeXml(describePoint(row))}</li>`);
      return [caption(describeFront(front)), `<ul>${steps.join("")}</ul>`];
    });
    return section(`Time against ${weighed.label}`, [
      `<div class="columns"><div>${colours}${chart((size) => frontChart(rows, fronts, { weighed, size }))}</div>`,
      `<div>${caption("Numbers are those of the table below. Down and to the left is better; rings are the best.")}`,
      `${lists.join("")}</div></div>`,
    ]);
  });
  const { headers, cells, common } = sweepTable(markFronts(rows));
  // "8 chiplets" is text, and 1e-7 is not.
  const isText = headers.map((_, index) => cells.some((row) => /[a-z]{2}/i.test(row[index])));
  const cell = (tag: "th" | "td") => (text: string, index: number) =>
    `<${tag}${isText[index] ? ' class="text"' : ""}>${escapeXml(text)}</${tag}>`;
  const table =
    `<div class="scroll" tabindex="0" role="group" aria-label="All points"><table><thead><tr><th style="min-width: 0">#</th>${headers.map(cell("th")).join("")}</tr></thead><tbody>` +
    cells.map((row, index) => `<tr><td>${index + 1}</td>${row.map(cell("td")).join("")}</tr>`).join("\n") +
    "</tbody></table></div>";
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8"><title>moeplace: sweep</title>',
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${reportStyle}</style></head><body><main>`,
    "<h1>moeplace: sweep</h1>",
    `<p class="headline">${escapeXml(headline(rows))}</p>`,
    `<p class="quiet">${facts.map(escapeXml).join("<br>")}</p>`,
    ...pictures,
    section("All points", [...(common === "" ? [] : [caption(escapeXml(common))]), table]),
    "</main></body></html>\n",
  ].join("\n");
}

/** What the colours of the points say; empty where they say nothing. */
function colourLegend(rows: readonly SweepRow[]): string {
  const entries = colourOfRows(rows)?.entries ?? [];
  const items = entries.map(
    ({ name, colour }) => `<li><i style="background:${colour}"></i>${escapeXml(name)}</li>`,
  );
  return items.length === 0 ? "" : `<ul class="legend">${items.join("")}</ul>`;
}

/** The fastest point, where all steps do the same; else how many there are. */
function headline(rows: readonly SweepRow[]): string {
  const timed = rows.filter(({ stepNs }) => stepNs !== undefined);
  const [least] = timed.toSorted(({ stepNs: a = 0 }, { stepNs: b = 0 }) => a - b);
  if (timed.length === 0 || comparableRows(timed).length > 1) return `A sweep of ${rows.length} points.`;
  const { stepNs = 0, machine, solver } = least;
  return `The fastest of ${rows.length} points takes ${formatTime(stepNs)} a step: ${machine}, by ${solver}.`;
}

/** Whose front it is: steps that do the same. */
function describeFront(front: readonly SweepRow[]): string {
  const [{ trace, workload, stepTokens }] = front;
  const tokens = stepTokens === undefined ? "" : `, ${stepTokens.toLocaleString("en-US")} tokens a step`;
  const which = front.length === 1 ? "this one" : "those on the line";
  return `${trace}, ${workload}${tokens}: no other point beats ${which} in both.`;
}

function describePoint({ machine, engine, objective, numReplicas, solver }: SweepRow): string {
  const target = engine === undefined ? "" : `for ${engine}; `;
  return `${machine}; ${target}${objective}, ${counted(numReplicas, "replica")}, ${solver}`;
}
