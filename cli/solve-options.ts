import { Option, type Command } from "commander";
import { findSolver, InputError, solvers, type BackendName, type Solver } from "../index.js";
import { integerOption, numberOption } from "./options.js";

/** Options of the commands that run solvers. */
export interface SolveOptions {
  readonly holdout: number;
  readonly slots?: number;
  readonly maxLoad?: number;
  readonly pin: readonly { expert: number; chiplet: number }[];
  readonly apart: readonly (readonly number[])[];
  readonly seed: number;
  readonly timeLimit?: number;
  readonly fillingsBackend: BackendName;
  readonly groupsBackend: BackendName;
}

const BACKENDS: readonly BackendName[] = ["highs", "javascript-lp-solver"];

/** @param defaults Share of each trace file to hold out unless told otherwise. */
export function addSolveOptions(command: Command, defaults: { holdout: number }): Command {
  return command
    .optionsGroup("Placement:")
    .addOption(
      numberOption("--holdout <share>", "judge on this last share of every trace file, learn from the rest", {
        above: 0,
        below: 1,
      }).default(defaults.holdout),
    )
    .addOption(
      integerOption("--slots <n>", "experts on a chiplet (default: experts / chiplets, rounded up)", 1),
    )
    .addOption(
      numberOption("--max-load <ratio>", "largest load of a chiplet over the mean load", { above: 1 }),
    )
    .addOption(
      listOption("--pin <expert:chiplet>", "seat an expert on this chiplet; may be repeated", parsePin),
    )
    .addOption(
      listOption("--apart <experts>", "let no two of these experts share a chiplet, e.g. 4,9", parseApart),
    )
    .addOption(integerOption("--seed <n>", "seed of everything random").default(1))
    .addOption(numberOption("--time-limit <seconds>", "stop a layer's solver after this time", { above: 0 }))
    .addOption(backendOption("--fillings-backend <name>", "MILP solver that chooses fillings", "highs"))
    .addOption(
      backendOption(
        "--groups-backend <name>",
        "MILP solver that assigns chiplet groups",
        "javascript-lp-solver",
      ),
    );
}

/**
 * Finds a solver by the name a user gave.
 *
 * @throws InputError if there is none of that name.
 */
export function requireSolver(name: string): Solver {
  const solver = findSolver(name);
  if (solver !== undefined) return solver;
  throw new InputError(
    `--solver: found ${name}, expected one of ${solvers.map((one) => one.name).join(", ")}`,
  );
}

/** The solvers with what they do, for help. */
export function listSolvers(): string {
  const width = Math.max(...solvers.map(({ name }) => name.length));
  return solvers.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

function backendOption(flags: string, description: string, preset: BackendName): Option {
  const option = new Option(flags, description).default(preset);
  return option.argParser((value) => {
    const backend = BACKENDS.find((name) => name === value);
    if (backend !== undefined) return backend;
    throw new InputError(`${option.long}: found ${value}, expected one of ${BACKENDS.join(", ")}`);
  });
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
