/** Goes through all steps of placing a trace in a process of its own, for bench/sizes.ts: what each cost, as JSON. */
import { evaluatePlacement } from "../lib/flows/evaluate.js";
import { poseLayer } from "../lib/flows/pose.js";
import type { LayerPlacement } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { verifyFound } from "../lib/placement/verify.js";
import { scheduleStep, STEP_CONFIGURATIONS } from "../lib/schedule/schedule-step.js";
import { countCoactivation } from "../lib/trace/coactivation.js";
import { collectPatterns } from "../lib/trace/token-patterns.js";
import { machine } from "../program/machine.js";
import { auto } from "../solvers/auto.js";
import { localSearch } from "../solvers/local-search.js";
import { readTrace } from "../traces/read-trace.js";
import { forgetPeak, peakBytes } from "./peak-memory.js";

/** What a step cost. */
interface StepCost {
  /** Processor time. */
  readonly seconds: number;
  /** The most memory while it ran; what earlier steps left is in it. */
  readonly peakBytes: number;
}

/** Of a layer, so that a size that is too much for one step does not keep the others waiting. */
const TIME_LIMIT_MS = 600_000;
/** Of a server of GPUs. */
const CHIPLETS_PER_GROUP = 8;

const [path, chiplets, ...wanted] = process.argv.slice(2);
const numChiplets = Number(chiplets);
const costs: Record<string, StepCost> = {};

const { trace } = await measure("reading", () => readTrace([path]));
const patterns = await measure("co-activation", () =>
  trace.layers.map((layer) => {
    const collected = collectPatterns(layer, trace);
    countCoactivation(collected);
    return collected;
  }),
);
let layers = await measure("search", () => placeAll(localSearch));
verifyAll(layers);
if (wanted.includes("bound")) {
  layers = await measure("search and bound", () => placeAll(auto));
  verifyAll(layers);
}
const numGroups = Math.max(1, numChiplets / CHIPLETS_PER_GROUP);
const sized = await machine("h100-8x8", { model: "deepseek-v3", numChiplets, numGroups });
const { chipletsPerGroup } = sized.hardware;
await measure("schedule", () => {
  const traffic = patterns.map((layer, at) => countTraffic(layer, layers[at].chiplets, sized.hardware));
  return scheduleStep(traffic, { ...sized, configuration: STEP_CONFIGURATIONS.chunked });
});
await measure("evaluation", () => {
  const placement = { model: trace.model, numExperts: trace.numExperts, numChiplets, layers };
  return evaluatePlacement(trace, placement, { chipletsPerGroup });
});
const isCut = layers.some(({ stoppedBy }) => stoppedBy === "time limit");
const numPatterns = patterns.reduce((sum, layer) => sum + layer.numPatterns, 0) / patterns.length;
console.log(JSON.stringify({ numPatterns, costs, isCut }));

async function placeAll(solver: Solver): Promise<LayerPlacement[]> {
  const found: LayerPlacement[] = [];
  for (const layer of trace.layers) {
    const options = { ...DEFAULT_SOLVER_OPTIONS, timeLimitMs: TIME_LIMIT_MS };
    const solution = await solver.solve(poseLayer(trace, layer, { numChiplets }), options);
    if (!("chiplets" in solution)) throw new Error(`${solver.name}: ${solution.status}`);
    found.push({ ...solution, layer: layer.layer });
  }
  return found;
}

/** @throws Error where a placement is not what was asked for, or not of the cost that was told. */
function verifyAll(found: readonly LayerPlacement[]): void {
  trace.layers.forEach((layer, at) => {
    const wrong = verifyFound(poseLayer(trace, layer, { numChiplets }), found[at]);
    if (wrong.length > 0) throw new Error(`layer ${layer.layer}: ${wrong.join("; ")}`);
  });
}

async function measure<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  forgetPeak();
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  costs[name] = { seconds: (user + system) / 1e6, peakBytes: peakBytes() };
  return result;
}
