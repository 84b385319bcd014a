/** The Mozart paper's experiments as the model sees them: its figures, its machines, its tokens. */
import type { Constant, Hardware } from "../hardware/hardware.js";
import { findHardware } from "../hardware/presets.js";
import { findModelShape, type ModelShape } from "../hardware/model-shapes.js";
import { paperWorkload } from "../performance/workload.js";
import { uniformReplication } from "../placement/cost.js";
import type { LayerTraffic } from "../placement/traffic.js";
import {
  scheduleStep,
  STEP_CONFIGURATIONS,
  sweepChunks,
  type StepSchedule,
} from "../schedule/schedule-step.js";

/** Configurations of the paper, in its order. */
export const PAPER_RUNS = ["baseline", "A", "B", "C"] as const;
export type PaperRun = (typeof PAPER_RUNS)[number];

/** One model of the paper with its printed figures. Source: Mozart (arXiv:2603.07006), section 5. */
export interface PaperModel {
  readonly hardware: string;
  readonly shape: ModelShape;
  /** C_T of each run. */
  readonly tokenReplication: Record<PaperRun, number>;
  /** Speed-up over the baseline, sequence 256, HBM2. */
  readonly speedup: Record<PaperRun, number>;
}

export const paperModels: readonly PaperModel[] = [
  {
    hardware: "mozart-qwen3",
    shape: shapeOf("qwen3-30b-a3b"),
    tokenReplication: { baseline: 8, A: 8, B: 6.58, C: 5.77 },
    speedup: { baseline: 1, A: 1.33, B: 1.69, C: 1.92 },
  },
  {
    hardware: "mozart-olmoe",
    shape: shapeOf("olmoe-1b-7b"),
    tokenReplication: { baseline: 8, A: 8, B: 6.84, C: 5.63 },
    speedup: { baseline: 1, A: 1.58, B: 2.05, C: 2.37 },
  },
  {
    hardware: "mozart-deepseek",
    shape: shapeOf("deepseek-moe-16b"),
    tokenReplication: { baseline: 6, A: 6, B: 5.56, C: 4.32 },
    speedup: { baseline: 1, A: 1.49, B: 1.79, C: 2.17 },
  },
];

/** Seconds of the Qwen3 baseline by sequence length. */
export const paperSeconds = [
  { sequenceLength: 128, hbm2: 3.88, ssd: 7.61 },
  { sequenceLength: 256, hbm2: 4.87, ssd: 9.17 },
  { sequenceLength: 512, hbm2: 7.65, ssd: 13.03 },
];

/** Speed-up of Mozart-C over the baseline on Qwen3, HBM2, by sequence length. */
export const paperSequences = [
  { sequenceLength: 128, speedup: 1.47 },
  { sequenceLength: 512, speedup: 2.34 },
];

/**
 * C_G with the paper's placement over that of the default one; not printed.
 *
 * Measured: mean over the four ESFT traces of the quotient that solvers mozart and contiguous reach, whole traces.
 */
export const GROUP_REPLICATION_OF_C = 0.887;

/** What a step is run on and with. */
export interface PaperStep {
  readonly model: PaperModel;
  readonly hardware: Hardware;
  readonly run: PaperRun;
  /** Default 256. */
  readonly sequenceLength?: number;
  /** C_T, where it is not the paper's. */
  readonly tokenReplication?: number;
  /** C_G over that of the run; default 1. */
  readonly groupQuotient?: number;
}

/** Schedule of a training step, run the paper's way. */
export function stepSchedule(step: PaperStep): StepSchedule {
  return scheduleStep(paperLayers(step), {
    ...paperOptions(step),
    configuration: STEP_CONFIGURATIONS[step.run],
  });
}

/** Seconds that a training step takes by its list schedule. */
export function stepSeconds(step: PaperStep): number {
  return stepSchedule(step).makespanNs / 1e9;
}

/** The same with the chunked schedule, and the best number of chunks. */
export function chunkedSeconds(step: PaperStep): { seconds: number; chunks: number } {
  const { best, chunks } = sweepChunks(paperLayers(step), paperOptions(step), [1, 2, 4]);
  return { seconds: best.makespanNs / 1e9, chunks };
}

function paperLayers(step: PaperStep): LayerTraffic[] {
  return new Array<LayerTraffic>(step.model.shape.numMoeLayers).fill(paperTraffic(step));
}

function paperOptions({ model, hardware, sequenceLength = 256 }: PaperStep) {
  const { tokensPerChiplet } = paperWorkload(hardware);
  // As many sequences, longer or shorter.
  const workload = paperWorkload(hardware, {
    promptLength: sequenceLength,
    tokensPerChiplet: (tokensPerChiplet * sequenceLength) / 256,
  });
  return { hardware, shape: model.shape, workload };
}

/**
 * Traffic with a given C_T, evenly spread: every chiplet is visited by the same number of tokens and has the same load.
 *
 * C_G of the default placement is that of random tokens, which C_T of the paper's B is too.
 */
function paperTraffic({
  model,
  hardware,
  run,
  tokenReplication,
  groupQuotient = 1,
}: PaperStep): LayerTraffic {
  const { numGroups, chipletsPerGroup } = hardware;
  const { numExperts, topK } = model.shape;
  const numChiplets = numGroups * chipletsPerGroup;
  const numTokens = 2048;
  const even = (total: number, parts: number) => new Float64Array(parts).fill((numTokens * total) / parts);
  const randomGroups = uniformReplication({ numExperts, topK, numBlocks: numGroups });
  const groupReplication = run === "C" ? GROUP_REPLICATION_OF_C * randomGroups : randomGroups;
  const perExpert = new Array<number>(numExperts / numChiplets).fill((numTokens * topK) / numExperts);
  return {
    numTokens,
    numChiplets,
    chipletsPerGroup,
    chipletLoad: even(topK, numChiplets),
    chipletTokens: even(tokenReplication ?? model.tokenReplication[run], numChiplets),
    groupTokens: even(groupReplication * groupQuotient, numGroups),
    expertLoad: new Array<readonly number[]>(numChiplets).fill(perExpert),
  };
}

/** The same machine with SSDs in the place of its DRAM stacks. */
export function withSsd(hardware: Hardware): Hardware {
  const ssd = (value: number): Constant => ({
    value,
    source: "Mozart, section 5: SSD variant",
    trust: "printed",
  });
  return {
    ...hardware,
    memory: { ...hardware.memory, bytesPerNs: ssd(15.8) },
    rootMemory: { ...hardware.rootMemory, bytesPerNs: ssd(2 * 15.8) },
  };
}

/** The constants that a machine of the paper can have: fitted to its seconds, to its gains from fewer copies, or as printed. */
export const PAPER_VARIANTS = ["calibrated", "copies", "printed"] as const;
export type PaperVariant = (typeof PAPER_VARIANTS)[number];

/** A machine of the paper with one kind of constants. */
export function machineOf(model: PaperModel, variant: PaperVariant): Hardware {
  return hardwareOf(variant === "printed" ? model.hardware : `${model.hardware}-${variant}`);
}

function hardwareOf(name: string): Hardware {
  const hardware = findHardware(name);
  if (hardware === undefined) throw new Error(`no preset ${name}`);
  return hardware;
}

function shapeOf(name: string): ModelShape {
  const shape = findModelShape(name);
  if (shape === undefined) throw new Error(`no model ${name}`);
  return shape;
}
