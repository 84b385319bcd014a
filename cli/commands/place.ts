import { Command } from "commander";
import { formatPlacement, placementTable, type PlacementFile } from "../../index.js";
import { describeFailure, describeInput, describeStep, inputData } from "../describe.js";
import { EXIT } from "../exit-code.js";
import { judge } from "../judge.js";
import { loadTrace, splitParts } from "../load-trace.js";
import {
  addMigrationOptions,
  describeMigration,
  loadMigration,
  type MigrationOptions,
} from "../migration.js";
import { addMachineOptions, loadMachine, type MachineOptions } from "../machine.js";
import {
  addForceOption,
  addTerminalOptions,
  addTraceOptions,
  type FileCommandOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { openPlacer } from "../placer.js";
import { addSolveOptions, listSolvers, requireSolver, type SolveOptions } from "../solve-options.js";
import { formatTable, openTerminal } from "../terminal.js";

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
      "Places the experts of every MoE layer of a trace, verifies the placement independently and writes it.\n\n" +
        `Solvers:\n${listSolvers()}`,
    )
    .argument("[trace...]", "trace files or folders, read as one trace")
    .option("-o, --output <file>", "placement file to write")
    .option("--solver <name>", "solver", "auto");
  addSolveOptions(addMachineOptions(addTraceOptions(command), { chiplets: true }), { holdout: 0 });
  addMigrationOptions(command);
  return addTerminalOptions(addForceOption(command))
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace place trace.jsonl.gz -o p.json\n" +
        "  moeplace place trace.jsonl.gz --chiplets 8 --max-load 1.3 --holdout 0.25 -o p.json\n" +
        "  moeplace place new.jsonl.gz --from p.json --max-moves 8 --moves moves.json -o q.json",
    )
    .action(async (paths: string[], options: PlaceOptions) => {
      const terminal = openTerminal(options);
      const solver = requireSolver(options.solver);
      if (options.output !== undefined) checkOutput(options.output, options);
      const migration = await loadMigration(options);
      const { trace, parts } = await loadTrace(paths, options, terminal);
      const machine = await loadMachine(options, trace.model, terminal);
      const split = splitParts(parts, options.holdout);
      const placer = openPlacer(machine, options, terminal);
      const begin = performance.now();
      const outcome = await placer.place(split.learn, solver, migration?.limit).finally(() => placer.close());
      const seconds = (performance.now() - begin) / 1000;
      if (outcome.status !== "placed") {
        terminal.note(`${solver.name}: ${outcome.status}: ${describeFailure(outcome)}`);
        terminal.printJson({ ...outcome, ...inputData(split, machine) });
        end(placer.isInterrupted ? EXIT.interrupted : EXIT[outcome.status]);
        return;
      }
      const { placement } = outcome;
      const { slots, seed, output } = options;
      const file: PlacementFile = {
        ...placement,
        numGroups: machine.hardware.numGroups,
        ...(slots !== undefined && { slotsPerChiplet: slots }),
        solver: solver.name,
        seed,
      };
      const text = formatPlacement(file);
      const plan = await migration?.plan(file, machine.shape);
      if (output !== undefined) await writeOutput(output, text, options);
      const judged = judge(placement, split, machine);
      terminal.printJson({
        ...inputData(split, machine),
        holdout: options.holdout,
        file: output ?? null,
        learned: judged.learned.mean,
        heldOut: judged.heldOut?.mean ?? null,
        placement: JSON.parse(text) as unknown,
        ...(plan && { migration: plan }),
      });
      terminal.print(`${describeInput(split, machine)}\n`);
      const { headers, cells } = placementTable(placement, judged);
      terminal.print(formatTable(headers, cells));
      const step = describeStep(judged.heldOut ?? judged.learned);
      if (step !== undefined) terminal.print(`\n${step}`);
      if (plan) terminal.print(`\n${describeMigration(plan, options.from ?? "")}`);
      terminal.print(`\nplaced by ${solver.name} in ${seconds.toFixed(1)} s`);
      terminal.print(
        output === undefined ? "nothing was written: -o FILE writes the placement" : `wrote ${output}`,
      );
      if (placer.isInterrupted) end(EXIT.interrupted);
    });
}
