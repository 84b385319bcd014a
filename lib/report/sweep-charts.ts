import * as Plot from "@observablehq/plot";
import type { SweepRow } from "../flows/sweep.js";
import { largest } from "../statistics.js";
import { timeUnit } from "./format-time.js";
import { domainOf, drawPlot, type ChartSize } from "./draw-plot.js";
import type { WEIGHED } from "./sweep-table.js";

/** A dot for every point, and a line through those of every front. */
export function frontChart(
  rows: readonly SweepRow[],
  fronts: readonly (readonly SweepRow[])[],
  { weighed, size }: { weighed: (typeof WEIGHED)[number]; size: ChartSize },
): string {
  const { name, label, unit, scale } = weighed;
  const time = timeUnit(largest(rows.map(({ stepNs = 0 }) => stepNs)));
  const toDots = (some: readonly SweepRow[]) =>
    some.flatMap((row) => {
      const figure = row[name];
      if (row.stepNs === undefined || figure === undefined) return [];
      return [{ time: row.stepNs / time.ns, figure: figure / scale, title: `${row.machine}, ${row.solver}` }];
    });
  const dots = toDots(rows);
  return drawPlot(`Time of a step against ${label}`, size, {
    height: 320,
    marginLeft: 60,
    // The names of the axes stand below and above their numbers, not in the last of them.
    marginBottom: 44,
    marginTop: 32,
    x: {
      label: `step, ${time.name}`,
      labelOffset: 40,
      ...domainOf(dots.map((dot) => dot.time)),
      grid: true,
      nice: true,
    },
    y: {
      label: `${label}, ${unit}`,
      ...domainOf(dots.map((dot) => dot.figure)),
      grid: true,
      nice: true,
    },
    marks: [
      ...fronts.map((front) =>
        Plot.line(toDots(front), { x: "time", y: "figure", stroke: "var(--best)", curve: "step-after" }),
      ),
      Plot.dot(dots, { x: "time", y: "figure", fill: "var(--other)", r: 3, title: "title" }),
      Plot.dot(toDots(fronts.flat()), { x: "time", y: "figure", fill: "var(--best)", r: 4, title: "title" }),
    ],
  });
}
