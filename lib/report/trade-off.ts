import * as Plot from "@observablehq/plot";
import type { ComparisonRow } from "../flows/compare.js";
import type { FrontierPoint } from "../flows/frontier.js";
import { largest, smallest } from "../statistics.js";
import { domainOf, drawPlot, type ChartSize } from "./draw-plot.js";
import { timeUnit } from "./format-time.js";

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
  const drawn = drawPlot("C_T against the largest load, a point a solver", size, {
    height: size.width > 500 ? 400 : 360,
    marginLeft: 48,
    marginBottom: 48,
    marginTop: 28,
    marginRight: 20,
    inset: 14,
    x: {
      label: "largest load over the mean →",
      ...domainOf([
        ...points.map(({ load }) => load),
        ...frontier.map(({ loadMaxOverMean }) => loadMaxOverMean),
      ]),
      grid: true,
      nice: true,
      ticks: size.width / 110,
      labelArrow: "none",
    },
    y: {
      label: "↑ C_T",
      ...domainOf([
        ...points.map(({ copies }) => copies),
        ...frontier.map(({ tokenReplication }) => tokenReplication),
        ...(bound === 0 ? [] : [bound]),
      ]),
      grid: true,
      nice: true,
      labelArrow: "none",
    },
    color: { type: "identity" },
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
      Plot.dot(points, {
        x: "load",
        y: "copies",
        r: 7,
        fill: ({ time }: (typeof points)[number]) => colourOf(time),
        stroke: "var(--background)",
        title: ({ solver, copies, load, time }: (typeof points)[number]) =>
          `${solver}: C_T ${copies.toFixed(3)}, largest load ${load.toFixed(2)}` +
          (Number.isNaN(time) ? "" : `, ${(time / unit.ns).toPrecision(4)} ${unit.name}`),
      }),
      ...(["start", "end"] as const).map((textAnchor) =>
        Plot.text(
          apart(points).filter(({ isAtRight }) => isAtRight === (textAnchor === "end")),
          {
            x: "load",
            y: "at",
            text: "solver",
            dx: textAnchor === "end" ? -11 : 11,
            textAnchor,
            fill: "currentColor",
            stroke: "var(--background)",
            strokeWidth: 3,
          },
        ),
      ),
    ],
  });
  // A point and the row of its solver are lit together: points know whose they are by their titles.
  return drawn.replace(/<circle ([^>]*)><title>([^:<]*):/g, '<circle data-solver="$2" $1><title>$2:');
}

/** How far to the right a point is, of the width, whose label stands to its left: there is no room to its right. */
const AT_RIGHT = 0.7;

interface LabelPlace {
  readonly at: number;
  readonly isAtRight: boolean;
}

/** Labels beside points, pushed apart where points are too close for them. */
function apart<P extends { copies: number; load: number }>(points: readonly P[]): (P & LabelPlace)[] {
  const spanOf = (values: number[]) => largest(values) - smallest(values) || 1;
  const [height, width] = [
    spanOf(points.map(({ copies }) => copies)),
    spanOf(points.map(({ load }) => load)),
  ];
  const leftmost = smallest(points.map(({ load }) => load));
  const done: (P & LabelPlace)[] = [];
  for (const point of points.toSorted((left, right) => left.copies - right.copies)) {
    let at = point.copies;
    for (const placed of done) {
      const near = Math.abs(placed.load - point.load) < 0.5 * width;
      if (near && at - placed.at < height / 18) at = placed.at + height / 18;
    }
    done.push({ ...point, at, isAtRight: point.load - leftmost > AT_RIGHT * width });
  }
  return done;
}
