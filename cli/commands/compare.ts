import { basename } from "node:path";
import { Command, Option } from "commander";
import {
  compareSolvers,
  type ComparisonRow,
  createTasks,
  crossEvaluate,
  differentSolvers,
  type FrontierPoint,
  poseFor,
  poseLayer,
  runSolvers,
  type Task,
} from "../../doors/flows.js";
import {
  comparedWorth,
  comparisonCsv,
  comparisonData,
  comparisonHeadline,
  comparisonTable,
  type ObjectiveName,
  reportPage,
} from "../../doors/report.js";
import { solvers, requireSolver } from "../../doors/solvers.js";
import { type RoutingTrace, splitParts, type SplitTrace } from "../../doors/traces.js";
import { addDrawsOption, describeBeforeAfter, type WorthCommandOptions } from "../before-after.js";
import { describeInput, inputData } from "../describe/describe.js";
import { describeTaskTable } from "../describe/task-table.js";
import { EXIT } from "../exit-code.js";
import { loadTrace, loadTraceOrStandIn } from "../load-trace.js";
import {
  addMachineOptions,
  checkMachineOptions,
  loadMachine,
  type Machine,
  type MachineOptions,
} from "../machine.js";
import {
  addForceOption,
  addTableOptions,
  addTraceOptions,
  type FileCommandOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { openPlacer } from "../placer.js";
import { reportMaking } from "../report-making.js";
import {
  describeBatches,
  addSolveOptions,
  requestOf,
  listSolvers,
  withObjective,
  type SolveOptions,
} from "../solve-options.js";
import { formatTable, openTerminal, type Terminal } from "../terminal.js";
import { addPngOption, checkPictures, writePictures, type PictureOptions } from "../write-figures.js";

interface CompareOptions
  extends
    FileCommandOptions,
    PictureOptions,
    TraceOptions,
    MachineOptions,
    SolveOptions,
    WorthCommandOptions {
  readonly solver?: string[];
  readonly report?: string;
  readonly timing?: boolean;
  readonly frontier?: boolean;
  readonly evaluateOn: readonly string[];
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
    .option("--solver <name...>", "compare these solvers only (default: all but auto, which is one of them)");
  addSolveOptions(addMachineOptions(addTraceOptions(command), { chiplets: true }), { holdout: 0.25 });
  addDrawsOption(command);
  return addPngOption(addTableOptions(addForceOption(command)))
    .option("--report <file.html>", "write the comparison as one HTML page with pictures")
    .option("--svg <file.svg|folder>", "write the comparison as one picture, or every picture with its data")
    .option("--frontier", "trace the least C_T under caps on the load, by the solver auto")
    .addOption(
      new Option("--evaluate-on <trace>", "judge on another task too, and learn on it; may be repeated")
        .default([], "none")
        .argParser((path, paths: string[]) => [...paths, path]),
    )
    .option("--timing", "add the seconds each solver took to --json and --csv; they differ from run to run")
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace compare\n  moeplace compare trace.jsonl.gz --chiplets 8 --solver contiguous louvain\n" +
        "  moeplace compare law.jsonl.gz --evaluate-on intent.jsonl.gz --evaluate-on summary.jsonl.gz --solver exact",
    )
    .action(async (paths: string[], given: CompareOptions) => {
      const terminal = openTerminal(given);
      const inputs = [...paths, ...given.evaluateOn];
      if (given.report !== undefined) checkOutput(given.report, given, inputs);
      await checkPictures(given, inputs);
      const names = given.solver?.flatMap((name) => name.split(","));
      const named = names?.map(requireSolver);
      await checkMachineOptions(given);
      const { trace, parts } = await loadTraceOrStandIn(paths, given, terminal);
      const machine = await loadMachine(given, trace, terminal);
      const { options, line } = withObjective(given, machine, names);
      const split = splitParts(parts, options.holdout);
      const problem = poseLayer(
        split.learn,
        split.learn.layers[0],
        poseFor(split.learn, machine, requestOf(options)),
      );
      const chosen = named ?? differentSolvers(solvers, problem);
      const tasks = await loadTasks({ paths, parts }, options, terminal);
      const placer = await openPlacer(machine, options, { parts, solvers: chosen, terminal });
      const { place, signal } = placer;
      const run = async () => {
        const scheduled = options.objective === "time";
        const compared = await runSolvers(split, { solvers: chosen, machine, place, scheduled, signal });
        const frontier =
          options.frontier && !signal.aborted
            ? await placer.frontier(split.learn, requireSolver("auto"))
            : undefined;
        const solver = named?.length === 1 ? named[0] : requireSolver("auto");
        const yardstick = requireSolver("contiguous");
        const taskTable =
          tasks.length > 1 && !signal.aborted
            ? await crossEvaluate(tasks, { solver, yardstick, machine, place })
            : undefined;
        return { compared, frontier, taskTable };
      };
      const { compared, frontier, taskTable } = await run().finally(() => placer.close());
      const rows = compareSolvers(compared);
      const timing = { seconds: options.timing ?? false };
      const minimised = requestOf(options).objective ?? "traffic";
      const worth = comparedWorth(compared, split, {
        ...{ machine, objective: minimised },
        ...{ draws: options.draws, seed: options.seed },
      });
      terminal.printJson({
        objective: options.objective,
        ...inputData(split, machine),
        holdout: options.holdout,
        seed: options.seed,
        solvers: comparisonData(compared, rows, timing),
        ...(worth ?? { before: null, after: null, worth: null }),
        // JSON has no infinity: no cap is null.
        ...(frontier && {
          frontier: frontier.map((point) => ({
            ...point,
            maxLoad: point.maxLoad === Infinity ? null : point.maxLoad,
          })),
        }),
        ...(taskTable && { tasks: taskTable }),
      });
      const drawn = {
        solvers: compared,
        trace: split.learn,
        ...machine,
        objective: minimised,
        draws: options.draws,
      };
      if (options.report !== undefined) {
        const facts = describeInput(split, machine).split("\n");
        const making = await reportMaking([...paths, ...options.evaluateOn], options, command);
        const page = { ...drawn, heldOut: split.heldOut, facts, frontier, tasks: taskTable, making };
        await writeOutput(options.report, await reportPage(page), options);
      }
      await writePictures({ ...drawn, heldOut: split.heldOut, frontier }, options);
      terminal.printCsv(comparisonCsv(rows, { ...timing, workload: machine.shape && machine.workload }));
      terminal.print(`${line}${describeBatches(split.learn, machine, options)}`);
      printRows(rows, { split, machine, terminal, objective: drawn.objective });
      if (worth) terminal.print(`\n${describeBeforeAfter(worth, "contiguous")}`);
      if (frontier) printFrontier(frontier, terminal);
      if (taskTable) terminal.print(`\n${describeTaskTable(taskTable)}`);
      if (signal.aborted) end(EXIT.interrupted);
      else if (rows.every(({ cost }) => cost === undefined)) {
        end(rows.some(({ status }) => status === "undecided") ? EXIT.undecided : EXIT.infeasible);
      }
    });
}

/** The trace compared on and those to evaluate on, where there are any. */
async function loadTasks(
  { paths, parts }: { paths: readonly string[]; parts: readonly RoutingTrace[] },
  options: CompareOptions,
  terminal: Terminal,
): Promise<Task[]> {
  if (options.evaluateOn.length === 0) return [];
  const name = paths.length === 0 ? "synthetic" : paths.map((path) => basename(path)).join(" + ");
  const named = [{ name, parts }];
  for (const path of options.evaluateOn) {
    named.push({ name: basename(path), parts: (await loadTrace([path], options, terminal)).parts });
  }
  return createTasks(named, options.holdout);
}

const LEGEND =
  "C_T: chiplets a token visits. C_G: chiplet groups. Max load: busiest chiplet over the mean.\n" +
  "Gap: how far the step or C_T learned is at most above the best possible, proved. Proof: layers of least C_T, proved.";

const SCHEDULED_LEGEND =
  "Layer learned: makespan of a layer alone, by the same schedule, on the tokens learned from, which --objective time\n" +
  "minimises.";

function printRows(
  rows: readonly ComparisonRow[],
  options: { split: SplitTrace; machine: Machine; terminal: Terminal; objective: ObjectiveName },
): void {
  const { split, machine, terminal, objective } = options;
  const { headers, cells, best } = comparisonTable(rows, { seconds: true });
  terminal.print(`${describeInput(split, machine)}\n`);
  terminal.print(formatTable(headers, cells, { best }));
  for (const { solver, reason } of rows) if (reason !== undefined) terminal.print(`${solver}: ${reason}`);
  terminal.print(`\n${LEGEND}`);
  if (rows.some(({ learned }) => learned?.modelled?.scheduledLayerNs !== undefined)) {
    terminal.print(SCHEDULED_LEGEND);
  }
  const headline = comparisonHeadline(rows, { objective, machine });
  if (headline !== undefined) terminal.print(headline);
}

function printFrontier(points: readonly FrontierPoint[], terminal: Terminal): void {
  const cells = points.map(({ maxLoad, tokenReplication, loadMaxOverMean, isProved }) => [
    maxLoad === Infinity ? "none" : maxLoad.toFixed(2),
    loadMaxOverMean.toFixed(3),
    tokenReplication.toFixed(4),
    isProved ? "every layer" : "no",
  ]);
  terminal.print("\nThe least C_T learned under caps on the load; points that another beats are left out.\n");
  terminal.print(formatTable(["cap", "max load", "C_T", "proved"], cells));
}
