/**
 * Published throughputs of whole deployments against the clock that every command prints: all layers of DeepSeek-V3 and
 * its head, tokens routed at random as its router limits them. Nothing is fitted to them.
 */
import type { WorkloadChoice } from "../lib/hardware/check-workload.js";
import { withChiplets } from "../lib/hardware/hardware.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { findHardware } from "../lib/hardware/presets.js";
import { outsideLayersNs } from "../lib/performance/outside-layers.js";
import { createWorkload, microBatchTokens } from "../lib/performance/workload.js";
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
  /** Whether tokens are of requests, or chosen at random as a balanced router would. */
  readonly requests: "real" | "balanced";
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
const sglang = { machine: "h100-8x8", numSlots: 288, requests: "real" } as const;
const deepseek = { machine: "h800-8x8", numSlots: 288, requests: "balanced" } as const;

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
    requests: "balanced",
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
    requests: "real",
    numGpus: 144,
    choice: decode(128, 4989),
    tokensPerSecond: 14800 / 8,
  },
  {
    machine: "gb200-nvl72",
    source: "SGLang on GB200, decode, NVFP4",
    numGpus: 48,
    numSlots: 288,
    requests: "real",
    choice: {
      ...decode(1408, 2000),
      microBatches: 1,
      formats: { experts: "nvfp4", weights: "nvfp4", dispatch: "nvfp4", attention: "fp8" },
    },
    tokensPerSecond: 13386,
  },
];

/** What a second micro-batch, whose kernels run beside those of the first, was published to be worth. */
export interface OverlapCase {
  readonly source: string;
  readonly without: StepCase;
  readonly with: StepCase;
  /** Share by which tokens a second grow, from and to. */
  readonly gain: readonly [least: number, most: number];
}

const unoverlapped = (found: StepCase, tokensPerChiplet = found.choice.tokensPerChiplet): StepCase => ({
  ...found,
  choice: { ...found.choice, microBatches: 1, ...(tokensPerChiplet !== undefined && { tokensPerChiplet }) },
});
const withTokens = (found: StepCase, tokensPerChiplet: number): StepCase => ({
  ...found,
  choice: { ...found.choice, tokensPerChiplet },
});
const [, , long, , , decoded] = stepCases;

/** Source: LMSYS as above, "Ablation study: two-batch overlap"; without one, 16384 tokens of prefill did not fit. */
export const overlapCases: readonly OverlapCase[] = [
  {
    source: `${SGLANG}, prefill, 8192 tokens a GPU`,
    without: unoverlapped(long, 8192),
    with: withTokens(long, 8192),
    gain: [0.27, 0.35],
  },
  {
    source: `${SGLANG}, prefill, 16384 tokens a GPU against 8192 without`,
    without: unoverlapped(long, 8192),
    with: long,
    gain: [0.405, 0.405],
  },
  {
    source: `${SGLANG}, decode, 256 tokens a GPU`,
    without: unoverlapped(decoded),
    with: decoded,
    gain: [0.255, 0.255],
  },
];

/** The router picks half of 8 groups of experts, then among those. */
const GROUPS = { all: 8, picked: 4 };
/** Tokens that are drawn at most: more than a batch of decode has, and loads of a GPU within 1 % of their mean. */
const MOST_TOKENS = 32_768;
/**
 * Spread of the loads of GPUs between batches of real requests, balanced by EPLB on 288 slots, as a share of the mean.
 *
 * Source: NVIDIA TensorRT-LLM, tech blog 4, table 1 (DeepSeek-R1 on 32 GPUs): a standard deviation of 52.0 for a mean of 1024 rows,
 * the hottest GPU 10.9 % above it. Of that, chance alone explains a variance of 1024.
 */
const REAL_SPREAD = Math.sqrt((52.0 / 1024) ** 2 - 1 / 1024);

/** Tokens a second and GPU, as modelled. */
export function modelledThroughput({ machine, numGpus, numSlots, requests, choice }: StepCase): number {
  const preset = findHardware(machine);
  const shape = findModelShape("deepseek-v3");
  if (preset === undefined || shape === undefined) throw new Error(`found no ${machine}`);
  const hardware = withChiplets(preset, { numChiplets: numGpus });
  const workload = createWorkload({ hardware, shape }, choice);
  const layer = routedTraffic({
    numTokens: Math.min(MOST_TOKENS, microBatchTokens(workload, hardware)),
    numSlots,
    numGpus,
    topK: shape.topK,
    perGroup: hardware.chipletsPerGroup,
    spread: requests === "real" ? REAL_SPREAD : 0,
  });
  const layers = new Array<LayerTraffic>(shape.numMoeLayers).fill(layer);
  const ns =
    stepMakespanNs(layers, { hardware, shape, workload }) + outsideLayersNs({ hardware, shape }, workload);
  return (1e9 * workload.tokensPerChiplet) / ns;
}

/** A batch as the router limits it; the slots of a GPU are as popular as each other, GPUs differ by the spread. */
function routedTraffic(options: {
  numTokens: number;
  numSlots: number;
  numGpus: number;
  topK: number;
  perGroup: number;
  spread: number;
}): LayerTraffic {
  const { numTokens, numSlots, numGpus, topK, perGroup, spread } = options;
  const random = createRandom(1);
  const inGroup = numSlots / GROUPS.all;
  const slots = numSlots / numGpus;
  const popularity = Array.from({ length: numGpus }, () => Math.max(0, 1 + spread * random.normal()));
  const groups = Array.from({ length: GROUPS.all }, (_, group) => group);
  const experts = new Uint16Array(numTokens * topK);
  for (let token = 0; token < numTokens; token++) {
    // The first to ring of alarms at random times: each as likely as it is popular.
    const chosen = random
      .shuffle([...groups])
      .slice(0, GROUPS.picked)
      .flatMap((group) => Array.from({ length: inGroup }, (_, place) => group * inGroup + place))
      .map((slot) => ({
        slot,
        time: -Math.log(1 - random.next()) / popularity[Math.floor(slot / slots)],
      }))
      .sort((left, right) => left.time - right.time);
    for (let choice = 0; choice < topK; choice++) experts[token * topK + choice] = chosen[choice].slot;
  }
  const trace = createRoutingTrace({
    model: undefined,
    numExperts: numSlots,
    topK,
    layers: [{ layer: 0, numTokens, experts }],
  });
  const chiplets = Array.from({ length: numGpus }, (_, gpu) =>
    Array.from({ length: slots }, (_, slot) => gpu * slots + slot),
  );
  return countTraffic(collectPatterns(trace.layers[0], trace), chiplets, { chipletsPerGroup: perGroup });
}
