import { stringify } from "csv-stringify/sync";
import { compareSolvers } from "../flows/compare.js";
import { comparisonCsv } from "./comparison-data.js";
import { escapeXml } from "./escape-xml.js";
import { floorPlan } from "./floor-plan.js";
import { heatMap } from "./heat-map.js";
import { JUDGED_BY, answerRow, knownObjective } from "./judged.js";
import { busyShares, placedSolvers, typicalLayer, viewLayer, type LayerView } from "./layer-view.js";
import { loadBars } from "./load-bars.js";
import type { ReportInput } from "./report-page.js";
import { reportColours, pictureStyle } from "./report-style.js";
import { largest } from "../statistics.js";

/** A picture as a file, and the data it shows. */
export interface Figure {
  readonly name: string;
  /** A document of its own. */
  readonly svg: string;
  /** Comma-separated values with a line of names. */
  readonly csv: string;
}

const SIZE = { width: 720, fontSize: 13 };
const MARGIN = 16;

/**
 * The pictures of a comparison one by one, each with its data: solvers, trade-off, layers, and of a typical layer loads, floor plan
 * and co-activation before and after.
 */
export async function comparisonFigures(input: Omit<ReportInput, "facts">): Promise<Figure[]> {
  const { solvers, trace, hardware, frontier } = input;
  // Loaded on first use: the chart library would slow down every other command.
  const { layerLines, objectiveBars } = await import("./report-charts.js");
  const { tradeOff } = await import("./trade-off.js");
  const rows = compareSolvers(solvers);
  const objective = knownObjective(rows, input.objective ?? "traffic");
  const placed = placedSolvers(solvers);
  const after = placed.find(({ name }) => name === answerRow(rows, objective)?.solver);
  const before = placed.find(({ name }) => name === "contiguous");
  if (after === undefined) return [];
  const table = comparisonCsv(rows, { seconds: false });
  const figures: Figure[] = [
    {
      name: "solvers",
      svg: document(`Solvers by ${JUDGED_BY[objective]}`, objectiveBars(rows, objective, SIZE)),
      csv: table,
    },
    {
      name: "trade-off",
      svg: document("C_T against the largest load", tradeOff(rows, { frontier, size: SIZE })),
      csv: table,
    },
    { name: "layers", svg: document("C_T of every layer", layerLines(placed, SIZE)), csv: layersCsv(placed) },
  ];
  if (before === undefined) return figures;
  const placements = { before, after, numGroups: hardware.numGroups };
  const view = viewLayer(trace, typicalLayer(placements), placements);
  return [...figures, ...layerFigures(view, input)];
}

function layerFigures(view: LayerView, input: Omit<ReportInput, "facts">): Figure[] {
  const { before, after } = view;
  const busy = busyShares(after.traffic, input);
  const names = [before.solver, after.solver] as const;
  const most = largest([...before.load, ...after.load]);
  const label = `The experts of layer ${view.layer} as ${after.solver} places them`;
  const plan = { label, chiplets: after.chiplets, load: after.load, busy };
  const loads = before.load.map((load, chiplet) => [chiplet, load, after.load[chiplet]]);
  const planRows = after.chiplets.map((experts, chiplet) => [
    chiplet,
    after.load[chiplet],
    busy.link[chiplet],
    experts.join(" "),
  ]);
  return [
    {
      name: "loads",
      svg: document(
        `Load of the chiplets in layer ${view.layer}: grey ${before.solver}, blue ${after.solver}`,
        loadBars({ before: before.load, after: after.load }, { names, most, size: SIZE }),
      ),
      csv: stringify([["chiplet", ...names], ...loads], { escape_formulas: true }),
    },
    {
      name: "floor-plan",
      svg: document(label, floorPlan(plan, input.hardware, SIZE)),
      csv: stringify([["chiplet", "load", "linkBusy", "experts"], ...planRows]),
    },
    ...(["before", "after"] as const).map((side) => {
      const { solver, chiplets } = view[side];
      const order = chiplets.flat();
      const pairs = order.map((row) => [
        row,
        ...order.map((column) => view.pairs[row * view.numExperts + column]),
      ]);
      return {
        name: `coactivation-${side}`,
        svg: document(
          `Co-activation in layer ${view.layer} as ${solver} places experts`,
          heatMap(view, view[side]),
        ),
        csv: stringify([["expert", ...order.map(String)], ...pairs]),
      };
    }),
  ];
}

function layersCsv(placed: ReturnType<typeof placedSolvers>): string {
  const rows = placed.flatMap(({ name, answer }) =>
    (answer.heldOut ?? answer.learned).layers.map(({ layer, tokenReplication, loadMaxOverMean }) => [
      name,
      layer,
      tokenReplication,
      loadMaxOverMean,
    ]),
  );
  return stringify([["solver", "layer", "tokenReplication", "loadMaxOverMean"], ...rows], {
    escape_formulas: true,
  });
}

/** A drawing as a document with a title, light or dark as the reader chooses. */
function document(title: string, svg: string): string {
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg) ?? ["", "720", "400"];
  const [whole, top] = [Number(width) + 2 * MARGIN, 44];
  const inner = svg.replace(/^<svg/, `<svg x="${MARGIN}" y="${top}"`);
  const placed = / width="/.test(/^<svg[^>]*>/.exec(inner)?.[0] ?? "")
    ? inner
    : inner.replace(/^<svg/, `<svg width="${width}" height="${height}"`);
  const total = Number(height) + top + MARGIN;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole} ${total}" width="${whole}" height="${total}" role="img" ` +
    `aria-label="${escapeXml(title)}" font-family="system-ui, DejaVu Sans, sans-serif" color="var(--text)">\n` +
    `<style>${reportColours}${pictureStyle}</style>\n<rect width="100%" height="100%" fill="var(--background)"/>\n` +
    `<text x="${MARGIN}" y="28" font-size="15" font-weight="600" fill="var(--text)">${escapeXml(title)}</text>\n${placed}\n</svg>\n`
  );
}
