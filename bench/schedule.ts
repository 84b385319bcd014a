/**
 * `npm run bench:schedule`: how long scheduling takes: a whole training step of 48 layers and 4 micro-batches, and one layer of it.
 *
 * Prints the cheapest of several runs in milliseconds of processor time, stage by stage; every schedule is validated.
 */
import { findHardware } from "../lib/hardware/presets.js";
import { findModelShape } from "../lib/model-shapes.js";
import { DEFAULT_BATCH } from "../lib/performance/stages.js";
import { countTraffic, type LayerTraffic } from "../lib/placement/traffic.js";
import { createRandom } from "../lib/random.js";
import { createRoutingTrace } from "../lib/routing-trace.js";
import { scheduleBound } from "../lib/schedule/bounds.js";
import { listSchedule } from "../lib/schedule/list-schedule.js";
import { modelDurations, stepSite } from "../lib/schedule/model-durations.js";
import { scheduleStep, STEP_CONFIGURATIONS, type StepConfiguration } from "../lib/schedule/schedule-step.js";
import { buildStepGraph } from "../lib/schedule/step-graph.js";
import { validateSchedule } from "../lib/schedule/validate-schedule.js";
import { collectPatterns } from "../lib/token-patterns.js";

const hardware = findHardware("mozart-qwen3");
const shape = findModelShape("qwen3-30b-a3b");
if (hardware === undefined || shape === undefined) throw new Error("the presets are gone");
const machine = { hardware, shape };

const layers = Array.from({ length: shape.numMoeLayers }, (_, layer) => skewedTraffic(layer));
console.log("milliseconds of processor time, cheapest run");
for (const count of [shape.numMoeLayers, 1]) {
  for (const [name, configuration] of Object.entries(STEP_CONFIGURATIONS)) {
    const { numTasks, times } = measure(layers.slice(0, count), configuration);
    const columns = Object.entries(times).map(([what, ms]) => `${what} ${ms.toFixed(2).padStart(7)}`);
    console.log(
      `${count} layers ${name.padEnd(9)} ${`${numTasks}`.padStart(7)} tasks  ${columns.join("  ")}`,
    );
  }
}

/** Cost of every stage of a schedule, and of all of it together. */
function measure(
  traffic: readonly LayerTraffic[],
  configuration: StepConfiguration,
): { numTasks: number; times: Record<string, number> } {
  const step = scheduleStep(traffic, { ...machine, configuration });
  const violations = validateSchedule(step.graph, step.schedule);
  if (violations.length > 0) throw new Error(violations[0]);
  const { overlap, transport } = configuration;
  const { chunks } = overlap;
  const cut = { batch: DEFAULT_BATCH, transport, parts: chunks, chunks };
  const plan = {
    site: stepSite(machine.hardware),
    overlap,
    numMicroBatches: DEFAULT_BATCH.numMicroBatches,
    parts: chunks,
    training: true,
  };
  const durations = traffic.map((layer) => modelDurations(layer, machine, cut));
  const graph = buildStepGraph(durations, plan);
  return {
    numTasks: graph.numTasks,
    times: {
      durations: cheapest(() => traffic.map((layer) => modelDurations(layer, machine, cut))),
      graph: cheapest(() => buildStepGraph(durations, plan)),
      list: cheapest(() => listSchedule(graph)),
      bound: cheapest(() => scheduleBound(graph)),
      total: cheapest(() => scheduleStep(traffic, { ...machine, configuration })),
    },
  };
}

/** Processor time of the cheapest run, all threads together, which other work on the machine disturbs least. */
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

/** Traffic of seeded tokens with skewed loads, the experts seated in the order of their ids. */
function skewedTraffic(seed: number): LayerTraffic {
  const { hardware, shape } = machine;
  const { numExperts, topK } = shape;
  const numTokens = 2048;
  const random = createRandom(seed);
  const experts = new Uint16Array(numTokens * topK);
  for (let token = 0; token < numTokens; token++) {
    const chosen = new Set<number>();
    while (chosen.size < topK) chosen.add(Math.floor(random.next() ** 1.5 * numExperts));
    experts.set([...chosen], token * topK);
  }
  const trace = createRoutingTrace({
    model: shape.name,
    numExperts,
    topK,
    layers: [{ layer: 0, numTokens, experts }],
  });
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const slots = numExperts / numChiplets;
  const chiplets = Array.from({ length: numChiplets }, (_, chiplet) =>
    Array.from({ length: slots }, (_, place) => chiplet * slots + place),
  );
  return countTraffic(collectPatterns(trace.layers[0], trace), chiplets, hardware.chipletsPerGroup);
}
