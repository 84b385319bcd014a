/**
 * Published throughputs of whole deployments against the clock that every command prints: all layers of DeepSeek-V3 and
 * its head, tokens routed at random as its router limits them. Nothing is fitted to them.
 */
import { withChiplets } from "../lib/hardware/hardware.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { findHardware } from "../lib/hardware/presets.js";
import { outsideLayersNs } from "../lib/performance/outside-layers.js";
import { createWorkload, type WorkloadChoice } from "../lib/performance/workload.js";
import { countTraffic, type LayerTraffic } from "../lib/placement/traffic.js";
import { createRandom } from "../lib/random.js";
import { stepMakespanNs } from "../lib/schedule/schedule-step.js";
import { createRoutingTrace } from "../lib/trace/routing-trace.js";
import { collectPatterns } from "../lib/trace/token-patterns.js";

/** One published throughput. */
export interface StepCase {
  readonly source: string;
  readonly machine: string;
  readonly numGpus: number;
  /** Experts of a layer with their replicas. */
  readonly numSlots: number;
  readonly choice: WorkloadChoice & { readonly phase: "prefill" | "decode" };
  /** Measured, of one GPU. */
  readonly tokensPerSecond: number;
}

const prefill = (promptLength: number): StepCase["choice"] => ({
  phase: "prefill",
  tokensPerChiplet: 16384,
  promptLength,
  microBatches: 2,
});
const decode = (tokensPerChiplet: number, kvLength: number): StepCase["choice"] => ({
  phase: "decode",
  tokensPerChiplet,
  kvLength,
  microBatches: 2,
});

const SGLANG = "SGLang on 96 H100";
const sglang = { machine: "h100-8x8", numSlots: 288 };
const deepseek = { machine: "h800-8x8", numSlots: 288 };

/**
 * Sources: LMSYS, "Deploying DeepSeek with PD disaggregation and large-scale expert parallelism on 96 H100 GPUs" (2025-05) and
 * "Deploying DeepSeek on GB200 NVL72", part 2 (2025-09); deepseek-ai/profile-data; DeepSeek, "Inference system overview"
 * (2025-03). Most print tokens a second of a server of 8.
 */
export const stepCases: readonly StepCase[] = [
  {
    ...sglang,
    source: `${SGLANG}, prefill, prompts of 1024`,
    numGpus: 32,
    choice: prefill(1024),
    tokensPerSecond: 57674 / 8,
  },
  {
    ...sglang,
    source: `${SGLANG}, prefill, prompts of 2048`,
    numGpus: 32,
    choice: prefill(2048),
    tokensPerSecond: 54543 / 8,
  },
  {
    ...sglang,
    source: `${SGLANG}, prefill, prompts of 4096`,
    numGpus: 32,
    choice: prefill(4096),
    tokensPerSecond: 50302 / 8,
  },
  {
    ...sglang,
    source: `${SGLANG}, prefill, the same with perfect balance`,
    numGpus: 32,
    choice: prefill(4096),
    tokensPerSecond: 59337 / 8,
  },
  {
    ...deepseek,
    source: "DeepSeek profile, prefill, balanced",
    numGpus: 32,
    choice: prefill(4096),
    tokensPerSecond: 62713 / 8,
  },
  {
    ...sglang,
    source: `${SGLANG}, decode, after 2000 tokens`,
    numGpus: 72,
    choice: decode(256, 2000),
    tokensPerSecond: 22282 / 8,
  },
  {
    ...deepseek,
    source: "DeepSeek profile, decode",
    numGpus: 128,
    numSlots: 256,
    choice: decode(128, 4096),
    tokensPerSecond: 18598 / 8,
  },
  {
    ...deepseek,
    source: "DeepSeek blog, decode",
    numGpus: 144,
    choice: decode(128, 4989),
    tokensPerSecond: 14800 / 8,
  },
  {
    machine: "gb200-nvl72",
    source: "SGLang on GB200, decode, NVFP4",
    numGpus: 48,
    numSlots: 288,
    choice: { ...decode(1408, 2000), formats: { experts: "nvfp4", weights: "nvfp4", dispatch: "nvfp4" } },
    tokensPerSecond: 13386,
  },
];

const SAMPLE = 4096;
/** The router picks half of 8 groups of experts, then among those. */
const GROUPS = { all: 8, picked: 4 };

/** Tokens a second and GPU, as modelled. */
export function modelledThroughput({ machine, numGpus, numSlots, choice }: StepCase): number {
  const preset = findHardware(machine);
  const shape = findModelShape("deepseek-v3");
  if (preset === undefined || shape === undefined) throw new Error(`found no ${machine}`);
  const hardware = withChiplets(preset, { numChiplets: numGpus });
  const workload = createWorkload({ hardware, shape }, choice);
  const layer = routedTraffic({ numSlots, numGpus, topK: shape.topK, perGroup: hardware.chipletsPerGroup });
  const layers = new Array<LayerTraffic>(shape.numMoeLayers).fill(layer);
  const ns =
    stepMakespanNs(layers, { hardware, shape, workload }) + outsideLayersNs({ hardware, shape }, workload);
  return (1e9 * workload.tokensPerChiplet) / ns;
}

function routedTraffic(options: {
  numSlots: number;
  numGpus: number;
  topK: number;
  perGroup: number;
}): LayerTraffic {
  const { numSlots, numGpus, topK, perGroup } = options;
  const random = createRandom(1);
  const inGroup = numSlots / GROUPS.all;
  const groups = Array.from({ length: GROUPS.all }, (_, group) => group);
  const tokens = Array.from({ length: SAMPLE }, () => {
    const candidates = random
      .shuffle([...groups])
      .slice(0, GROUPS.picked)
      .flatMap((group) => Array.from({ length: inGroup }, (_, place) => group * inGroup + place));
    return random.shuffle(candidates).slice(0, topK);
  });
  const trace = createRoutingTrace({
    model: undefined,
    numExperts: numSlots,
    topK,
    layers: [{ layer: 0, numTokens: SAMPLE, experts: Uint16Array.from(tokens.flat()) }],
  });
  const slots = numSlots / numGpus;
  const chiplets = Array.from({ length: numGpus }, (_, gpu) =>
    Array.from({ length: slots }, (_, slot) => gpu * slots + slot),
  );
  return countTraffic(collectPatterns(trace.layers[0], trace), chiplets, { chipletsPerGroup: perGroup });
}
