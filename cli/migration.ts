import type { Command } from "commander";
import {
  expertBytes,
  formatMigrationPlan,
  InputError,
  migrateFrom,
  planMigrations,
  type MigrationPlan,
  type ModelShape,
  type PlacementFile,
  type Solver,
} from "../index.js";
import { integerOption } from "./options.js";
import { checkOutput, writeOutput, type OutputOptions } from "./output-file.js";
import { readPlacement } from "./read-files.js";
import type { SolveOptions } from "./solve-options.js";

/** Options of a placement that begins at a running one. */
export interface MigrationOptions extends OutputOptions {
  readonly from?: string;
  readonly maxMoves?: number;
  readonly moves?: string;
}

/** The running placement, and what it asks of solver and answer. */
export interface Migration {
  /** Makes a solver stay within the moves allowed. */
  readonly limit: (solver: Solver) => Solver;
  /** Plans the moves to the placement found, and writes them if asked to. */
  plan(placement: PlacementFile, shape: ModelShape | undefined): Promise<MigrationPlan>;
}

export function addMigrationOptions(command: Command): Command {
  return command
    .optionsGroup("Running placement:")
    .option("--from <placement>", "placement that runs now: move as few of its experts as possible")
    .addOption(integerOption("--max-moves <n>", "most experts of a layer to move from there (default: all)"))
    .option("--moves <file>", "file to write the moves to, in the order in which nothing overflows");
}

/**
 * Reads the running placement, where one is given.
 *
 * @throws InputError if it cannot be read, or options need it that stand without it.
 */
export async function loadMigration(
  options: MigrationOptions & SolveOptions,
): Promise<Migration | undefined> {
  const { from, maxMoves = Infinity, moves } = options;
  if (from === undefined) {
    for (const [name, value] of [["--max-moves", options.maxMoves] as const, ["--moves", moves] as const]) {
      if (value !== undefined)
        throw new InputError(`${name}: found no --from, expected the running placement`);
    }
    return undefined;
  }
  if (maxMoves < Infinity && options.objective !== "traffic") {
    throw new InputError(`--max-moves: found --objective ${options.objective}, expected traffic`);
  }
  if (moves !== undefined) checkOutput(moves, options);
  const running = await readPlacement(from);
  return {
    limit: (solver) => migrateFrom(solver, running, maxMoves),
    async plan(placement, shape) {
      const plan = planMigrations(running, placement, {
        slotsPerChiplet: placement.slotsPerChiplet,
        expertBytes: shape && expertBytes(shape),
      });
      if (moves !== undefined) await writeOutput(moves, formatMigrationPlan(plan), options);
      return plan;
    },
  };
}

/** The moves in one line for people. */
export function describeMigration({ moves, transfers, bytes }: MigrationPlan, from: string): string {
  const sent = bytes === undefined ? "" : `, ${(bytes / 1e9).toPrecision(3)} GB of weights`;
  return `moves ${moves} experts from where ${from} has them, in ${transfers} transfers${sent}`;
}
