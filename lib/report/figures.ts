import { stringify } from "csv-stringify/sync";
import { compareSolvers } from "../flows/compare.js";
import { comparisonCsv } from "./comparison-data.js";
import { figureDocument, type Figure } from "./figure-document.js";
import { floorPlan } from "./floor-plan.js";
import { heatMap } from "./heat-map.js";
import { judgedBy, knownObjective, shownRow } from "./judged.js";
import { busyShares, placedSolvers, typicalLayer, viewLayer, type LayerView } from "./layer-view.js";
import { loadBars } from "./load-bars.js";
import type { FiguresInput } from "./report-page.js";
import { stepFigures } from "./step-figures.js";
import { largest } from "../statistics.js";

const SIZE = { width: 720, fontSize: 13 };

/**
 * The pictures of a comparison one by one, each with its data: solvers, trade-off, layers, where time and energy go, schedules,
 * batches, and of a typical layer loads, floor plan and co-activation before and after.
 */
export async function comparisonFigures(input: FiguresInput): Promise<Figure[]> {
  const { solvers, trace, hardware, frontier } = input;
  // Loaded on first use: the chart library would slow down every other command.
  const { layerLines, objectiveBars } = await import("./report-charts.js");
  const { tradeOff } = await import("./trade-off.js");
  const rows = compareSolvers(solvers);
  const objective = knownObjective(rows, input.objective ?? "traffic");
  const placed = placedSolvers(solvers);
  const after = placed.find(({ name }) => name === shownRow(rows, objective)?.solver);
  const before = placed.find(({ name }) => name === "contiguous");
  if (after === undefined) return [];
  const table = comparisonCsv(rows, { seconds: false, workload: input.workload });
  const figures: Figure[] = [
    {
      name: "solvers",
      svg: figureDocument(`Solvers by ${judgedBy(rows, objective)}`, objectiveBars(rows, objective, SIZE)),
      csv: table,
    },
    {
      name: "trade-off",
      svg: figureDocument("C_T against the largest load", tradeOff(rows, { frontier, size: SIZE })),
      csv: table,
    },
    {
      name: "layers",
      svg: figureDocument("C_T of every layer", layerLines(placed, SIZE)),
      csv: layersCsv(placed),
    },
  ];
  const index = before ? typicalLayer({ before, after, numGroups: hardware.numGroups }) : 0;
  const pair = before ? [before, after] : [after];
  const ofStep = await stepFigures(input, { placed: pair, index, size: SIZE });
  if (before === undefined) return [...figures, ...ofStep];
  const view = viewLayer(trace, index, { before, after, numGroups: hardware.numGroups });
  return [...figures, ...ofStep, ...layerFigures(view, input)];
}

function layerFigures(view: LayerView, input: FiguresInput): Figure[] {
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
      svg: figureDocument(
        `Load of the chiplets in layer ${view.layer}: grey ${before.solver}, blue ${after.solver}`,
        loadBars({ before: before.load, after: after.load }, { names, most, size: SIZE }),
      ),
      csv: stringify([["chiplet", ...names], ...loads], { escape_formulas: true }),
    },
    {
      name: "floor-plan",
      svg: figureDocument(label, floorPlan(plan, input.hardware, SIZE)),
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
        svg: figureDocument(
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
