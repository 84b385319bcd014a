import { Command } from "commander";
import {
  comparisonCsv,
  comparisonData,
  comparisonHeadline,
  comparisonTable,
  compareSolvers,
  InputError,
  solvers,
  type ComparedSolver,
  type ComparisonRow,
  type Solver,
} from "../../index.js";
import { describeInput, inputData } from "../describe.js";
import { EXIT } from "../exit-code.js";
import { judge } from "../judge.js";
import { loadTrace, splitParts, type SplitTrace } from "../load-trace.js";
import { addMachineOptions, loadMachine, type Machine, type MachineOptions } from "../machine.js";
import { addTerminalOptions, addTraceOptions, type TraceOptions } from "../options.js";
import { placeTrace } from "../place-trace.js";
import { addSolveOptions, listSolvers, requireSolver, type SolveOptions } from "../solve-options.js";
import { formatTable, openTerminal, type Terminal, type TerminalOptions } from "../terminal.js";

interface CompareOptions extends TerminalOptions, TraceOptions, MachineOptions, SolveOptions {
  readonly solver?: string[];
  readonly csv?: boolean;
  readonly timing?: boolean;
}

/** @param end Told the exit code where no solver found a placement. */
export function compareCommand(end: (exitCode: number) => void): Command {
  const command = new Command("compare")
    .summary("solvers side by side on the same tokens")
    .description(
      "Places a trace by every solver, learning from the first part of the tokens, and judges all placements on the " +
        `same held-out tokens.\n\nSolvers:\n${listSolvers()}`,
    )
    .argument("[trace...]", "trace files or folders, read as one trace")
    .option("--solver <name...>", "compare these solvers only");
  addSolveOptions(addMachineOptions(addTraceOptions(command)), { holdout: 0.25 });
  return addTerminalOptions(command)
    .option("--csv", "print comma-separated values instead of the table")
    .option("--timing", "add the seconds each solver took to --json and --csv; they differ from run to run")
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace compare\n  moeplace compare trace.jsonl.gz --chiplets 8 --solver contiguous louvain",
    )
    .action(async (paths: string[], options: CompareOptions) => {
      if (options.csv && options.json) throw new InputError("--csv: found --json too, expected one of them");
      const terminal = openTerminal(options);
      const chosen = options.solver?.map(requireSolver) ?? solvers;
      const { trace, parts } = await loadTrace(paths, options, terminal);
      const machine = await loadMachine(options, trace.model, terminal);
      const split = splitParts(parts, options.holdout);
      const compared: ComparedSolver[] = [];
      for (const solver of chosen) {
        compared.push(await runSolver(solver, { split, machine, options, terminal }));
      }
      const rows = compareSolvers(compared);
      const timing = { seconds: options.timing ?? false };
      terminal.printJson({
        ...inputData(split, machine),
        holdout: options.holdout,
        seed: options.seed,
        solvers: comparisonData(compared, rows, timing),
      });
      if (options.csv) terminal.print(comparisonCsv(rows, timing));
      else printRows(rows, { split, machine, terminal });
      if (rows.every(({ cost }) => cost === undefined)) {
        end(rows.some(({ status }) => status === "undecided") ? EXIT.undecided : EXIT.infeasible);
      }
    });
}

async function runSolver(
  solver: Solver,
  context: { split: SplitTrace; machine: Machine; options: CompareOptions; terminal: Terminal },
): Promise<ComparedSolver> {
  const { split, machine } = context;
  const begin = performance.now();
  const placing = await placeTrace(split.learn, { ...context, solver });
  const seconds = (performance.now() - begin) / 1000;
  const answer =
    placing.status === "placed" ? { ...placing, ...judge(placing.placement, split, machine) } : placing;
  return { name: solver.name, answer, seconds };
}

function printRows(
  rows: readonly ComparisonRow[],
  { split, machine, terminal }: { split: SplitTrace; machine: Machine; terminal: Terminal },
): void {
  const { headers, cells } = comparisonTable(rows, { seconds: true });
  terminal.print(`${describeInput(split, machine)}\n`);
  terminal.print(formatTable(headers, cells));
  for (const { solver, reason } of rows) if (reason !== undefined) terminal.print(`${solver}: ${reason}`);
  const headline = comparisonHeadline(rows);
  if (headline !== undefined) terminal.print(`\n${headline}`);
}
