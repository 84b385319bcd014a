import { counted } from "../counted.js";
import type { Machine } from "../hardware/machine.js";
import { scheduleStep, type StepSchedule } from "../schedule/schedule-step.js";
import { taskName } from "../task-graph/task-graph.js";
import type { ChartSize } from "./draw-plot.js";
import { figureDocument, type Figure } from "./figure-document.js";
import { ganttBars } from "./gantt-bars.js";
import { ganttSvg } from "./gantt-svg.js";
import type { PlacedSolver } from "./layer-view.js";
import { batchLoads } from "./page-batches.js";
import { scheduleSteps } from "./placed-steps.js";
import { recordsCsv } from "./records-csv.js";
import type { FiguresInput } from "./report-page.js";
import { partNames, spending } from "./spending.js";

/**
 * The pictures of the step: where time and energy go, the schedule of the step and of a layer, where the model's sizes are known; and
 * how loads vary from batch to batch.
 *
 * @param options.placed The placement before, where there is one, and the one it is about.
 * @param options.index Index of the layer that is scheduled alone.
 */
export async function stepFigures(
  input: FiguresInput,
  { placed, index, size }: { placed: readonly PlacedSolver[]; index: number; size: ChartSize },
): Promise<Figure[]> {
  // Loaded on first use: the chart library would slow down every other command.
  const { batchHistogram, stackedBars } = await import("./report-charts.js");
  const { trace, heldOut = trace, hardware, shape, workload } = input;
  const solvers = [...new Set(placed)];
  const { tokens, loads } = batchLoads(heldOut, { placed: solvers, machine: input });
  const batches: Figure = {
    name: "batches",
    svg: figureDocument(
      `Largest load of a chiplet over batches of ${counted(tokens, "token")}`,
      batchHistogram(loads, size),
    ),
    csv: recordsCsv(loads),
  };
  const steps = scheduleSteps(input, solvers);
  const last = steps.at(-1);
  if (shape === undefined || last === undefined) return [batches];
  const machine: Machine = { hardware, shape, ...(workload && { workload }) };
  const { times, energies, unit } = spending(steps, machine);
  const { layer } = trace.layers[index];
  return [
    {
      name: "time",
      svg: figureDocument(
        "Where the time goes",
        stackedBars(times, { label: `time of a step, ${unit}`, size }),
        partNames(times),
      ),
      csv: recordsCsv(times.map((part) => ({ ...part, unit }))),
    },
    {
      name: "energy",
      svg: figureDocument(
        "Where the energy goes",
        stackedBars(energies, { label: "energy of a step, J", size }),
        partNames(energies),
      ),
      csv: recordsCsv(energies.map((part) => ({ ...part, unit: "J" }))),
    },
    scheduleFigure("schedule-step", `The step by ${last.solver}`, last.step),
    scheduleFigure(
      "schedule-layer",
      `Layer ${layer} alone by ${last.solver}`,
      scheduleStep([last.traffic[index]], { ...machine, layerNumbers: [layer] }),
    ),
    batches,
  ];
}

/** A schedule as a Gantt chart, its data a task a line. */
function scheduleFigure(name: string, title: string, { graph, schedule }: StepSchedule): Figure {
  const tasks = ganttBars(graph, schedule, 0).map(({ task, resource, kind, fromNs, untilNs }) => ({
    resource: graph.resources[resource],
    kind: graph.kinds[kind],
    task: taskName(graph, task),
    startNs: fromNs,
    endNs: untilNs,
  }));
  return { name, svg: ganttSvg(graph, schedule, { title }), csv: recordsCsv(tasks) };
}
