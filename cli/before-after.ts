import type { Command } from "commander";
import { placeTrace, poseFor, type BeforeAfter } from "../doors/flows.js";
import type { Placement } from "../doors/placement.js";
import { beforeAfterTable, worthSentence } from "../doors/report.js";
import { DEFAULT_SOLVER_OPTIONS, requireSolver } from "../doors/solvers.js";
import type { RoutingTrace } from "../doors/traces.js";
import type { Machine } from "./machine.js";
import { integerOption } from "./options.js";
import { formatTable } from "./terminal.js";

/** Options of a command that says what a placement is worth. */
export interface WorthCommandOptions {
  readonly draws: number;
}

export function addDrawsOption(command: Command): Command {
  return command.addOption(
    integerOption("--draws <n>", "draws of the machine's constants that a gain has to hold in").default(200),
  );
}

/** The placement that engines load, to compare with; undefined where the machine has no room for it. */
export async function contiguousOn(trace: RoutingTrace, machine: Machine): Promise<Placement | undefined> {
  const outcome = await placeTrace(trace, {
    posing: poseFor(trace, machine),
    solver: requireSolver("contiguous"),
    solverOptions: DEFAULT_SOLVER_OPTIONS,
  });
  return outcome.status === "placed" ? outcome.placement : undefined;
}

/** Before and after in a table, and whether it is worth it, for people. */
export function describeBeforeAfter(change: BeforeAfter, beforeName: string, afterName?: string): string {
  const { headers, cells } = beforeAfterTable(change, beforeName, afterName);
  const sentence = worthSentence(change, beforeName);
  return `${formatTable(headers, cells)}${sentence === undefined ? "" : `\n\n${sentence}`}`;
}
