import type { Machine } from "../hardware/machine.js";
import type { StepSchedule } from "../schedule/schedule-step.js";
import { chart } from "./draw-plot.js";
import { fourDigits } from "./format-time.js";
import { ganttChart, ganttKinds, isFolded } from "./gantt-chart.js";
import { caption, legend } from "./page-parts.js";
import type { PlacedStep } from "./placed-steps.js";
import { stackedBars } from "./report-charts.js";
import { partNames, spending, type StackedPart } from "./spending.js";

/** A step and one of its layers alone as Gantt charts that zoom. */
export function ganttPictures(
  { solver, step }: PlacedStep,
  layer: { readonly layer: number; readonly step: StepSchedule },
): string {
  const charts = [
    { name: "layer", title: `Layer ${layer.layer} alone`, scheduled: layer.step },
    { name: "step", title: "The whole step", scheduled: step },
  ];
  return charts
    .map(({ name, title, scheduled }) => {
      const { graph, schedule, makespanNs, boundNs } = scheduled;
      const kinds = ganttKinds(graph).map(({ kind, colour }) => ({ name: kind, class: `k${colour}` }));
      const buttons = [
        ["out", "−", "zoom out"],
        ["in", "+", "zoom in"],
        ["left", "◂", "earlier"],
        ["right", "▸", "later"],
        ["whole", "whole", "whole schedule"],
      ].map(
        ([action, sign, name]) =>
          `<button type="button" data-action="${action}" aria-label="${name}">${sign}</button>`,
      );
      return [
        `<h3>${title}, by ${solver}: ${fourDigits(makespanNs)}</h3>`,
        `<div class="tools" data-zoom="${name}" role="group" aria-label="Zoom of the schedule of ${name === "step" ? "the step" : "the layer"}">${buttons.join("")}</div>`,
        ganttChart(graph, schedule, {
          name,
          label: `Schedule of ${name === "step" ? "the step" : `layer ${layer.layer}`}`,
        }),
        `<output class="numbers-line" id="gantt-numbers-${name}" aria-live="polite"></output>`,
        legend([
          ...kinds,
          { name: "latency", class: "latency" },
          { name: "on the critical path", class: "critical" },
          { name: "idle", class: "idle" },
        ]),
        caption(
          `No schedule of the same tasks is shorter than ${fourDigits(boundNs)}. ` +
            (isFolded(graph) ? "Of every kind of resource the three busiest are drawn. " : "") +
            "On the chart, + and − zoom, left and right move, up and down tell the rows.",
        ),
      ].join("\n");
    })
    .join("\n");
}

/** Where the time and the energy of a step go, a bar a placement. */
export function spendPictures(steps: readonly PlacedStep[], machine: Machine): string {
  const { times, energies, unit } = spending(steps, machine);
  const legendOf = (parts: readonly StackedPart[]) =>
    legend(partNames(parts).map((name, index) => ({ name, class: `k${index}` })));
  return (
    `<div class="columns"><div><h3>Where the time goes</h3>${legendOf(times)}` +
    chart((size) => stackedBars(times, { label: `time of a step, ${unit}`, size })) +
    caption("Exposed: while nothing computes anywhere; what compute hides takes no time of its own.") +
    `</div><div><h3>Where the energy goes</h3>${legendOf(energies)}` +
    chart((size) => stackedBars(energies, { label: "energy of a step, J", size })) +
    caption("Static: drawn whatever happens, for as long as the step takes.") +
    "</div></div>"
  );
}
