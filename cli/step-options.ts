import type { Command, Option } from "commander";
import { InputError } from "../index.js";
import type { Workload } from "../doors/hardware.js";
import {
  priorityRules,
  STEP_CONFIGURATIONS,
  type ConfigurationName,
  type PriorityRule,
  type ScheduleOptions,
} from "../doors/schedule.js";
import { choiceOption, integerOption, numberOption } from "./options.js";
import { withValues } from "./option-values.js";
import type { WorkloadOptions } from "./workload-options.js";

/** How a step is scheduled, besides what it is. */
export interface StepOptions extends WorkloadOptions {
  readonly configuration: ConfigurationName;
  readonly chunks?: number | "best";
  readonly rule?: PriorityRule | "best";
  readonly forwardOnly?: boolean;
  readonly sequences?: number;
  readonly sequenceLength?: number;
  readonly optimiserBytes: number;
}

/** What {@link StepOptions} are for the schedulers. */
export function toScheduleOptions(options: StepOptions): Omit<ScheduleOptions, "hardware" | "shape"> {
  const configuration = STEP_CONFIGURATIONS[options.configuration];
  const { overlap } = configuration;
  const { chunks } = options;
  return {
    configuration: {
      ...configuration,
      overlap: typeof chunks === "number" ? { ...overlap, chunks } : overlap,
    },
    ...(options.rule && { rule: options.rule }),
    optimiserBytesPerWeight: options.optimiserBytes,
  };
}

/**
 * The workload with the sequences that the options give instead of tokens.
 *
 * @throws InputError if both are given.
 */
export function withSequences(workload: Workload, options: StepOptions, numChiplets: number): Workload {
  const { sequences, sequenceLength = workload.promptLength, forwardOnly } = options;
  const phase = forwardOnly && workload.phase === "train" ? "prefill" : workload.phase;
  if (sequences !== undefined && options.tokens !== undefined) {
    throw new InputError("--sequences: found --tokens too, expected one of them");
  }
  // Other lengths leave the number of sequences as it is, unless tokens are given.
  const given = (workload.tokensPerChiplet / workload.promptLength) * sequenceLength;
  const scaled = options.tokens === undefined ? given : workload.tokensPerChiplet;
  const tokensPerChiplet =
    sequences === undefined ? scaled : (sequences * sequenceLength * workload.microBatches) / numChiplets;
  return { ...workload, phase, promptLength: sequenceLength, tokensPerChiplet };
}

export function addStepOptions(command: Command): Command {
  const options = [
    choiceOption("--configuration <name>", "how the step is run", [
      "chunked",
      ...Object.keys(STEP_CONFIGURATIONS).filter((name) => name !== "chunked"),
    ]),
    chunksOption(),
    ruleOption(),
    integerOption("--sequences <n>", "sequences (or prompts) of a micro-batch, instead of --tokens", 1),
    integerOption("--sequence-length <n>", "tokens of a sequence, in as many sequences", 1),
    numberOption(
      "--optimiser-bytes <n>",
      "bytes of optimiser state that travel with every weight; Adam takes 12",
      { above: 0 },
    ).default(0),
  ];
  command.optionsGroup("Schedule:").option("--forward-only", "leave out the backward pass");
  for (const option of options) command.addOption(option);
  return command;
}

function ruleOption(): Option {
  const rules = [...priorityRules, "best"];
  const description = "how free resources choose (default: as for every time that is shown)";
  return choiceOption("--rule <name>", description, rules).default(undefined);
}

function chunksOption(): Option {
  const option = integerOption(
    "--chunks <n|best>",
    "pieces of a micro-batch that overlap, or best to try several numbers (default: as the configuration has it)",
    1,
  );
  const parse = option.parseArg?.bind(option);
  return withValues(option, {
    anyOf: [{ type: "integer", minimum: 1 }, { const: "best" }],
  }).argParser((value, previous) => (value === "best" ? value : parse?.(value, previous)));
}
