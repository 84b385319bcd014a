import type { Command } from "commander";
import { InputError } from "../index.js";
import { expertBytes, type ModelShape } from "../doors/hardware.js";
import {
  formatMigrationPlan,
  planMigrations,
  type MigrationPlan,
  type MigrationStep,
  type PlacementFile,
} from "../doors/placement.js";
import { migrateFrom, type Solver } from "../doors/solvers.js";
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
  if (maxMoves < Infinity && (options.objective ?? "traffic") !== "traffic") {
    throw new InputError(`--max-moves: found --objective ${options.objective}, expected traffic`);
  }
  if (moves !== undefined) checkOutput(moves, options, [from]);
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

/** Steps of a layer that are shown to people; the file has all. */
const SHOWN_STEPS = 4;

/** The moves for people: how many, how many bytes, and those of every layer in the order in which nothing overflows. */
export function describeMigration(plan: MigrationPlan, from: string): string {
  const { moves, transfers, bytes } = plan;
  const sent = bytes === undefined ? "" : `, ${(bytes / 1e9).toPrecision(3)} GB of weights`;
  const layers = plan.layers
    .filter(({ steps }) => steps.length > 0)
    .map(({ layer, steps }) => {
      const shown = steps.slice(0, SHOWN_STEPS).map(describeStep).join("; ");
      const more = steps.length > SHOWN_STEPS ? `; ${steps.length - SHOWN_STEPS} more` : "";
      return `\nlayer ${layer}: ${shown}${more}`;
    });
  return `moves ${moves} experts from where ${from} has them, in ${transfers} transfers${sent}${layers.join("")}`;
}

function describeStep(step: MigrationStep): string {
  if (step.kind === "drop") return `drop ${step.expert} on ${step.chiplet}`;
  const [{ expert, from, to }] = step.transfers;
  return step.kind === "swap"
    ? `swap ${expert} on ${from} with ${step.transfers[1].expert} on ${to}`
    : `${step.kind} ${expert} from ${from} to ${to}`;
}
