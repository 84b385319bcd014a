import * as Plot from "@observablehq/plot";
import type { SweepRow } from "../flows/sweep.js";
import { largest } from "../statistics.js";
import { drawPlot, type ChartSize } from "./draw-plot.js";
import { timeUnit } from "./format-time.js";
import { namedPoints, planeOf } from "./named-points.js";
import { colourOfRows } from "./sweep-colours.js";
import type { WEIGHED } from "./sweep-table.js";

/** Points with their numbers beside them; of more only those of fronts have theirs. */
const MOST_NUMBERS = 40;

/** A dot for every point, with its number in the table, in the colours of the legend, and a line through those of every front. */
export function frontChart(
  rows: readonly SweepRow[],
  fronts: readonly (readonly SweepRow[])[],
  { weighed, size }: { weighed: (typeof WEIGHED)[number]; size: ChartSize },
): string {
  const { name, label, unit, scale } = weighed;
  const time = timeUnit(largest(rows.map(({ stepNs = 0 }) => stepNs)));
  const colourOf = colourOfRows(rows)?.colourOf;
  const isBest = new Set(fronts.flat());
  const toDots = (some: readonly SweepRow[]) =>
    some.flatMap((row) => {
      const figure = row[name];
      if (row.stepNs === undefined || figure === undefined) return [];
      const number = rows.indexOf(row) + 1;
      return [
        {
          x: row.stepNs / time.ns,
          y: figure / scale,
          name: rows.length <= MOST_NUMBERS || isBest.has(row) ? String(number) : "",
          fill: colourOf?.(row) ?? (isBest.has(row) ? "var(--best)" : "var(--other)"),
          title: `${number}: ${row.machine}, ${row.solver}`,
        },
      ];
    });
  const dots = toDots(rows);
  const plane = planeOf(dots, {
    ...size,
    height: 320,
    // The names of the axes stand below and above their numbers, not in the last of them.
    margins: { left: 60, right: 20, top: 32, bottom: 44, inset: 12 },
  });
  return drawPlot(`Time of a step against ${label}`, size, {
    ...plane.frame,
    x: { label: `step, ${time.name}`, labelOffset: 40, ...plane.x, grid: true, ticks: size.width / 110 },
    y: { label: `${label}, ${unit}`, ...plane.y, grid: true },
    marks: [
      ...fronts.map((front) =>
        Plot.line(toDots(front), { x: "x", y: "y", stroke: "var(--best)", curve: "step-after" }),
      ),
      Plot.dot(toDots(fronts.flat()), { x: "x", y: "y", r: 8, stroke: "currentColor", strokeWidth: 1.5 }),
      ...namedPoints(dots, plane, { r: 5, fontSize: size.fontSize - 1 }),
    ],
  });
}
