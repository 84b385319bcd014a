import { layerEnergy, staticPj } from "../performance/energy.js";
import { scheduledWorkload, type StepSchedule } from "../schedule/schedule-step.js";
import type { Machine } from "../hardware/machine.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { largest, sum } from "../statistics.js";
import { chart } from "./draw-plot.js";
import { fourDigits, timeUnit } from "./format-time.js";
import { ganttChart, ganttKinds, isFolded } from "./gantt-chart.js";
import { caption, legend } from "./page-parts.js";
import { stackedBars, type StackedPart } from "./report-charts.js";

/** A step under one placement. */
export interface PlacedStep {
  readonly solver: string;
  readonly traffic: readonly LayerTraffic[];
  readonly step: StepSchedule;
}

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
  const unit = timeUnit(largest(steps.map(({ step }) => step.makespanNs)));
  const times = steps.flatMap(({ solver, step }): StackedPart[] => [
    { solver, part: "compute", value: step.computeNs / unit.ns },
    { solver, part: "exposed communication", value: step.exposedCommunicationNs / unit.ns },
    { solver, part: "exposed memory", value: step.exposedDramNs / unit.ns },
    { solver, part: "latency", value: step.idleNs / unit.ns },
  ]);
  const workload = scheduledWorkload(machine);
  const energies = steps.flatMap(({ solver, traffic, step }): StackedPart[] => {
    const layers = traffic.map((counted) => layerEnergy(counted, machine, workload));
    const joules = (pick: (layer: (typeof layers)[number]) => number) => sum(layers.map(pick)) / 1e12;
    return [
      { solver, part: "compute", value: joules((layer) => layer.computePj) },
      { solver, part: "SRAM", value: joules((layer) => layer.sramPj) },
      { solver, part: "memory", value: joules((layer) => layer.memoryPj) },
      { solver, part: "root links", value: joules((layer) => layer.rootLinksPj) },
      { solver, part: "chiplet links", value: joules((layer) => layer.chipletLinksPj) },
      { solver, part: "static", value: staticPj(machine.hardware, step.makespanNs) / 1e12 },
    ];
  });
  const legendOf = (parts: readonly StackedPart[]) =>
    legend([...new Set(parts.map(({ part }) => part))].map((name, index) => ({ name, class: `k${index}` })));
  return (
    `<div class="columns"><div><h3>Where the time goes</h3>${legendOf(times)}` +
    chart((size) => stackedBars(times, { label: `time of a step, ${unit.name}`, size })) +
    caption("Exposed: while nothing computes anywhere; what compute hides takes no time of its own.") +
    `</div><div><h3>Where the energy goes</h3>${legendOf(energies)}` +
    chart((size) => stackedBars(energies, { label: "energy of a step, J", size })) +
    caption("Static: drawn whatever happens, for as long as the step takes.") +
    "</div></div>"
  );
}
