import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { ComparisonRow } from "../flows/compare.js";
import type { LayerView, PlacedSolver } from "./layer-view.js";
import { largest, smallest } from "../statistics.js";

/** Plot draws into a document; there is no browser here, and so no types of one. */
const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
  document: object;
};
const WIDTH = 720;

/** Bars of C_T, one for every solver, with the bound that none can pass. */
export function replicationBars(rows: readonly ComparisonRow[], { width = WIDTH } = {}): string {
  const bars = rows.flatMap(({ solver, learned, heldOut }) => {
    const judged = heldOut ?? learned;
    return judged && learned
      ? [{ solver, judged: judged.tokenReplication, learned: learned.tokenReplication }]
      : [];
  });
  const bound = rows.find((row) => row.bound !== undefined)?.bound;
  const best = smallest(bars.map(({ judged }) => judged));
  return draw("Token replication C_T of every solver", {
    width,
    height: 50 + 26 * bars.length,
    marginTop: 4,
    marginBottom: 42,
    marginLeft: 120,
    marginRight: 40,
    x: { label: "C_T, chiplets a token visits", zero: true, grid: true, nice: true },
    y: { label: null, domain: bars.map(({ solver }) => solver) },
    marks: [
      Plot.barX(bars, {
        y: "solver",
        x: "judged",
        fill: ({ judged }: { judged: number }) => (judged === best ? "var(--best)" : "var(--other)"),
      }),
      Plot.tickX(bars, { y: "solver", x: "learned", stroke: "currentColor", strokeWidth: 1.5 }),
      Plot.text(bars, {
        y: "solver",
        x: "judged",
        text: ({ judged }: { judged: number }) => judged.toFixed(3),
        dx: 6,
        textAnchor: "start",
        fill: "currentColor",
        stroke: "var(--background)",
        strokeWidth: 3,
      }),
      ...(bound === undefined
        ? []
        : [Plot.ruleX([bound], { stroke: "var(--bound)", strokeDasharray: "5 4", strokeWidth: 1.5 })]),
    ],
  });
}

interface LinePoint {
  readonly solver: string;
  readonly layer: number;
  readonly replication: number;
}

/** C_T of every layer, one line a solver. */
export function layerLines(solvers: readonly PlacedSolver[]): string {
  const points = solvers.flatMap(({ name, answer }) =>
    (answer.heldOut ?? answer.learned).layers.map(({ layer, tokenReplication }) => ({
      solver: name,
      layer,
      replication: tokenReplication,
    })),
  );
  return draw("Token replication C_T of every layer", {
    height: 300,
    marginRight: 100,
    x: { label: "MoE layer", tickFormat: "d", interval: 1, ticks: Math.min(14, points.length) },
    y: { label: "C_T", grid: true, nice: true },
    color: {
      domain: solvers.map(({ name }) => name),
      range: solvers.map((_, index) => `var(--series-${index})`),
    },
    marks: [
      Plot.lineY(points, { x: "layer", y: "replication", stroke: "solver", strokeWidth: 2 }),
      Plot.dot(points, { x: "layer", y: "replication", fill: "solver", r: 2.5, title: describePoint }),
      Plot.text(labelsOf(points), {
        x: "layer",
        y: "at",
        text: "solver",
        fill: "currentColor",
        dx: 8,
        textAnchor: "start",
      }),
    ],
  });
}

/** A name for the end of every line, pushed apart where the lines end too close to each other. */
function labelsOf(points: readonly LinePoint[]): (LinePoint & { at: number })[] {
  const last = largest(points.map(({ layer }) => layer));
  const values = points.map(({ replication }) => replication);
  const leastDistance = (largest(values) - smallest(values)) / 18;
  const ends = points
    .filter(({ layer }) => layer === last)
    .sort((one, other) => one.replication - other.replication);
  let lowest = -Infinity;
  return ends.map((point) => {
    lowest = Math.max(point.replication, lowest + leastDistance);
    return { ...point, at: lowest };
  });
}

/** Load of every chiplet before and after. */
export function loadBars({ before, after }: LayerView): string {
  const numChiplets = before.load.length;
  // Numbers of more than 24 chiplets would run into each other.
  const numberEvery = Math.ceil(numChiplets / 24);
  const ticks = Array.from({ length: Math.ceil(numChiplets / numberEvery) }, (_, tick) => tick * numberEvery);
  const bars = [before, after].flatMap(({ solver, load }) =>
    load.map((share, chiplet) => ({ solver, chiplet, share })),
  );
  return draw("Load of every chiplet over the mean", {
    height: 260,
    x: { axis: null, domain: [before.solver, after.solver] },
    fx: { label: "chiplet", ticks, padding: 0.15 },
    y: { label: "load over the mean", grid: true, nice: true },
    color: { domain: [before.solver, after.solver], range: ["var(--series-0)", "var(--best)"] },
    marks: [
      Plot.barY(bars, { fx: "chiplet", x: "solver", y: "share", fill: "solver", title: describeLoad }),
      Plot.ruleY([1], { stroke: "currentColor", strokeDasharray: "5 4" }),
      Plot.ruleY([0]),
    ],
  });
}

function describePoint({ solver, layer, replication }: LinePoint) {
  return `${solver}, layer ${layer}: C_T ${replication.toFixed(3)}`;
}

function describeLoad({ solver, chiplet, share }: { solver: string; chiplet: number; share: number }) {
  return `${solver}, chiplet ${chiplet}: ${share.toFixed(2)} times the mean load`;
}

function draw(label: string, options: Plot.PlotOptions): string {
  const whole: unknown = Plot.plot({
    width: WIDTH,
    ...options,
    document: document as never,
    ariaLabel: label,
    style: { fontSize: "12px" },
  });
  return (whole as { outerHTML: string }).outerHTML;
}
