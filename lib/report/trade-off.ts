import * as Plot from "@observablehq/plot";
import type { ComparisonRow } from "../flows/compare.js";
import type { FrontierPoint } from "../flows/frontier.js";
import { largest, smallest } from "../statistics.js";
import { drawPlot, type ChartSize } from "./draw-plot.js";
import { timeUnit } from "./format-time.js";
import { namedPoints, planeOf } from "./named-points.js";

/** C_T against the largest load, a point a solver, coloured by time, with the frontier and what is proved of C_T. */
export function tradeOff(
  rows: readonly ComparisonRow[],
  { frontier = [], size }: { frontier?: readonly FrontierPoint[] | undefined; size: ChartSize },
): string {
  const points = rows.flatMap((row) => {
    const metrics = row.heldOut ?? row.learned;
    return metrics
      ? [
          {
            solver: row.solver,
            copies: metrics.tokenReplication,
            load: metrics.loadMaxOverMean,
            time: row.stepNs ?? NaN,
          },
        ]
      : [];
  });
  const times = points.map(({ time }) => time).filter((time) => !Number.isNaN(time));
  const unit = timeUnit(largest(times, 1));
  // Below the bound of the most replicas there is nothing; where one row has none, nothing is proved of all.
  const bound = smallest(rows.flatMap(({ learned, bound = 0 }) => (learned ? [bound] : [])));
  const [fastest, slowest] = [smallest(times), largest(times)];
  const colourOf = (time: number) =>
    slowest > fastest
      ? `color-mix(in oklch, var(--slow) ${Math.round((100 * (time - fastest)) / (slowest - fastest))}%, var(--fast))`
      : "var(--best)";
  const isWide = size.width > 500;
  const margins = { left: 48, right: 20, top: 28, bottom: 48, inset: 14 };
  const plane = planeOf(
    [
      ...points.map(({ load, copies }) => ({ x: load, y: copies })),
      ...frontier.map(({ loadMaxOverMean, tokenReplication }) => ({
        x: loadMaxOverMean,
        y: tokenReplication,
      })),
      ...(bound === 0 ? [] : [{ y: bound }]),
    ],
    { ...size, height: isWide ? 400 : 360, margins },
  );
  const drawn = drawPlot("C_T against the largest load, a point a solver", size, {
    ...plane.frame,
    x: {
      label: "largest load over the mean →",
      ...plane.x,
      grid: true,
      ticks: size.width / 110,
      labelArrow: "none",
    },
    y: { label: "↑ C_T", ...plane.y, grid: true, labelArrow: "none" },
    marks: [
      ...(frontier.length > 0
        ? [
            Plot.line(frontier, {
              x: "loadMaxOverMean",
              y: "tokenReplication",
              stroke: "var(--quiet)",
              strokeWidth: 1.5,
            }),
            Plot.dot(frontier, { x: "loadMaxOverMean", y: "tokenReplication", r: 2.5, fill: "var(--quiet)" }),
          ]
        : []),
      ...(bound === 0
        ? []
        : [Plot.ruleY([bound], { stroke: "var(--bound)", strokeDasharray: "5 4", strokeWidth: 2 })]),
      ...namedPoints(
        points.map(({ solver, copies, load, time }) => ({
          x: load,
          y: copies,
          name: solver,
          fill: colourOf(time),
          title:
            `${solver}: C_T ${copies.toFixed(3)}, largest load ${load.toFixed(2)}` +
            (Number.isNaN(time) ? "" : `, ${(time / unit.ns).toPrecision(4)} ${unit.name}`),
        })),
        plane,
        { r: 7, fontSize: size.fontSize },
      ),
    ],
  });
  // A point and the row of its solver are lit together: points know whose they are by their titles.
  return drawn.replace(/<circle ([^>]*)><title>([^:<]*):/g, '<circle data-solver="$2" $1><title>$2:');
}
