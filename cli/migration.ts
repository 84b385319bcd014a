import type { Command } from "commander";
import { InputError } from "../index.js";
import { expertBytes, withChiplets } from "../doors/hardware.js";
import {
  formatMigrationPlan,
  planMigrations,
  type MigrationPlan,
  type MigrationStep,
  type Placement,
} from "../doors/placement.js";
import { judge, migrationNs, stepTime, type StepTime } from "../doors/flows.js";
import { counted, formatTime } from "../doors/report.js";
import type { SplitTrace } from "../doors/traces.js";
import type { Machine } from "./machine.js";
import { addRanksOption, integerOption } from "./options.js";
import { writeOutput, type OutputOptions } from "./output-file.js";
import type { RunningLimit } from "./placer.js";
import { readPlacement, type PlacementReading } from "./read-files.js";
import type { SolveOptions } from "./solve-options.js";
import type { Terminal } from "./terminal.js";

/** Options of a placement that begins at a running one. */
export interface MigrationOptions extends OutputOptions {
  readonly from?: string;
  readonly ranks?: number;
  readonly maxMoves?: number;
  readonly moves?: string;
}

/** The running placement, and what it asks of solver and answer. */
export interface Migration extends RunningLimit {
  /** Plans the moves to the placement found, and writes them if asked to. */
  plan(placement: Placement, machine: Machine): Promise<TimedPlan>;
}

/** Moves, and how long their weights are on the way at least; undefined where their size is not known. */
export interface TimedPlan extends MigrationPlan {
  readonly ns?: number;
}

export function addMigrationOptions(command: Command): Command {
  command
    .optionsGroup("Running placement:")
    .option("--from <placement>", "placement that runs now: move as few of its experts as possible")
    .addOption(integerOption("--max-moves <n>", "most experts of a layer to move from there (default: all)"));
  const ofMachine =
    "EP ranks (chiplets) of --from, where its file does not say (default: those of the machine)";
  return addRanksOption(command, ofMachine).option(
    "--moves <file>",
    "file to write the moves to, in the order in which nothing overflows",
  );
}

/**
 * Reads the running placement, where one is given.
 *
 * @throws InputError if it cannot be read, or options need it that stand without it.
 */
export async function loadMigration(
  options: MigrationOptions & SolveOptions,
  known: PlacementReading,
): Promise<Migration | undefined> {
  const { from, maxMoves = Infinity, moves } = options;
  if (from === undefined) {
    for (const [name, value] of [["--max-moves", options.maxMoves] as const, ["--moves", moves] as const]) {
      if (value !== undefined)
        throw new InputError(`${name}: found no --from, expected the running placement`);
    }
    return undefined;
  }
  const running = await readPlacement(from, {
    ...known,
    numChiplets: options.ranks ?? known.numChiplets,
  });
  return {
    running,
    maxMoves,
    async plan(placement, { hardware, shape }) {
      const plan = planMigrations(running, placement, {
        slotsPerChiplet: placement.slotsPerChiplet,
        expertBytes: shape && expertBytes(shape),
      });
      if (moves !== undefined) await writeOutput(moves, formatMigrationPlan(plan), options);
      if (shape === undefined) return plan;
      return { ...plan, ns: migrationNs(plan, { hardware, expertBytes: expertBytes(shape) }) };
    },
  };
}

/** Steps of a layer that are shown to people; the file has all. */
const SHOWN_STEPS = 4;

/** The moves for people: how many, how many bytes, and those of every layer in the order in which nothing overflows. */
export function describeMigration(plan: TimedPlan, from: string, payBack?: number | null): string {
  const { moves, transfers, bytes } = plan;
  const sent = bytes === undefined ? "" : `, ${(bytes / 1e9).toPrecision(3)} GB of weights`;
  const spent = plan.ns === undefined ? "" : `, at least ${formatTime(plan.ns)} over the links`;
  const paid =
    payBack === undefined
      ? ""
      : payBack === null
        ? "; as many tokens take no less time, so they do not pay back"
        : `; paid back after ${counted(Math.ceil(payBack), "step")}`;
  const layers = plan.layers
    .filter(({ steps }) => steps.length > 0)
    .map(({ layer, steps }) => {
      const shown = steps.slice(0, SHOWN_STEPS).map(describeStep).join("; ");
      const more = steps.length > SHOWN_STEPS ? `; ${steps.length - SHOWN_STEPS} more` : "";
      return `\nlayer ${layer}: ${shown}${more}`;
    });
  return `moves ${counted(moves, "expert")} from where ${from} has them, in ${counted(transfers, "transfer")}${sent}${spent}${paid}${layers.join("")}`;
}

/** Says where no move was found because the time had run out, which is no judgement on moves. */
export function noteCutMoves(
  { layers }: Placement,
  { moves, terminal }: { moves: number; terminal: Terminal },
): void {
  if (moves > 0 || layers.every(({ stoppedBy }) => stoppedBy !== "time limit")) return;
  terminal.note("no move was found before the time limit: a longer one may find moves that pay");
}

function describeStep(step: MigrationStep): string {
  if (step.kind === "drop") return `drop ${step.expert} on ${step.chiplet}`;
  const [{ expert, from, to }] = step.transfers;
  return step.kind === "swap"
    ? `swap ${expert} on ${from} with ${step.transfers[1].expert} on ${to}`
    : `${step.kind} ${expert} from ${from} to ${to}`;
}

/**
 * Time in which the running placement, on its own number of chiplets, does as many tokens as a step here has.
 *
 * @returns Undefined where times are not known, or the machine cannot have so many chiplets.
 */
export function runningNs(
  running: Placement,
  split: SplitTrace,
  { hardware, shape, workload, scheduled }: Machine & { readonly scheduled: boolean },
): number | undefined {
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const { numChiplets: numBefore, numGroups } = running;
  const isSame = numBefore === numChiplets;
  if (!isSame && numGroups === undefined && numBefore % hardware.chipletsPerGroup !== 0) return undefined;
  const sizes = { numChiplets: numBefore, ...(numGroups !== undefined && { numGroups }) };
  const before = isSame ? hardware : withChiplets(hardware, sizes);
  const time = stepTime(
    judge(running, split, { hardware: before, shape, workload, scheduled, boundEffort: 0 }),
  );
  return time ? (time.learnedNs * numChiplets) / numBefore : undefined;
}

/**
 * Steps after which less time for as many tokens has made good for the moves.
 *
 * @param options.beforeNs Time of as many tokens as a step has, where it runs now.
 * @returns Null where tokens take no less time; undefined where times are not known.
 */
export function payBackSteps(
  { ns }: TimedPlan,
  { beforeNs, after }: { readonly beforeNs: number | undefined; readonly after: StepTime | null },
): number | null | undefined {
  if (ns === undefined || beforeNs === undefined || after === null) return undefined;
  const saved = beforeNs - after.learnedNs;
  return saved > 0 ? ns / saved : null;
}
