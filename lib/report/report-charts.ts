import * as Plot from "@observablehq/plot";
import type { ComparisonRow } from "../flows/compare.js";
import { largest, mean, smallest } from "../statistics.js";
import { drawPlot, niceDomain, type ChartSize } from "./draw-plot.js";
import { timeUnit } from "./format-time.js";
import {
  judgedBy,
  judgedShortly,
  judgedValue,
  learnedValue,
  provedLeast,
  rankRows,
  type ObjectiveName,
} from "./judged.js";
import type { PlacedSolver } from "./layer-view.js";
import { partNames, type StackedPart } from "./spending.js";

/** Bars of what the objective minimises, the best solver first, with the bound that none can pass. */
export function objectiveBars(
  rows: readonly ComparisonRow[],
  objective: ObjectiveName,
  size: ChartSize,
): string {
  const ranked = rankRows(rows, objective);
  const unit =
    objective === "time"
      ? timeUnit(largest(ranked.map((row) => judgedValue(row, objective) ?? 0)))
      : { name: "", ns: 1 };
  const scaled = (value: number | undefined) => (value === undefined ? NaN : value / unit.ns);
  const bars = ranked.map((row) => ({
    solver: row.solver,
    judged: scaled(judgedValue(row, objective)),
    learned: scaled(learnedValue(row, objective)),
    least: scaled(provedLeast(row, objective)),
  }));
  const proved = bars.filter(({ least }) => !Number.isNaN(least));
  const dashed = { stroke: "var(--bound)", strokeDasharray: "5 4", strokeWidth: 2 };
  const digits = decimals(bars.map(({ judged }) => judged));
  const longest = largest(
    bars.map(({ solver }) => solver.length),
    4,
  );
  const label = `${judgedShortly(rows, objective)}${unit.name === "" ? "" : `, ${unit.name}`}`;
  return drawPlot(`Solvers by ${judgedBy(rows, objective)}, the best first`, size, {
    height: 56 + 28 * bars.length,
    marginTop: 4,
    marginBottom: 48,
    marginLeft: Math.min(0.45 * size.width, 16 + 0.56 * size.fontSize * longest),
    marginRight: 62,
    x: { label, zero: true, grid: true, nice: true, ticks: size.width / 110 },
    y: { label: null, domain: bars.map(({ solver }) => solver), tickFormat: shorten(size) },
    marks: [
      Plot.barX(bars, {
        y: "solver",
        x: "judged",
        fill: ({ solver }: { solver: string }) =>
          solver === bars[0].solver ? "var(--best)" : "var(--other)",
      }),
      Plot.tickX(bars, { y: "solver", x: "learned", stroke: "currentColor", strokeWidth: 1.5 }),
      Plot.text(bars, {
        y: "solver",
        x: ({ judged, learned }: { judged: number; learned: number }) =>
          Math.max(judged, Number.isNaN(learned) ? 0 : learned),
        text: ({ judged }: { judged: number }) => judged.toFixed(digits),
        dx: 6,
        textAnchor: "start",
        fill: "currentColor",
        stroke: "var(--background)",
        strokeWidth: 3,
      }),
      ...(proved.length === 0
        ? []
        : [
            new Set(bars.map(({ least }) => least)).size === 1
              ? Plot.ruleX([proved[0].least], dashed)
              : Plot.tickX(proved, { y: "solver", x: "least", ...dashed }),
          ]),
    ],
  });
}

/** Colours that lines have; more lines begin again with the first. */
const NUM_SERIES = 6;
const LINES_HEIGHT = 300;
/** Pixels between the last point of a line and its name. */
const LABEL_GAP = 22;

interface LinePoint {
  readonly solver: string;
  readonly layer: number;
  readonly replication: number;
}

/** C_T of every layer, one line a solver. */
export function layerLines(solvers: readonly PlacedSolver[], size: ChartSize): string {
  const points = solvers.flatMap(({ name, answer }) =>
    (answer.heldOut ?? answer.learned).layers.map(({ layer, tokenReplication }) => ({
      solver: name,
      layer,
      replication: tokenReplication,
    })),
  );
  const layers = [...new Set(points.map(({ layer }) => layer))];
  const every = Math.ceil(layers.length / Math.floor(size.width / 50));
  const longest = largest(
    solvers.map(({ name }) => name.length),
    4,
  );
  const marginRight = Math.min(0.4 * size.width, LABEL_GAP + 8 + 0.56 * size.fontSize * longest);
  const domain = niceDomain(points.map(({ replication }) => replication));
  const labels = labelsOf(points, ((domain[1] - domain[0]) * 1.2 * size.fontSize) / (LINES_HEIGHT - 72));
  // Names begin some pixels beside the last layer.
  const [first, last] = [smallest(layers), largest(layers)];
  const ends = first === last ? [first - 0.5, last + 0.5] : [first, last];
  const perPixel = (ends[1] - ends[0]) / (size.width - 48 - marginRight);
  const beside = ({ layer }: LinePoint) => layer + LABEL_GAP * perPixel;
  return drawPlot("Token replication C_T of every layer", size, {
    height: LINES_HEIGHT,
    marginRight,
    marginLeft: 48,
    marginBottom: 44,
    marginTop: 28,
    // Layers that the trace does not have get no tick.
    x: {
      label: "MoE layer",
      domain: ends,
      tickFormat: "d",
      ticks: layers.filter((_, index) => index % every === 0),
      labelArrow: "none",
    },
    y: {
      label: "↑ C_T",
      domain,
      grid: true,
      labelArrow: "none",
    },
    color: {
      domain: solvers.map(({ name }) => name),
      range: solvers.map((_, index) => `var(--series-${index % NUM_SERIES})`),
    },
    marks: [
      Plot.lineY(withHoles(points, layers), {
        x: "layer",
        y: "replication",
        stroke: "solver",
        strokeWidth: 2,
      }),
      Plot.dot(points, { x: "layer", y: "replication", fill: "solver", r: 3, title: describePoint }),
      // A line leads from the end of every line to its name, which may have been pushed away from it.
      Plot.link(labels, {
        x1: "layer",
        y1: "replication",
        x2: beside,
        y2: "at",
        stroke: "solver",
        strokeWidth: 1,
      }),
      Plot.text(labels, {
        x: beside,
        y: "at",
        text: ({ solver }: LinePoint) => shorten(size)(solver),
        fill: "currentColor",
        dx: 3,
        textAnchor: "start",
      }),
    ],
  });
}

/** No line leads over layers that are not in the trace. */
function withHoles(points: readonly LinePoint[], layers: readonly number[]): LinePoint[] {
  const holes = layers.slice(1).flatMap((layer, index) => (layer - layers[index] > 1 ? [layer - 0.5] : []));
  const names = [...new Set(points.map(({ solver }) => solver))];
  return names.flatMap((solver) =>
    [
      ...points.filter((point) => point.solver === solver),
      ...holes.map((layer) => ({ solver, layer, replication: NaN })),
    ].sort((left, right) => left.layer - right.layer),
  );
}

/** A name for the end of every line, pushed apart where the lines end too close to each other, as little as can be. */
function labelsOf(points: readonly LinePoint[], leastDistance: number): (LinePoint & { at: number })[] {
  const last = largest(points.map(({ layer }) => layer));
  const ends = points
    .filter(({ layer }) => layer === last)
    .sort((left, right) => left.replication - right.replication);
  // Names that push each other stand around the mean of where they want to be.
  const piles: { names: LinePoint[]; lowest: number }[] = [];
  for (const end of ends) {
    let pile = { names: [end], lowest: end.replication };
    for (let under = piles.at(-1); under !== undefined; under = piles.at(-1)) {
      if (under.lowest + under.names.length * leastDistance <= pile.lowest) break;
      piles.pop();
      const names = [...under.names, ...pile.names];
      const wanted = names.map(({ replication }, index) => replication - index * leastDistance);
      pile = { names, lowest: mean(wanted) };
    }
    piles.push(pile);
  }
  return piles.flatMap(({ names, lowest }) =>
    names.map((point, index) => ({ ...point, at: lowest + index * leastDistance })),
  );
}

/** One bar a solver, its parts one after another, in the order given. */
export function stackedBars(
  parts: readonly StackedPart[],
  { label, size }: { label: string; size: ChartSize },
): string {
  const names = partNames(parts);
  const solvers = [...new Set(parts.map(({ solver }) => solver))];
  const longest = largest(
    solvers.map(({ length }) => length),
    4,
  );
  return drawPlot(label, size, {
    height: 60 + 34 * solvers.length,
    marginTop: 4,
    marginBottom: 48,
    marginLeft: Math.min(0.4 * size.width, 16 + 0.56 * size.fontSize * longest),
    marginRight: 16,
    x: { label, grid: true, nice: true, ticks: size.width / 110, labelArrow: "none" },
    y: { label: null, domain: solvers, tickFormat: shorten(size) },
    color: { domain: names, range: names.map((_, index) => `var(--kind-${index})`) },
    marks: [
      Plot.barX(parts, {
        y: "solver",
        x: "value",
        fill: "part",
        insetLeft: 0.5,
        title: ({ solver, part, value }: StackedPart) => `${solver}, ${part}: ${value.toPrecision(4)}`,
      }),
      Plot.ruleX([0]),
    ],
  });
}

/** How the largest load of a chiplet is distributed over batches, a row a solver, with the mean as a line. */
export function batchHistogram(
  loads: readonly { readonly solver: string; readonly load: number }[],
  size: ChartSize,
): string {
  const solvers = [...new Set(loads.map(({ solver }) => solver))];
  const columns = { x: "load", fy: "solver", fill: "solver", thresholds: 24 };
  return drawPlot("Distribution of the largest load of a chiplet over batches", size, {
    height: 60 + 120 * solvers.length,
    marginLeft: 48,
    marginBottom: 48,
    marginTop: 30,
    marginRight: 16,
    x: { label: "largest load of a batch over its mean →", labelArrow: "none", ticks: size.width / 110 },
    y: { label: "batches, %", grid: true, ticks: 3, percent: true, labelArrow: "none" },
    fy: { axis: null, domain: solvers, padding: 0.25 },
    color: { domain: solvers, range: ["var(--series-0)", "var(--best)"] },
    marks: [
      Plot.rectY(loads, Plot.binX({ y: "proportion-facet" }, columns)),
      Plot.ruleX(loads, Plot.groupZ({ x: "mean" }, { x: "load", z: "solver", fy: "solver", strokeWidth: 2 })),
      Plot.text(solvers, {
        fy: (name: string) => name,
        text: shorten(size),
        frameAnchor: "top-right",
        fill: "currentColor",
        dy: -14,
      }),
      Plot.ruleY([0]),
    ],
  });
}

function describePoint({ solver, layer, replication }: LinePoint) {
  return `${solver}, layer ${layer}: C_T ${replication.toFixed(3)}`;
}

/** Names that fit beside a chart. */
function shorten({ width }: ChartSize): (name: string) => string {
  const most = width > 500 ? 34 : 18;
  return (name) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
}

/** Digits behind the point that leave the smallest value four of them. */
function decimals(values: readonly number[]): number {
  const least = smallest(values.filter((value) => value > 0));
  return least === Infinity ? 0 : Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(least))));
}
