import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import type { Workload } from "../hardware/workload.js";
import { createWorkload } from "./workload.js";

/** Windows of consecutive tokens, each a batch. */
export interface BatchWindows {
  /** Tokens of a batch. */
  readonly tokens: number;
  /** Tokens of a step of the workload; more than `tokens` where the trace is too short for some batches of them. */
  readonly stepTokens: number;
  /** First token of every batch. */
  readonly starts: readonly number[];
}

/** Whose steps are cut out of a trace. */
interface SteppedMachine {
  readonly hardware: Hardware;
  readonly shape?: ModelShape | undefined;
  readonly workload?: Workload | undefined;
}

/** Batches as large as a step that a trace has to have. */
const FEWEST = 4;
/** Smaller ones that a trace is cut into where it has not: few, because the fewer tokens the less they are like a step. */
const OF_SHORT = 8;
/** Batches that are measured: each is scheduled, some milliseconds a layer. One in 20 is above 95 %. */
const MOST_MEASURED = 20;

/**
 * Cuts a trace into windows of consecutive tokens as large as a step of the workload, of all chiplets together; of a trace
 * too short for that, into smaller ones, which are less even.
 *
 * @param most Windows, evenly spread over the trace.
 *
 * @example
 * const hardware = findHardware("mozart-qwen3");
 * const workload = createWorkload({ hardware }, { tokensPerChiplet: 8 });
 * batchWindows(8192, { hardware, workload }).tokens; // 128, of 16 chiplets
 */
export function batchWindows(
  numTokens: number,
  { hardware, shape, workload = createWorkload({ hardware, shape }) }: SteppedMachine,
  most = MOST_MEASURED,
): BatchWindows {
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const stepTokens = Math.max(1, Math.round(workload.tokensPerChiplet * numChiplets));
  const isLong = numTokens >= FEWEST * stepTokens;
  const tokens = isLong ? stepTokens : Math.max(1, Math.floor(numTokens / OF_SHORT));
  const numWindows = Math.floor(numTokens / tokens);
  const count = Math.min(most, numWindows);
  const starts = Array.from(
    { length: count },
    (_, batch) => tokens * Math.floor((batch * numWindows) / count),
  );
  return { tokens, stepTokens, starts };
}

/**
 * Tokens of the batches that a placement is searched for on: those of a step; undefined where a trace is too short for some steps, and
 * all tokens stand for one.
 */
export function searchedBatch(numTokens: number, machine: SteppedMachine): number | undefined {
  const { tokens, stepTokens } = batchWindows(numTokens, machine);
  return tokens < stepTokens ? undefined : tokens;
}
