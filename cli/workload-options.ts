import type { Command } from "commander";
import { InputError } from "../index.js";
import {
  NUMBER_FORMATS,
  PHASES,
  TRANSPORTS,
  type Formats,
  type NumberFormat,
  type Phase,
  type Transport,
  type Workload,
  type WorkloadChoice,
} from "../doors/hardware.js";
import { counted } from "../doors/report.js";
import { choiceOption, integerOption, numberOption } from "./options.js";

/** What a step is, wherever a time is told; undefined is as machine and model have it. */
export interface WorkloadOptions {
  readonly workload?: Phase;
  readonly tokens?: number;
  readonly promptLength?: number;
  readonly kvLength?: number;
  readonly microBatches?: number;
  readonly transport?: Transport;
  readonly numberFormat?: NumberFormat;
  readonly dispatchFormat?: NumberFormat;
  readonly combineFormat?: NumberFormat;
  readonly expertFormat?: NumberFormat;
  readonly attentionFormat?: NumberFormat;
  readonly weightFormat?: NumberFormat;
  readonly otherCompute?: number;
  readonly launch?: number;
}

/** So many are no launch: a quarter of an hour. */
const MOST_LAUNCH_US = 1e9;

/** Adds the options that say what a step is. */
export function addWorkloadOptions(command: Command): Command {
  const choice = (flags: string, description: string, choices: readonly string[], unlessTold: string) =>
    choiceOption(flags, description, choices).default(undefined, unlessTold);
  const format = (name: string, what: string) =>
    choice(`--${name}-format <name>`, `numbers of ${what}`, NUMBER_FORMATS, "as machine and model have it");
  const options = [
    choice("--workload <name>", "what a step does", PHASES, "train on wafers, prefill on GPUs"),
    choice("--transport <name>", "how copies travel", TRANSPORTS, "by machine and workload"),
    integerOption("--tokens <n>", "tokens of a chiplet (or GPU) in a step (default: by workload)", 1),
    integerOption(
      "--prompt-length <n>",
      "tokens of a prompt, or of a sequence in training (default: by workload)",
      1,
    ),
    integerOption("--kv-length <n>", "tokens that a decoded token attends to (default: 4096)", 1),
    integerOption("--micro-batches <n>", "micro-batches of a step (default: by workload)", 1),
    format("number", "everything but weights, unless told apart"),
    format("dispatch", "tokens on the way to experts"),
    format("combine", "results on the way back"),
    format("expert", "products of experts and projections"),
    format("attention", "attention, its keys and values"),
    format("weight", "expert weights, as they are stored"),
    numberOption("--other-compute <share>", "share of compute in other kernels (default: 0.25 on GPUs)", {
      above: 0,
      below: 1,
    }),
    numberOption("--launch <us>", "microseconds to launch the kernels of a layer (default: 30 on GPUs)", {
      above: 0,
      below: MOST_LAUNCH_US,
    }),
  ];
  command.optionsGroup("Step:");
  for (const option of options) command.addOption(option);
  return command;
}

/**
 * What the options choose of a workload.
 *
 * @throws InputError if an option is given that the workload has no use for.
 */
export function toWorkloadChoice(options: WorkloadOptions, phase: Phase | undefined): WorkloadChoice {
  if (options.kvLength !== undefined && phase !== "decode") {
    throw new InputError("--kv-length: found another workload than decode", "Maybe pass --workload decode.");
  }
  if (options.promptLength !== undefined && phase === "decode") {
    throw new InputError(
      "--prompt-length: found --workload decode, expected prefill or train",
      "Maybe pass --kv-length: how many tokens a decoded one attends to.",
    );
  }
  const { numberFormat } = options;
  const formats: { [K in keyof Formats]?: NumberFormat | undefined } = {
    dispatch: options.dispatchFormat ?? numberFormat,
    combine: options.combineFormat ?? numberFormat,
    experts: options.expertFormat ?? numberFormat,
    attention: options.attentionFormat ?? numberFormat,
    weights: options.weightFormat,
  };
  return known({
    phase,
    transport: options.transport,
    tokensPerChiplet: options.tokens,
    promptLength: options.promptLength,
    kvLength: options.kvLength,
    microBatches: options.microBatches,
    otherComputeShare: options.otherCompute,
    launchNs: options.launch === undefined ? undefined : 1000 * options.launch,
    formats: known(formats),
  }) as WorkloadChoice;
}

/** A workload in a line for people. */
export function describeWorkload(workload: Workload, numChiplets: number): string {
  const { phase, tokensPerChiplet, promptLength, kvLength, microBatches, transport, formats } = workload;
  const length = phase === "decode" ? `each after ${kvLength} others` : `in prompts of ${promptLength}`;
  const { dispatch, combine, experts, attention, weights } = formats;
  const stored = weights === undefined ? "" : `, weights ${weights}`;
  return (
    `${phase}: ${counted(Math.round(tokensPerChiplet * numChiplets), "token")} a step, ${+tokensPerChiplet.toFixed(1)} a chiplet, ` +
    `${length}, ${counted(microBatches, "micro-batch")}; ${transport}; ` +
    `dispatch ${dispatch}, combine ${combine}, experts ${experts}, attention ${attention}${stored}`
  );
}

function known<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
