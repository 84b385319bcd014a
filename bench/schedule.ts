/**
 * `npm run bench:schedule`: what the schedules of a training step are worth, and what it costs to make them.
 *
 * Seeded tokens with skewed loads, experts placed in the order of their ids; every schedule is validated before its
 * figures are printed. Costs are processor time of the cheapest of several runs, which other work disturbs least.
 */
import { findHardware } from "../lib/hardware/presets.js";
import type { Hardware } from "../lib/hardware/hardware.js";
import { findModelShape, type ModelShape } from "../lib/hardware/model-shapes.js";
import type { Workload } from "../lib/hardware/workload.js";
import { paperWorkload } from "../lib/performance/workload.js";
import { countTraffic, type LayerTraffic } from "../lib/placement/traffic.js";
import { createRoutingTrace } from "../lib/trace/routing-trace.js";
import { scheduleBound } from "../lib/task-graph/bounds.js";
import { listSchedule } from "../lib/task-graph/list-schedule.js";
import { modelDurations, stepSite } from "../lib/schedule/model-durations.js";
import {
  estimateMakespanNs,
  scheduledWorkload,
  scheduleLayer,
  scheduleStep,
  STEP_CONFIGURATIONS,
  sweepChunks,
  type StepConfiguration,
  type StepSchedule,
} from "../lib/schedule/schedule-step.js";
import { buildStepGraph } from "../lib/schedule/step-graph.js";
import { validateSchedule } from "../lib/task-graph/validate-schedule.js";
import { collectPatterns, type TokenPatterns } from "../lib/trace/token-patterns.js";
import { drawSkewedTokens } from "./skewed-tokens.js";

interface Machine {
  readonly hardware: Hardware;
  readonly shape: ModelShape;
  readonly workload: Workload;
}

const machines = [
  machine("mozart-qwen3", "qwen3-30b-a3b"),
  machine("mozart-olmoe", "olmoe-1b-7b"),
  machine("mozart-deepseek", "deepseek-moe-16b"),
  machine("ucie-a-hbm3", "qwen3-30b-a3b"),
  machine("h100-8x8", "qwen3-30b-a3b"),
];

console.log("## Schedules of a training step\n");
console.log(
  "| machine, model, MoE layers | run as | step ms | gap | hidden | exposed ms | DRAM exposed ms | estimate |",
);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const each of machines) {
  const layers = trafficOf(each);
  for (const [name, configuration] of Object.entries(STEP_CONFIGURATIONS)) {
    // C is B with another placement.
    if (name === "C") continue;
    const step =
      name === "chunked" ? sweepChunks(layers, each).best : scheduleStep(layers, { ...each, configuration });
    const estimate = percent(estimatedNs(layers, each, configuration) / step.makespanNs - 1);
    console.log(`| ${title(each)} | ${name} | ${valueColumns(validated(step))} | ${estimate} |`);
  }
}

console.log("\n## Step ms by number of chunks\n");
const counts = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
console.log(`| machine, model, MoE layers | ${counts.join(" | ")} |`);
console.log(`| --- | ${counts.map(() => "---:").join(" | ")} |`);
for (const each of machines) {
  const { curve } = sweepChunks(trafficOf(each), each, counts);
  console.log(`| ${title(each)} | ${curve.map(({ makespanNs }) => milliseconds(makespanNs)).join(" | ")} |`);
}

console.log("\n## Cost of scheduling, ms of processor time (Qwen3-30B-A3B on its Mozart wafer)\n");
console.log("| layers | run as | tasks | durations | graph | list schedule | bound | all |");
console.log("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const count of [48, 1]) {
  for (const [name, configuration] of Object.entries(STEP_CONFIGURATIONS)) {
    if (name !== "C") console.log(`| ${count} | ${name} | ${costColumns(count, configuration)} |`);
  }
}

console.log("\n## One evaluation of a layer, as a search makes it, ms of processor time\n");
console.log("| machine, model | traffic of 2048 tokens | estimate | schedule as B | schedule, chunked |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const each of machines) console.log(`| ${title(each)} | ${evaluationColumns(each)} |`);

/** What a search pays for a layer: counting who goes where, then an estimate, or a schedule. */
function evaluationColumns(each: Machine): string {
  const { hardware } = each;
  const { patterns, chiplets } = layerPlacement(each, 0);
  const traffic = countTraffic(patterns, chiplets, hardware);
  const costs = [
    cheapest(() => countTraffic(patterns, chiplets, hardware)),
    cheapest(() => estimateMakespanNs(traffic, each)),
    cheapest(() => scheduleLayer(traffic, { ...each, configuration: STEP_CONFIGURATIONS.B })),
    cheapest(() => scheduleLayer(traffic, { ...each, configuration: STEP_CONFIGURATIONS.chunked })),
  ];
  return costs.map((cost) => cost.toFixed(2)).join(" | ");
}

/** The step by the estimate that searches rank placements with, layer by layer. */
function estimatedNs(
  layers: readonly LayerTraffic[],
  each: Machine,
  configuration: StepConfiguration,
): number {
  return layers.reduce((sum, traffic) => sum + estimateMakespanNs(traffic, { ...each, configuration }), 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function valueColumns(step: StepSchedule): string {
  return [
    milliseconds(step.makespanNs),
    percent(step.gap),
    percent(step.hiddenCommunicationShare),
    milliseconds(step.exposedCommunicationNs),
    milliseconds(step.exposedDramNs),
  ].join(" | ");
}

function costColumns(numLayers: number, configuration: StepConfiguration): string {
  const each = machines[0];
  const traffic = trafficOf(each).slice(0, numLayers);
  const { overlap } = configuration;
  const { chunks, parts } = overlap;
  const workload = scheduledWorkload({ ...each, configuration });
  const cut = { workload, parts, chunks };
  const plan = {
    site: stepSite(each.hardware),
    overlap,
    numMicroBatches: workload.microBatches,
    training: true,
  };
  const durations = traffic.map((layer) => modelDurations(layer, each, cut));
  const graph = buildStepGraph(durations, plan);
  const costs = [
    cheapest(() => traffic.map((layer) => modelDurations(layer, each, cut))),
    cheapest(() => buildStepGraph(durations, plan)),
    cheapest(() => listSchedule(graph)),
    cheapest(() => scheduleBound(graph)),
    cheapest(() => scheduleStep(traffic, { ...each, configuration })),
  ];
  return [graph.numTasks, ...costs.map((cost) => cost.toFixed(2))].join(" | ");
}

function cheapest(work: () => unknown): number {
  let best = Infinity;
  for (let spentMs = 0, runs = 0; runs < 5 || spentMs < 500; runs++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    const ms = (user + system) / 1000;
    spentMs += ms;
    best = Math.min(best, ms);
  }
  return best;
}

function validated(step: StepSchedule): StepSchedule {
  const violations = validateSchedule(step.graph, step.schedule);
  if (violations.length > 0) throw new Error(violations[0].message);
  return step;
}

function milliseconds(ns: number): string {
  return (ns / 1e6).toFixed(2);
}

function machine(hardwareName: string, shapeName: string): Machine {
  const hardware = findHardware(hardwareName);
  const shape = findModelShape(shapeName);
  if (hardware === undefined || shape === undefined) throw new Error(`no ${hardwareName} or ${shapeName}`);
  return { hardware, shape, workload: paperWorkload(hardware) };
}

function title({ hardware, shape }: Machine): string {
  return `${hardware.name}, ${shape.name}, ${shape.numMoeLayers}`;
}

/** Traffic of every MoE layer of a model. */
function trafficOf(each: Machine): LayerTraffic[] {
  return Array.from({ length: each.shape.numMoeLayers }, (_, layer) => {
    const { patterns, chiplets } = layerPlacement(each, layer);
    return countTraffic(patterns, chiplets, each.hardware);
  });
}

/** Seeded tokens of a layer, and its experts in the order of their ids. */
function layerPlacement(
  { hardware, shape }: Machine,
  layer: number,
): { patterns: TokenPatterns; chiplets: number[][] } {
  const { numExperts, topK } = shape;
  const numTokens = 2048;
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const chiplets: number[][] = Array.from({ length: numChiplets }, () => []);
  for (let expert = 0; expert < numExperts; expert++) {
    chiplets[Math.floor((expert * numChiplets) / numExperts)].push(expert);
  }
  const experts = drawSkewedTokens(layer, { numTokens, numExperts, topK });
  const layers = [{ layer, numTokens, experts }];
  const trace = createRoutingTrace({ model: shape.name, numExperts, topK, layers });
  return { patterns: collectPatterns(trace.layers[0], trace), chiplets };
}
