import { Option, type Command } from "commander";
import { InputError } from "../index.js";
import { chooseObjective, provenanceOf, searchedBatch, type PlacementRequest } from "../doors/flows.js";
import { formatLayers, type Placement, type Provenance } from "../doors/placement.js";
import { numberingOf, type AskedNumbering, type DispatchModel } from "../doors/problem.js";
import { counted } from "../doors/report.js";
import {
  minimisedBySolver,
  requireSolver,
  solvers,
  type BackendName,
  type Solver,
} from "../doors/solvers.js";
import type { LoadTrace, RoutingTrace } from "../doors/traces.js";
import { limitOptions, limitsOf } from "./limit-options.js";
import type { Machine } from "./machine.js";
import { addQueueOption } from "./solver-runner.js";
import { addDispatchOption, choiceOption, integerOption, numberOption } from "./options.js";

/** What is minimised: C_T, the largest chiplet load, or the modelled time of a layer. */
export type Objective = (typeof OBJECTIVES)[number];

export const OBJECTIVES = ["traffic", "balance", "time"] as const;
const BACKENDS: readonly BackendName[] = ["highs", "javascript-lp-solver"];

/** Options of the commands that run solvers. */
export interface SolveOptions extends AskedNumbering {
  /** Default as `chooseObjective` has it for machine and model. */
  readonly objective?: Objective;
  readonly holdout: number;
  readonly slots?: number;
  /** `auto` is for the command to choose before it places. */
  readonly replicas?: number | "auto";
  readonly slotsPerChiplet?: number;
  readonly replicaBudget?: number;
  /** What layers got of the budget, once it is spent. */
  readonly layerReplicas?: ReadonlyMap<number, number> | undefined;
  readonly dispatch?: DispatchModel;
  /** The placement that runs now, whose objective is kept. */
  readonly running?: Placement | undefined;
  readonly pin: readonly { expert: number; chiplet: number }[];
  readonly apart: readonly (readonly number[])[];
  readonly seed: number;
  readonly threads?: number;
  readonly timeLimit?: number;
  readonly checkpoint?: string;
  readonly queue?: string;
  readonly columnsBackend: BackendName;
  readonly groupsBackend: BackendName;
}

/** What commands place by that have none of these options. */
export const SOLVE_DEFAULTS = {
  pin: [],
  apart: [],
  seed: 1,
  columnsBackend: "highs",
  groupsBackend: "highs",
} as const satisfies Partial<SolveOptions>;

/**
 * @param defaults.holdout Share of each trace file to hold out unless told otherwise.
 * @param defaults.choosesReplicas Whether the command tries several numbers of replicas for `auto`; default it does not.
 */
export function addSolveOptions(
  command: Command,
  defaults: { holdout: number; choosesReplicas?: boolean },
): Command {
  const options = [
    choiceOption(
      "--objective <name>",
      "what to minimise: C_T, the largest load, or modelled time",
      OBJECTIVES,
    ).default(undefined, "time where the model's sizes are known, else traffic"),
    numberOption("--holdout <share>", "last share of every trace file to judge on, not to learn from", {
      above: 0,
      below: 1,
    }).default(defaults.holdout),
    integerOption("--slots <n>", "experts on a chiplet (default: experts / chiplets, rounded up)", 1),
    replicasOption(defaults.choosesReplicas),
    integerOption(
      "--slots-per-chiplet <n>",
      "fill so many slots of every chiplet, with replicas, in place of --replicas",
      1,
    ),
    ...limitOptions,
    listOption("--pin <expert:chiplet>", "keep an expert on this chiplet; may be repeated", parsePin),
    listOption("--apart <experts>", "let no two of these experts share a chiplet, e.g. 4,9", parseApart),
    integerOption("--router-groups <n>", "keep the router's groups of experts whole, for renumbering", 1),
    new Option("--even-slots", "as many experts on every chiplet, or one more on each of the first"),
    integerOption("--seed <n>", "seed of everything random", 0, Number.MAX_SAFE_INTEGER).default(1),
    integerOption("--threads <n>", "worker threads, a layer each (default: one a core)", 1),
    numberOption("--time-limit <seconds>", "stop solvers after this time, all layers together", {
      above: 0,
      isOpen: true,
    }),
    new Option(
      "--checkpoint <file>",
      "keep finished layers there, and go on from them where a run was killed",
    ),
    choiceOption("--columns-backend <name>", "MILP solver that chooses columns", BACKENDS),
    choiceOption("--groups-backend <name>", "MILP solver that assigns chiplet groups", BACKENDS),
  ];
  command.optionsGroup("Placement:");
  for (const option of options) command.addOption(option);
  addQueueOption(command);
  return addDispatchOption(command, "uniform on GPUs, else nearest");
}

/**
 * What the options ask of a placement. `--slots` is room and no more; slots of `--slots-per-chiplet` are there to be filled.
 *
 * @throws InputError if both are given, or replicas beside slots that tell how many there are.
 */
export function requestOf(options: SolveOptions): PlacementRequest {
  const { slots, slotsPerChiplet, replicas } = options;
  if (replicas === "auto") {
    throw new InputError(
      "--replicas: found auto, expected a number",
      "Maybe let place choose: it tries several with --replicas auto.",
    );
  }
  if (slots !== undefined && slotsPerChiplet !== undefined) {
    throw new InputError(
      "--slots-per-chiplet: found --slots too, expected one of them",
      "Maybe keep --slots for room alone, and --slots-per-chiplet for slots to fill with replicas.",
    );
  }
  if (slotsPerChiplet !== undefined && replicas !== undefined) {
    throw new InputError(
      "--slots-per-chiplet: found --replicas too, expected one of them",
      "Maybe keep --replicas, and pass --slots for the room on a chiplet.",
    );
  }
  return {
    objective: options.objective === "balance" ? "load" : options.objective,
    slotsPerChiplet: slotsPerChiplet ?? slots,
    numReplicas: replicas ?? (slotsPerChiplet === undefined ? 0 : "fill"),
    layerReplicas: options.layerReplicas,
    dispatch: options.dispatch,
    ...limitsOf(options),
    pins: options.pin,
    antiAffinity: options.apart,
    ...numberingOf(options),
  };
}

/**
 * The options with the objective that they come to, and a line that says which and why.
 *
 * @param solvers Names of the solvers that were chosen, if any were.
 */
export function withObjective<T extends SolveOptions>(
  options: T,
  { shape }: Pick<Machine, "shape">,
  solvers?: readonly string[],
): { options: T & { objective: Objective }; line: string } {
  const { objective: minimise, routerGroups } = requestOf(options);
  const asked = { objective: minimise, solvers, routerGroups, running: minimisedBySolver(options.running) };
  const chosen = chooseObjective(asked, { shape });
  const objective = chosen.minimise === "load" ? "balance" : chosen.minimise;
  return { options: { ...options, objective }, line: `objective ${objective}, as ${chosen.because}` };
}

/** What a search for the least time takes the mean of, behind the line of the objective; nothing where all tokens stand for a step. */
export function describeBatches(
  { layers }: RoutingTrace,
  machine: Machine,
  { objective, maxMoves }: { readonly objective: Objective; readonly maxMoves?: number },
): string {
  if (objective !== "time" || maxMoves !== undefined) return "";
  const searched = layers.flatMap(({ layer, numTokens }) => {
    const tokens = searchedBatch(numTokens, machine);
    return tokens === undefined ? [] : [{ layer, tokens }];
  });
  const [first] = searched;
  if (searched.length === 0) return "";
  const others =
    searched.length === layers.length
      ? ""
      : ` in layer${searched.length === 1 ? "" : "s"} ${formatLayers(searched.map(({ layer }) => layer))}; of the others all tokens at once`;
  return `, in the mean over batches of ${counted(first.tokens, "token")}${others}`;
}

/** The options without a checkpoint, for what is placed to try: a checkpoint is of what is placed at last, of all layers. */
export function withoutCheckpoint<Options extends SolveOptions>(options: Options): Options {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => name !== "checkpoint"),
  ) as unknown as Options;
}

/** How a placement under these options is about to be made. */
export function makingOf(
  parts: readonly (RoutingTrace | LoadTrace)[],
  machine: Machine,
  options: SolveOptions & { readonly from?: string; readonly maxMoves?: number },
): Provenance {
  return provenanceOf(parts, {
    machine,
    request: requestOf(options),
    holdout: options.holdout,
    ...(options.from !== undefined && { maxMoves: options.maxMoves ?? null }),
    replicaBudget: options.replicaBudget,
    backends: { columns: options.columnsBackend, groups: options.groupsBackend },
  });
}

/**
 * The solver that a command is to place by; the default without a name.
 *
 * @throws InputError if there is none of that name, or several are named.
 */
export function requireOneSolver(name = "auto"): Solver {
  if (!name.includes(",")) return requireSolver(name);
  throw new InputError(
    `--solver: found ${name}, expected one`,
    `Maybe compare them: moeplace compare takes several, --solver ${name.split(",").join(" ")}.`,
  );
}

/** The solvers with what they do, for help. */
export function listSolvers(): string {
  const width = solvers.reduce((most, { name }) => Math.max(most, name.length), 0);
  return solvers.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

/** A number, or to try several, which `place` alone does: elsewhere `requestOf` refuses it with that advice. */
function replicasOption(choosesReplicas = false): Option {
  const option = integerOption(
    choosesReplicas ? "--replicas <n|auto>" : "--replicas <n>",
    `replicas of experts beyond one of each, never two on a chiplet${choosesReplicas ? "; auto tries several" : ""}`,
  );
  const { parseArg } = option;
  return option.argParser((value, before) => (value === "auto" ? value : parseArg?.(value, before)));
}

/** An option that may be repeated and collects what it is given. */
function listOption(flags: string, description: string, parse: (text: string) => unknown): Option {
  return new Option(flags, description)
    .default([], "none")
    .argParser((value, list: unknown[]) => [...list, parse(value)]);
}

function parsePin(text: string): { expert: number; chiplet: number } {
  const match = /^(\d+):(\d+)$/.exec(text);
  if (match === null) throw new InputError(`--pin: found ${text}, expected EXPERT:CHIPLET, e.g. 12:3`);
  return { expert: Number(match[1]), chiplet: Number(match[2]) };
}

function parseApart(text: string): number[] {
  if (!/^\d+(,\d+)+$/.test(text)) {
    throw new InputError(`--apart: found ${text}, expected experts separated by commas, e.g. 4,9`);
  }
  return text.split(",").map(Number);
}
