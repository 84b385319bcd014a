import { expect } from "chai";
import fc from "fast-check";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape, type ModelShape } from "../../lib/hardware/model-shapes.js";
import { hardwarePresets } from "../../lib/hardware/presets.js";
import { PHASES, TRANSPORTS, type Phase, type Transport } from "../../lib/hardware/workload.js";
import { createGpuTimer } from "../../lib/performance/gpu-stages.js";
import { gpusWithoutNetwork } from "../../lib/performance/gpu-volumes.js";
import { createWorkload } from "../../lib/performance/workload.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";

const machines = hardwarePresets.filter(({ kernels }) => kernels !== undefined);
const deepSeek = findModelShape("deepseek-v3")!;
/** The largest number that a time may fall by, of rounding. */
const ROUNDING = 1 + 1e-9;

/** A layer in one step of some model on some number of GPUs. */
interface Setting {
  readonly machine: number;
  readonly phase: Phase;
  readonly transport: Transport;
  readonly numGpus: number;
  readonly tokens: number;
  readonly hiddenSize: number;
  readonly topK: number;
  /** Of the model, a multiple of 64. */
  readonly numExperts: number;
}

/** What experts chosen at random and again come to, all GPUs alike. */
function evenTraffic({ numGpus, topK, numExperts }: Setting, perGroup: number): LayerTraffic {
  const numTokens = 1e6;
  const visits = (numParts: number) =>
    new Float64Array(numParts).fill(numTokens * (1 - (1 - 1 / numParts) ** topK));
  const load = (numTokens * topK) / numGpus;
  const experts = new Array<number>(numExperts / numGpus).fill((numTokens * topK) / numExperts);
  return {
    numTokens,
    numChiplets: numGpus,
    chipletsPerGroup: perGroup,
    chipletLoad: new Float64Array(numGpus).fill(load),
    chipletTokens: visits(numGpus),
    groupTokens: visits(numGpus / perGroup),
    expertLoad: new Array<number[]>(numGpus).fill(experts),
  };
}

function timesOf(setting: Setting): { dispatch: number; experts: number; combine: number; inside: boolean } {
  const { machine, phase, transport, numGpus, tokens, hiddenSize } = setting;
  const hardware = withChiplets(machines[machine], { numChiplets: numGpus });
  const shape: ModelShape = { ...deepSeek, hiddenSize };
  const workload = createWorkload(
    { hardware, shape },
    { phase, transport, tokensPerChiplet: tokens, microBatches: 1 },
  );
  const perGroup = hardware.chipletsPerGroup;
  const timer = createGpuTimer({ hardware, shape }, { workload, tokens: tokens * numGpus });
  const { dispatchNs, expertsNs, combineNs } = timer!(evenTraffic(setting, perGroup));
  return {
    dispatch: dispatchNs[0],
    experts: expertsNs[0],
    combine: combineNs[0],
    inside: numGpus <= gpusWithoutNetwork(hardware),
  };
}

const settings = fc.record({
  machine: fc.nat({ max: machines.length - 1 }),
  phase: fc.constantFrom(...PHASES),
  transport: fc.constantFrom(...TRANSPORTS),
  numGpus: fc.constantFrom(4, 8, 16, 32, 64),
  tokens: fc.integer({ min: 1, max: 16_384 }),
  hiddenSize: fc.integer({ min: 8, max: 128 }).map((blocks) => 128 * blocks),
  topK: fc.integer({ min: 1, max: 16 }),
  numExperts: fc.integer({ min: 1, max: 8 }).map((blocks) => 64 * blocks),
});

/** Holds that no part of a layer takes less time after a change that makes more work. */
function neverFaster(
  change: (setting: Setting) => Setting,
  parts: readonly ("dispatch" | "experts" | "combine")[],
) {
  fc.assert(
    fc.property(settings, (setting) => {
      const [before, after] = [timesOf(setting), timesOf(change(setting))];
      for (const part of parts) expect(after[part], part).to.be.at.least(before[part] / ROUNDING);
    }),
    { seed: 7, numRuns: 400 },
  );
}

describe("times of GPUs far from what was measured", () => {
  it("never fall with more tokens, wider tokens or more experts a token", () => {
    const parts = ["dispatch", "experts", "combine"] as const;
    neverFaster((setting) => ({ ...setting, tokens: 2 * setting.tokens }), parts);
    neverFaster((setting) => ({ ...setting, hiddenSize: setting.hiddenSize + 1024 }), parts);
    neverFaster((setting) => ({ ...setting, topK: setting.topK + 1 }), parts);
  });

  it("never fall for a GPU that has twice as many experts for the same rows", () => {
    neverFaster((setting) => ({ ...setting, numExperts: 2 * setting.numExperts }), ["experts"]);
  });

  it("never fall for exchanges between twice as many GPUs, and never jump where all are in one fabric", () => {
    fc.assert(
      fc.property(settings, (setting) => {
        const numGpus = Math.min(32, setting.numGpus);
        const [few, many] = [numGpus, 2 * numGpus].map((gpus) => timesOf({ ...setting, numGpus: gpus }));
        for (const part of ["dispatch", "combine"] as const) {
          expect(many[part], part).to.be.at.least(few[part] / ROUNDING);
          if (many.inside && setting.transport !== "all-gather") {
            expect(many[part], part).to.be.at.most(2.5 * few[part]);
          }
        }
      }),
      { seed: 7, numRuns: 400 },
    );
  });
});
