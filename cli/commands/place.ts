import { Command } from "commander";
import {
  formatPlacement,
  placementTable,
  stepTime,
  type LoadTrace,
  type PlacementFile,
} from "../../index.js";
import {
  describeFailure,
  describeInput,
  describeReplicas,
  describeStep,
  inputData,
} from "../describe/describe.js";
import { EXIT } from "../exit-code.js";
import { judge } from "../judge.js";
import { loadRouting, splitParts, type LoadedTrace } from "../load-trace.js";
import {
  addMigrationOptions,
  describeMigration,
  loadMigration,
  type MigrationOptions,
} from "../migration.js";
import { addMachineOptions, loadMachine, type Machine, type MachineOptions } from "../machine.js";
import {
  addForceOption,
  addTerminalOptions,
  addTraceOptions,
  type FileCommandOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { checkLoadOptions, describeLoads, loadsData, loadsTable, solverForLoads } from "../place-loads.js";
import { openPlacer } from "../placer.js";
import {
  addSolveOptions,
  listSolvers,
  posedSlots,
  requireSolver,
  type SolveOptions,
} from "../solve-options.js";
import { formatTable, openTerminal, type Terminal } from "../terminal.js";

interface PlaceOptions
  extends FileCommandOptions, TraceOptions, MachineOptions, SolveOptions, MigrationOptions {
  readonly output?: string;
  readonly solver: string;
}

/** @param end Told the exit code where there is no placement, or Ctrl-C cut it short. */
export function placeCommand(end: (exitCode: number) => void): Command {
  const command = new Command("place")
    .summary("place the experts of a model: the main job")
    .description(
      "Places the experts of every MoE layer of a trace, verifies the placement independently and writes it. Loads of\n" +
        "experts without tokens are enough for --objective balance.\n\n" +
        `Solvers:\n${listSolvers()}`,
    )
    .argument("[trace...]", "trace files or folders, read as one trace")
    .option("-o, --output <file>", "placement file to write")
    .option("--solver <name>", "solver", "auto")
    .option("--verbose", "say on stderr what the solver is at: seconds, layer, phase, incumbent, bound");
  addSolveOptions(addMachineOptions(addTraceOptions(command), { chiplets: true }), { holdout: 0 });
  addMigrationOptions(command);
  return addTerminalOptions(addForceOption(command))
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace place trace.jsonl.gz -o p.json\n" +
        "  moeplace place trace.jsonl.gz --chiplets 8 --max-load 1.3 --holdout 0.25 -o p.json\n" +
        "  moeplace place trace.jsonl.gz --chiplets 8 --replicas 8 --max-load 1.1 -o p.json\n" +
        "  moeplace place counts.npy --chiplets 32 --slots-per-chiplet 9 --objective balance -o p.json\n" +
        "  moeplace place new.jsonl.gz --from p.json --max-moves 8 --moves moves.json -o q.json",
    )
    .action(async (paths: string[], options: PlaceOptions) => {
      const terminal = openTerminal(options);
      requireSolver(options.solver);
      if (options.output !== undefined) checkOutput(options.output, options);
      const routing = await loadRouting(paths, options, terminal);
      const placed =
        routing.kind === "loads"
          ? await placeByLoads(routing.loads, paths[0], { options, terminal })
          : await placeByTokens(routing, { options, terminal });
      if (placed !== EXIT.done) end(placed);
    });
}

interface Context {
  readonly options: PlaceOptions;
  readonly terminal: Terminal;
}

/** @returns Exit code. */
async function placeByTokens({ trace, parts }: LoadedTrace, { options, terminal }: Context): Promise<number> {
  const solver = requireSolver(options.solver);
  const migration = await loadMigration(options);
  const machine = await loadMachine(options, trace.model, terminal);
  const split = splitParts(parts, options.holdout);
  const placer = openPlacer(machine, options, terminal);
  const begin = performance.now();
  const outcome = await placer.place(split.learn, solver, migration?.limit).finally(() => placer.close());
  const seconds = (performance.now() - begin) / 1000;
  if (outcome.status !== "placed") {
    terminal.note(`${solver.name}: ${outcome.status}: ${describeFailure(outcome)}`);
    terminal.printJson({ ...outcome, ...inputData(split, machine) });
    return placer.isInterrupted ? EXIT.interrupted : EXIT[outcome.status];
  }
  const { placement } = outcome;
  const file = asFile(placement, machine, options);
  const text = formatPlacement(file);
  const plan = await migration?.plan(file, machine.shape);
  if (options.output !== undefined) await writeOutput(options.output, text, options);
  const judged = judge(placement, split, { ...machine, scheduled: options.objective === "time" });
  terminal.printJson({
    ...inputData(split, machine),
    holdout: options.holdout,
    file: options.output ?? null,
    learned: judged.learned.mean,
    heldOut: judged.heldOut?.mean ?? null,
    time: stepTime(judged),
    placement: JSON.parse(text) as unknown,
    ...(plan && { migration: plan }),
  });
  terminal.print(`${describeInput(split, machine)}\n`);
  const { headers, cells } = placementTable(placement, judged);
  terminal.print(formatTable(headers, cells));
  const replicas = describeReplicas(placement);
  if (replicas !== undefined) terminal.print(`\n${replicas}`);
  const step = describeStep(judged.heldOut ?? judged.learned);
  if (step !== undefined) terminal.print(`\n${step}`);
  if (plan) terminal.print(`\n${describeMigration(plan, options.from ?? "")}`);
  printEnd({ options, terminal }, seconds);
  return placer.isInterrupted ? EXIT.interrupted : EXIT.done;
}

/** @returns Exit code. */
async function placeByLoads(loads: LoadTrace, path: string, { options, terminal }: Context): Promise<number> {
  checkLoadOptions(path, options);
  const solver = solverForLoads(requireSolver(options.solver), requireSolver);
  const machine = await loadMachine(options, loads.model, terminal);
  const placer = openPlacer(machine, options, terminal);
  const begin = performance.now();
  const outcome = await placer.placeLoads(loads, solver).finally(() => placer.close());
  const seconds = (performance.now() - begin) / 1000;
  if (outcome.status !== "placed") {
    terminal.note(`${solver.name}: ${outcome.status}: ${describeFailure(outcome)}`);
    terminal.printJson(outcome);
    return placer.isInterrupted ? EXIT.interrupted : EXIT[outcome.status];
  }
  const text = formatPlacement(asFile(outcome.placement, machine, options));
  if (options.output !== undefined) await writeOutput(options.output, text, options);
  terminal.printJson({
    ...loadsData(loads, machine, outcome.placement),
    file: options.output ?? null,
    placement: JSON.parse(text) as unknown,
  });
  terminal.print(`${describeLoads(loads, machine)}\n`);
  terminal.print(loadsTable(loads, outcome.placement));
  printEnd({ options, terminal }, seconds);
  return placer.isInterrupted ? EXIT.interrupted : EXIT.done;
}

function asFile(placement: PlacementFile, { hardware }: Machine, options: PlaceOptions): PlacementFile {
  const { numGroups, chipletsPerGroup } = hardware;
  const numChiplets = numGroups * chipletsPerGroup;
  const { slotsPerChiplet } = posedSlots(options, { numExperts: placement.numExperts, numChiplets });
  return {
    ...placement,
    numGroups,
    ...(slotsPerChiplet !== undefined && { slotsPerChiplet }),
    solver: options.solver,
    ...(options.resilient && { groupsPerExpert: 2 }),
    seed: options.seed,
  };
}

function printEnd({ options, terminal }: Context, seconds: number): void {
  terminal.print(`\nplaced by ${options.solver} in ${seconds.toFixed(1)} s`);
  terminal.print(
    options.output === undefined
      ? "nothing was written: -o FILE writes the placement"
      : `wrote ${options.output}`,
  );
}
