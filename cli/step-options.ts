import type { Command, Option } from "commander";
import {
  DEFAULT_BATCH,
  priorityRules,
  STEP_CONFIGURATIONS,
  type Batch,
  type PriorityRule,
  type ScheduleOptions,
} from "../index.js";
import { choiceOption, integerOption, numberOption } from "./options.js";

/** How a step is run, and of what size it is. */
export interface StepOptions {
  readonly configuration: keyof typeof STEP_CONFIGURATIONS;
  readonly chunks?: number | "best";
  readonly rule: PriorityRule | "best";
  readonly forwardOnly?: boolean;
  readonly sequences: number;
  readonly sequenceLength: number;
  readonly microBatches: number;
  readonly numberFormat: Batch["format"];
  readonly optimiserBytes: number;
}

/** What {@link StepOptions} are for the schedulers. */
export function toScheduleOptions(options: StepOptions): Omit<ScheduleOptions, "hardware" | "shape"> {
  const { overlap, transport } = STEP_CONFIGURATIONS[options.configuration];
  const { chunks } = options;
  return {
    batch: {
      numSequences: options.sequences,
      sequenceLength: options.sequenceLength,
      numMicroBatches: options.microBatches,
      format: options.numberFormat,
    },
    configuration: {
      overlap: typeof chunks === "number" ? { ...overlap, chunks } : overlap,
      transport,
    },
    training: !options.forwardOnly,
    rule: options.rule,
    optimiserBytesPerWeight: options.optimiserBytes,
  };
}

export function addStepOptions(command: Command): Command {
  const { numSequences, sequenceLength, numMicroBatches } = DEFAULT_BATCH;
  const options = [
    choiceOption("--configuration <name>", "how the step is run", [
      "chunked",
      ...Object.keys(STEP_CONFIGURATIONS).filter((name) => name !== "chunked"),
    ]),
    chunksOption(),
    choiceOption("--rule <name>", "how free resources choose", [...priorityRules, "best"]),
    integerOption("--sequences <n>", "sequences of a micro-batch", 1).default(numSequences),
    integerOption("--sequence-length <n>", "tokens of a sequence", 1).default(sequenceLength),
    integerOption("--micro-batches <n>", "micro-batches of a step", 1).default(numMicroBatches),
    choiceOption("--number-format <name>", "numbers that are computed with", ["fp16", "bf16", "fp8"]),
    numberOption(
      "--optimiser-bytes <n>",
      "bytes of optimiser state that travel with every weight; Adam takes 12",
      { above: 0 },
    ).default(0),
  ];
  command.optionsGroup("Step:").option("--forward-only", "leave out the backward pass");
  for (const option of options) command.addOption(option);
  return command;
}

function chunksOption(): Option {
  const number = integerOption(
    "--chunks <n|best>",
    "pieces of a micro-batch that overlap, or best to try several numbers (default: as the configuration has it)",
    1,
  );
  const { parseArg } = number;
  return number.argParser((value, previous) => (value === "best" ? value : parseArg?.(value, previous)));
}
