import { describeFailure, recordPlacement, type PlaceOutcome } from "../doors/flows.js";
import { formatPlacement, type Placement } from "../doors/placement.js";
import type { Solver } from "../doors/solvers.js";
import type { LoadTrace, RoutingTrace } from "../doors/traces.js";
import type { AutoReplicas } from "./auto-replicas.js";
import type { WorthCommandOptions } from "./before-after.js";
import { EXIT } from "./exit-code.js";
import { checkedMaking } from "./like.js";
import type { Machine, MachineOptions } from "./machine.js";
import { loadMigration, type Migration, type MigrationOptions, type TimedPlan } from "./migration.js";
import type { FileCommandOptions, TraceOptions } from "./options.js";
import { writeOutput } from "./output-file.js";
import { openPlacer } from "./placer.js";
import type { SpentBudget } from "./replica-budget.js";
import { requireOneSolver, type SolveOptions } from "./solve-options.js";
import type { Terminal } from "./terminal.js";

/** Options of the command place. */
export interface PlaceOptions
  extends
    FileCommandOptions,
    TraceOptions,
    MachineOptions,
    SolveOptions,
    MigrationOptions,
    WorthCommandOptions {
  readonly output?: string;
  readonly solver?: string;
  readonly like?: string;
  readonly for?: string;
}

/** How a placement is asked for. */
export interface PlaceContext {
  readonly options: PlaceOptions;
  readonly terminal: Terminal;
  /** The placement to make again. */
  readonly like: Placement | undefined;
  /** How the number of replicas was chosen, where it was left to choose. */
  readonly curve?: AutoReplicas | undefined;
  /** How replicas were given to layers, where there is a budget for all. */
  readonly budget?: SpentBudget | undefined;
}

/** What a placement is made of. */
export interface Material {
  readonly parts: readonly (RoutingTrace | LoadTrace)[];
  readonly machine: Machine;
  /** What JSON says besides, where there is no placement. */
  readonly told: object;
}

/** A placement as it was found and written. */
export interface Made {
  readonly outcome: PlaceOutcome & { readonly status: "placed" };
  readonly solver: Solver;
  /** The placement file. */
  readonly text: string;
  readonly migration: Migration | undefined;
  readonly plan: TimedPlan | undefined;
  readonly seconds: number;
  readonly isInterrupted: boolean;
}

/** Searches for the placement, and writes it where that is asked for. @returns Exit code where there is none. */
export async function makePlacement(
  learn: RoutingTrace | LoadTrace,
  { parts, machine, told }: Material,
  context: PlaceContext,
): Promise<Made | number> {
  const { options, terminal } = context;
  const solver = requireOneSolver(options.solver);
  const numChiplets = machine.hardware.numGroups * machine.hardware.chipletsPerGroup;
  const migration = await loadMigration(options, { trace: learn, numChiplets, terminal });
  const provenance = checkedMaking(parts, machine, context);
  const placer = await openPlacer(machine, options, { parts, solvers: [solver], terminal });
  const begin = performance.now();
  const outcome = await placer.place(learn, solver, migration).finally(() => placer.close());
  const seconds = (performance.now() - begin) / 1000;
  const isInterrupted = placer.signal.aborted;
  if (outcome.status !== "placed") {
    terminal.fail(`${solver.name}: ${outcome.status}: ${describeFailure(outcome)}`);
    terminal.printJson({ ...outcome, ...told });
    return isInterrupted ? EXIT.interrupted : EXIT[outcome.status];
  }
  const file = recordPlacement(outcome, { provenance, seed: options.seed });
  const text = formatPlacement(file);
  const plan = await migration?.plan(file, machine);
  if (options.output !== undefined) await writeOutput(options.output, text, options);
  return { outcome, solver, text, migration, plan, seconds, isInterrupted };
}

/** Says how long it took and where the placement is. @returns Exit code. */
export function ended({ seconds, isInterrupted }: Made, { options, terminal }: PlaceContext): number {
  terminal.print(`\nplaced by ${options.solver ?? "auto"} in ${seconds.toFixed(1)} s`);
  terminal.print(
    options.output === undefined
      ? "nothing was written: -o FILE writes the placement"
      : `wrote ${options.output}`,
  );
  return isInterrupted ? EXIT.interrupted : EXIT.done;
}
