import { type Command, Option } from "commander";
import { InputError } from "../index.js";
import { unknownName } from "../doors/problem.js";
import type { Placement } from "../doors/placement.js";
import { DISPATCH_MODELS, type DispatchModel } from "../doors/problem.js";
import { withValues } from "./option-values.js";
import type { OutputOptions } from "./output-file.js";
import type { TerminalOptions } from "./terminal.js";

/** Adds `--json` and `--quiet`, which every command has. */
export function addTerminalOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--json", "print one JSON document on stdout and nothing else there")
    .option("--quiet", "print no notes and no progress on stderr");
}

/** Adds `--json`, `--csv` and `--quiet`, for commands that print a table. */
export function addTableOptions(command: Command): Command {
  return addTerminalOptions(command).option("--csv", "print comma-separated values instead of the table");
}

/** Adds `--force` for commands that write files. */
export function addForceOption(
  command: Command,
  description = "overwrite files that are there already",
): Command {
  return command.option("--force", description);
}

/** Options that say how the ids in trace files are to be understood. */
export interface TraceOptions {
  readonly preset?: string;
  readonly keepWarmup?: boolean;
  readonly firstExpert?: number;
  readonly layerOffset?: number;
  readonly experts?: number;
  readonly topK?: number;
  readonly numLayers?: number;
  readonly maxTokens?: number;
  readonly maxExperts?: number;
  readonly maxLayers?: number;
  readonly maxTopK?: number;
  /** Numbers of the layers to read on with; all by default. */
  readonly layers?: readonly number[];
  readonly padding?: number | "none";
  readonly dropExpert?: readonly number[];
  readonly sharedExperts?: number;
  readonly placement?: string;
  readonly as?: "tokens" | "loads";
}

export function addTraceOptions(command: Command): Command {
  return command
    .optionsGroup("Trace:")
    .addOption(layersOption())
    .option("--keep-warmup", "keep runs of 20 or more identical rows, which are an engine's warm-up")
    .addOption(integerOption("--first-expert <n>", "number of the first expert in the files (default: 0)"))
    .addOption(integerOption("--layer-offset <n>", "added to every layer number in the files", -65536))
    .addOption(integerOption("--experts <n>", "experts of a layer, where the files do not say", 1))
    .addOption(integerOption("--top-k <n>", "experts of a token, where the files do not say", 1))
    .addOption(
      integerOption("--num-layers <n>", "layers of the model, dense ones too, where the files do not say", 1),
    )
    .addOption(
      integerOption(
        "--max-tokens <n>",
        "most tokens to keep of every layer, sampled evenly (default: as fit)",
        64,
      ),
    )
    .addOption(integerOption("--max-experts <n>", "most experts that files are believed (default: 4096)", 1))
    .addOption(integerOption("--max-layers <n>", "most layers that files are believed (default: 1024)", 1))
    .addOption(integerOption("--max-top-k <n>", "most experts of a token (default: 64)", 1))
    .option(
      "--placement <file>",
      "placement that ran while slots were recorded, which it maps back to experts",
    )
    .addOption(paddingOption())
    .addOption(dropExpertOption())
    .addOption(
      integerOption(
        "--shared-experts <n>",
        "shared experts to place like others: each in a slot, for all tokens",
        1,
      ),
    )
    .addOption(asOption());
}

function asOption(): Option {
  const option = new Option("--as <tokens|loads>", "what numbers without names are, where they may be both");
  return option.argParser((value) => {
    if (value === "tokens" || value === "loads") return value;
    throw new InputError(`--as: found ${value}, expected tokens or loads`);
  });
}

function paddingOption(): Option {
  const option = new Option(
    "--padding <id>",
    "id that stands for no expert, or none (default: -1, 65535, and 255 where it can be no expert)",
  );
  return option.argParser((value) => {
    if (value === "none") return value;
    if (/^\d{1,5}$/.test(value)) return Number(value);
    throw new InputError(`--padding: found ${value}, expected an id or none`);
  });
}

/** Ids and ranges of ids; the option may be given more than once. */
function dropExpertOption(): Option {
  const option = new Option(
    "--drop-expert <ids>",
    "ids to leave out of every token, such as 64 or 512-767: shared experts, experts that do nothing",
  );
  return option.argParser((value, before?: readonly number[]) => {
    const ids = value.split(",").flatMap((part) => {
      const [from, to = from] = /^\d{1,5}(-\d{1,5})?$/.test(part) ? part.split("-").map(Number) : [0, -1];
      if (from > to)
        throw new InputError(`--drop-expert: found ${value}, expected ids such as 64 or 512-767`);
      return Array.from({ length: to - from + 1 }, (_, index) => from + index);
    });
    return [...(before ?? []), ...ids];
  });
}

function layersOption(): Option {
  return new Option("--layers <list>", "these layers only, e.g. 3,9-12 (default: all)").argParser((text) => {
    const layers = text.split(",").flatMap((part) => {
      const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
      const length = Number(last) - Number(first) + 1;
      if (!(length >= 1 && length <= 65536)) {
        throw new InputError(`--layers: found ${text}, expected numbers and ranges, e.g. 3,9-12`);
      }
      return Array.from({ length }, (_, index) => Number(first) + index);
    });
    return [...new Set(layers)];
  });
}

/** Which layers of the model are MoE layers, where files of engines have to know. */
export interface ModelLayerOptions {
  readonly numHiddenLayers?: number;
  readonly firstMoeLayer?: number;
  readonly moeLayerStep?: number;
}

export function addModelLayerOptions(command: Command): Command {
  return command
    .optionsGroup("Model:")
    .addOption(
      integerOption("--num-hidden-layers <n>", "decoder layers of the model, dense ones included", 1),
    )
    .addOption(integerOption("--first-moe-layer <n>", "first layer with experts, counted from 0"))
    .addOption(integerOption("--moe-layer-step <n>", "from one MoE layer to the next (default: 1)", 1));
}

/** Options of every command that writes files. */
export type FileCommandOptions = TerminalOptions & OutputOptions;

/** The share of tokens to judge on, the last of every file, as placing holds it out. */
export function addHoldoutOption(command: Command, verb: string): Command {
  const says = `${verb} this last share of every trace file only`;
  return command.addOption(numberOption("--holdout <share>", says, { above: 0, below: 1 }).default(0));
}

/** Adds `--dispatch` for commands that say how tokens choose among the replicas of an expert. */
export function addDispatchOption(command: Command, unlessTold: string): Command {
  const option = choiceOption(
    "--dispatch <name>",
    "which replica of an expert a token uses, the nearest to the others or any with equal chance",
    DISPATCH_MODELS,
  );
  return command.addOption(option.default(undefined, unlessTold));
}

/** A placement whose tokens choose among replicas as `--dispatch` says, or else as the placement itself says. */
export function withDispatch(placement: Placement, options: { dispatch?: DispatchModel }): Placement {
  return options.dispatch === undefined ? placement : { ...placement, dispatch: options.dispatch };
}

/** Adds `--ranks`, for commands that read files of engines: `--chiplets` is the machine's size, in every command. */
export function addRanksOption(
  command: Command,
  description = "EP ranks (chiplets) of an engine's file that does not say",
): Command {
  return command.addOption(integerOption("--ranks <n>", description, 1));
}

/** What is counted is never more. */
const MOST_COUNTED = 2 ** 31 - 1;
/** What is measured is less: products of two are far from what numbers can be. */
const MOST_MEASURED = 1e15;

/** An option that takes an integer of at least `min`, and at most `max`. */
export function integerOption(flags: string, description: string, min = 0, max = MOST_COUNTED): Option {
  const option = withValues(new Option(flags, description), { type: "integer", minimum: min });
  return option.argParser((value) => {
    const number = Number(value);
    const isAbove = number > max;
    if (Number.isInteger(number) && number >= min && !isAbove && value.trim() !== "") return number;
    const expected = isAbove ? `an integer from ${min} to ${max}` : `an integer of at least ${min}`;
    throw new InputError(`${option.long}: found ${value}, expected ${expected}`);
  });
}

/** An option that takes a number in a half-open range. */
export function numberOption(
  flags: string,
  description: string,
  { above, below = MOST_MEASURED, isOpen = false }: { above: number; below?: number; isOpen?: boolean },
): Option {
  const range = {
    [isOpen ? "exclusiveMinimum" : "minimum"]: above,
    ...(below !== MOST_MEASURED && { exclusiveMaximum: below }),
  };
  const option = withValues(new Option(flags, description), { type: "number", ...range });
  return option.argParser((value) => {
    const number = Number(value);
    if ((isOpen ? number > above : number >= above) && number < below && value.trim() !== "") return number;
    const least = isOpen ? `a number above ${above}` : `a number from ${above} on`;
    const isLess = below === MOST_MEASURED && !(number >= below);
    const expected = isLess ? least : `a number in ${isOpen ? "(" : "["}${above}, ${below})`;
    throw new InputError(`${option.long}: found ${value}, expected ${expected}`);
  });
}

/** An option that takes one of a few words, the first unless told otherwise. */
export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  const option = new Option(flags, `${description}: ${choices.join(", ")}`).default(choices[0]);
  return withValues(option, { enum: choices }).argParser((value) => {
    if (choices.includes(value)) return value;
    throw unknownName(`${option.long}`, { found: value, known: choices });
  });
}
