import { expect } from "chai";
import fc from "fast-check";
import { InputError } from "../../lib/errors.js";
import type { Constant } from "../../lib/hardware/constant.js";
import { hardwarePresets } from "../../lib/hardware/presets.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { transferNs } from "../../lib/performance/link-loads.js";
import { BACKWARD_COMPUTE, stageTimes } from "../../lib/performance/stages.js";
import { busiestMemoryNs } from "../../lib/performance/step-estimate.js";
import { createWorkload, paperWorkload } from "../../lib/performance/workload.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { createRandom } from "../../lib/random.js";
import { createRoutingTrace } from "../../lib/trace/routing-trace.js";
import { priorityRules, type PriorityRule } from "../../lib/task-graph/priorities.js";
import {
  DEFAULT_CONFIGURATION,
  scheduleLayer,
  scheduleStep,
  STEP_CONFIGURATIONS,
  stepMakespanNs,
  sweepChunks,
  type StepSchedule,
} from "../../lib/schedule/schedule-step.js";
import { taskName } from "../../lib/task-graph/task-graph.js";
import { busyTimesNs } from "../../lib/task-graph/timeline.js";
import { validateSchedule } from "../../lib/task-graph/validate-schedule.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";

const shape = findModelShape("qwen3-30b-a3b")!;
const names = ["mozart-qwen3", "mozart-deepseek-calibrated", "ucie-a-hbm3", "h100-8x8", "gb200-nvl72"];
const machines = hardwarePresets.filter(({ name }) => names.includes(name));
const configurations = Object.entries(STEP_CONFIGURATIONS);

/** Traffic of tokens that choose experts with a skew, placed in the order of their ids. */
function trafficFor(hardware: (typeof machines)[number], seed = 1): LayerTraffic {
  const { numExperts, topK } = shape;
  const numTokens = 512;
  const random = createRandom(seed);
  const experts = new Uint16Array(numTokens * topK);
  for (let token = 0; token < numTokens; token++) {
    const chosen = new Set<number>();
    while (chosen.size < topK) chosen.add(Math.floor(random.next() ** 1.5 * numExperts));
    experts.set([...chosen], token * topK);
  }
  const layer = { layer: 0, numTokens, experts };
  const trace = createRoutingTrace({ model: undefined, numExperts, topK, layers: [layer] });
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const chiplets: number[][] = Array.from({ length: numChiplets }, () => []);
  for (let expert = 0; expert < numExperts; expert++) {
    chiplets[Math.floor((expert * numChiplets) / numExperts)].push(expert);
  }
  return countTraffic(collectPatterns(trace.layers[0], trace), chiplets, hardware);
}

describe("scheduleStep", () => {
  for (const hardware of machines) {
    describe(`on ${hardware.name}`, () => {
      const layers = [trafficFor(hardware, 1), trafficFor(hardware, 2)];
      const workload = paperWorkload(hardware);

      for (const [name, configuration] of configurations) {
        it(`schedules ${name} close to its bound, and accounts for every nanosecond`, () => {
          const step = scheduleStep(layers, { hardware, shape, workload, configuration });
          expect(validateSchedule(step.graph, step.schedule)).to.deep.equal([]);
          expect(step.boundNs).to.be.at.most(step.makespanNs);
          expect(step.gap).to.be.within(0, name === "baseline" ? 1e-9 : 0.15);
          const split = step.computeNs + step.exposedCommunicationNs + step.exposedDramNs + step.idleNs;
          expect(split).to.be.closeTo(step.makespanNs, 1e-6 * step.makespanNs);
          expect(step.hiddenCommunicationShare).to.be.within(-1e-9, 1);
        });
      }

      it("schedules a step of eight layers, run as by default, within 5 % of its bound", () => {
        const eight = Array.from({ length: 8 }, (_, seed) => trafficFor(hardware, seed));
        const configuration = STEP_CONFIGURATIONS[DEFAULT_CONFIGURATION];
        expect(scheduleStep(eight, { hardware, shape, workload, configuration }).gap).to.be.below(0.05);
      });

      it("takes the closed form for the baseline, and nothing can be shorter", () => {
        const [traffic] = layers;
        const perExpert = { ...workload, transport: "per-expert" } as const;
        const stages = stageTimes(traffic, { hardware, shape }, { workload: perExpert, tokens: 8 * 256 });
        const experts = stages.expertsNs.reduce((most, value) => Math.max(most, value), 0);
        const compute = stages.attentionNs + stages.sharedNs + experts;
        const moves =
          transferNs(stages.dispatch) +
          transferNs(stages.combine) +
          stages.saveNs +
          busiestMemoryNs(stages.expertSaveNs, hardware);
        const microBatch = (1 + BACKWARD_COMPUTE) * compute + 2 * moves;
        const weights = 3 * busiestMemoryNs(stages.weightMemoryNs, hardware);
        const expected = weights + workload.microBatches * microBatch;
        const step = scheduleLayer(traffic, {
          hardware,
          shape,
          workload,
          configuration: STEP_CONFIGURATIONS.baseline,
        });
        expect(step.makespanNs).to.be.closeTo(expected, 1e-6 * expected);
        expect(step.gap).to.be.closeTo(0, 1e-9);
        expect(step.hiddenCommunicationShare).to.be.closeTo(0, 1e-9);
      });

      it("is not faster, as far as the bound tells, with twice the tokens", () => {
        const boundOf = (numSequences: number) => {
          const tokensPerChiplet = (workload.tokensPerChiplet * numSequences) / 8;
          const more = { ...workload, tokensPerChiplet };
          return scheduleStep(layers, { hardware, shape, workload: more }).boundNs;
        };
        expect(boundOf(16)).to.be.at.least(boundOf(8));
      });

      it("gains from every overlap, but for what kernels slow down beside compute, and from one copy a chiplet", () => {
        const { kernels } = hardware;
        const overlapSlowdown = { ...kernels?.overlapSlowdown, value: 1 } as Constant;
        const zero = { ...overlapSlowdown, value: 0 };
        const unitShare = { normal: zero, lowLatency: zero };
        const unslowed = kernels
          ? { ...hardware, kernels: { ...kernels, overlapSlowdown, unitShare } }
          : hardware;
        const [baseline, A, B, C, chunked] = configurations.map(
          ([name, configuration]) =>
            scheduleStep(layers, {
              hardware: unslowed,
              shape,
              workload,
              configuration:
                name === "chunked"
                  ? { ...configuration, overlap: { ...configuration.overlap, chunks: 1 } }
                  : configuration,
            }).makespanNs,
        );
        expect(A).to.be.at.most(baseline);
        // One copy an expert and one a chiplet are other kernels on GPUs: so few tokens are faster by those for decode.
        if (kernels === undefined) expect(B).to.be.at.most(A);
        expect(C).to.equal(B);
        expect(chunked).to.be.at.most(C * (1 + 1e-9));
      });

      it("hides most communication where nothing waits for a stage it does not need", () => {
        const { best } = sweepChunks(layers, { hardware, shape, workload }, [1, 2, 4]);
        expect(best.hiddenCommunicationShare).to.be.at.least(0.5);
      });
    });
  }

  const [hardware] = machines;

  it("takes the rule that gives the shortest schedule if asked for the best", () => {
    const traffic = [trafficFor(hardware)];
    const all = priorityRules.map((rule) => scheduleStep(traffic, { hardware, shape, rule }).makespanNs);
    const best = scheduleStep(traffic, { hardware, shape, rule: "best" });
    expect(best.makespanNs).to.be.closeTo(Math.min(...all), 1e-9 * best.makespanNs);
    expect(all[priorityRules.indexOf(best.rule)]).to.equal(best.makespanNs);
  });

  it("takes the shorter of two orders in a training step on a wafer, and that of paths everywhere else", () => {
    for (const machine of machines) {
      const traffic = [trafficFor(machine)];
      for (const phase of ["train", "prefill", "decode"] as const) {
        const options = {
          hardware: machine,
          shape,
          workload: createWorkload({ hardware: machine, shape }, { phase }),
        };
        const byRule = (rule: PriorityRule) => stepMakespanNs(traffic, { ...options, rule });
        const shorter = Math.min(byRule("critical-path"), byRule("in-turn"));
        const expected =
          machine.tokensStart === "root" && phase === "train" ? shorter : byRule("critical-path");
        const makespanNs = stepMakespanNs(traffic, options);
        expect(makespanNs, `${machine.name} ${phase}`).to.be.closeTo(expected, 1e-9 * expected);
        expect(scheduleStep(traffic, options).makespanNs).to.equal(makespanNs);
      }
    }
  });

  it("has weights of the way back read before what the last micro-batch saves, where attention waits for them", () => {
    const wafer = machines.find(({ name }) => name === "ucie-a-hbm3")!;
    const traffic = [trafficFor(wafer)];
    const byPaths = stepMakespanNs(traffic, { hardware: wafer, shape, rule: "critical-path" });
    expect(stepMakespanNs(traffic, { hardware: wafer, shape }) / byPaths).to.be.below(0.95);
  });

  it("takes the longer the more optimiser state travels with the weights", () => {
    const traffic = [trafficFor(hardware)];
    const [none, adam] = [0, 12].map((optimiserBytesPerWeight) =>
      busyOf(scheduleStep(traffic, { hardware, shape, optimiserBytesPerWeight }), "memory 0"),
    );
    const workload = paperWorkload(hardware);
    const { weightMemoryNs } = stageTimes(traffic[0], { hardware, shape }, { workload, tokens: 8 * 256 });
    const onePass = weightMemoryNs.subarray(0, hardware.chipletsPerGroup).reduce((sum, ns) => sum + ns, 0);
    // Backward, 12 bytes travel with the 2 of a weight, in and out.
    expect(adam - none).to.be.closeTo(2 * (12 / 2) * onePass, 1e-3);
  });

  it("names what is written back by its layer alone: it belongs to no micro-batch", () => {
    const { graph } = scheduleStep([trafficFor(hardware)], { hardware, shape });
    const names = Array.from({ length: graph.numTasks }, (_, task) => taskName(graph, task));
    const written = names.filter((name) => name.includes("write back"));
    expect(written).to.have.length(2 * shape.numExperts);
    for (const name of written) expect(name).to.match(/^layer 0 backward write back \d+$/);
  });

  it("is the same every time", () => {
    const run = () => scheduleStep([trafficFor(hardware)], { hardware, shape }).schedule.startNs;
    expect(run()).to.deep.equal(run());
  });

  it("refuses traffic of other chiplets than the machine has", () => {
    const larger = hardwarePresets.find(({ name }) => name === "h100-8x8")!;
    expect(() => scheduleLayer(trafficFor(larger), { hardware, shape })).to.throw(
      InputError,
      "placement: found 64 chiplets in groups of 8, expected 16 in groups of 4 as in mozart-qwen3",
    );
  });
});

function busyOf({ graph }: StepSchedule, resource: string): number {
  return busyTimesNs(graph)[graph.resources.indexOf(resource)];
}

describe("sweepChunks", () => {
  it("draws the curve in the order asked for and hands back its lowest point", () => {
    const [, hardware] = machines;
    fc.assert(
      fc.property(fc.shuffledSubarray([1, 2, 3, 4, 8], { minLength: 1 }), (counts) => {
        const { curve, chunks, best } = sweepChunks([trafficFor(hardware)], { hardware, shape }, counts);
        expect(curve.map((point) => point.chunks)).to.deep.equal(counts);
        const shortest = Math.min(...curve.map(({ makespanNs }) => makespanNs));
        expect(best.makespanNs).to.be.within(shortest, shortest * 1.0002);
        expect(curve.find((point) => point.chunks === chunks)?.makespanNs).to.equal(best.makespanNs);
      }),
      { numRuns: 5 },
    );
  });
});
