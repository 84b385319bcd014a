import { basename } from "node:path";
import { Command, Option } from "commander";
import {
  compareSolvers,
  type ComparedSolver,
  type ComparisonRow,
  createTasks,
  crossEvaluate,
  differentSolvers,
  type FrontierPoint,
  poseFor,
  poseLayer,
  runSolvers,
  type Task,
  type TaskTable,
} from "../../doors/flows.js";
import { sharesCopies } from "../../doors/hardware.js";
import {
  comparedWorth,
  comparisonCsv,
  comparisonData,
  comparisonHeadline,
  comparisonTable,
  counted,
  type ObjectiveName,
  reportPage,
} from "../../doors/report.js";
import { solvers, requireSolver, type Solver } from "../../doors/solvers.js";
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
    .action((paths: string[], given: CompareOptions) => compare(paths, given, { command, end }));
}

async function compare(
  paths: readonly string[],
  given: CompareOptions,
  { command, end }: { command: Command; end: (exitCode: number) => void },
): Promise<void> {
  const terminal = openTerminal(given);
  const inputs = [...paths, ...given.evaluateOn];
  if (given.report !== undefined) checkOutput(given.report, given);
  await checkPictures(given);
  const names = given.solver?.flatMap((name) => name.split(","));
  const named = names?.map(requireSolver);
  await checkMachineOptions(given);
  const { trace, parts } = await loadTraceOrStandIn(paths, given, terminal);
  const machine = await loadMachine(given, trace, terminal);
  const { options, line } = withObjective(given, machine, names);
  const split = splitParts(parts, options.holdout);
  const tasks = await loadTasks({ paths, parts }, options, terminal);
  const searched = await search({ split, parts, machine, tasks }, { options, named, terminal });
  const { compared, frontier, taskTable, isInterrupted } = searched;
  const rows = compareSolvers(compared);
  const objective = requestOf(options).objective ?? "traffic";
  const { draws, seed, timing: seconds = false } = options;
  const worth = comparedWorth(compared, split, { machine, objective, draws, seed });
  terminal.printJson({
    objective: options.objective,
    ...inputData(split, machine),
    holdout: options.holdout,
    seed,
    solvers: comparisonData(compared, rows, { seconds }),
    ...(worth ?? { before: null, after: null, worth: null }),
    ...(frontier && { frontier: frontierData(frontier) }),
    ...(taskTable && { tasks: taskTable }),
  });
  const { learn, heldOut } = split;
  const drawn = { solvers: compared, trace: learn, heldOut, ...machine, objective, draws, frontier };
  if (options.report !== undefined) {
    const facts = describeInput(split, machine).split("\n");
    const making = await reportMaking(inputs, options, command);
    const page = await reportPage({ ...drawn, facts, tasks: taskTable, making });
    await writeOutput(options.report, page, options);
  }
  await writePictures(drawn, options);
  terminal.printCsv(comparisonCsv(rows, { seconds, workload: machine.shape && machine.workload }));
  terminal.print(`${line}${describeBatches(learn, machine, options)}`);
  printRows(rows, { split, machine, terminal, objective });
  if (worth) terminal.print(`\n${describeBeforeAfter(worth, "contiguous")}`);
  if (frontier) printFrontier(frontier, terminal);
  if (taskTable) terminal.print(`\n${describeTaskTable(taskTable)}`);
  if (isInterrupted) end(EXIT.interrupted);
  else if (rows.every(({ cost }) => cost === undefined)) {
    end(rows.some(({ status }) => status === "undecided") ? EXIT.undecided : EXIT.infeasible);
  }
}

/** What is compared, and on what. */
interface Compared {
  readonly split: SplitTrace;
  readonly parts: readonly RoutingTrace[];
  readonly machine: Machine;
  readonly tasks: readonly Task[];
}

interface SearchContext {
  readonly options: CompareOptions;
  /** Solvers that were named; default all that differ. */
  readonly named: readonly Solver[] | undefined;
  readonly terminal: Terminal;
}

/** Everything that solvers are asked: their placements, and the frontier and the other tasks where those are asked for. */
async function search(
  { split, parts, machine, tasks }: Compared,
  { options, named, terminal }: SearchContext,
): Promise<{
  compared: ComparedSolver[];
  frontier: FrontierPoint[] | undefined;
  taskTable: TaskTable | undefined;
  isInterrupted: boolean;
}> {
  const { learn } = split;
  const problem = poseLayer(learn, learn.layers[0], poseFor(learn, machine, requestOf(options)));
  const chosen = named ?? differentSolvers(solvers, problem);
  const placer = await openPlacer(machine, options, { parts, solvers: chosen, terminal });
  const { place, signal } = placer;
  try {
    const scheduled = options.objective === "time";
    const compared = await runSolvers(split, { solvers: chosen, machine, place, scheduled, signal });
    const auto = requireSolver("auto");
    const frontier = options.frontier && !signal.aborted ? await placer.frontier(learn, auto) : undefined;
    const solver = named?.length === 1 ? named[0] : auto;
    const yardstick = requireSolver("contiguous");
    const taskTable =
      tasks.length > 1 && !signal.aborted
        ? await crossEvaluate(tasks, { solver, yardstick, machine, place })
        : undefined;
    return { compared, frontier, taskTable, isInterrupted: signal.aborted };
  } finally {
    await placer.close();
  }
}

/** A frontier as data: JSON has no infinity, so no cap is null. */
function frontierData(frontier: readonly FrontierPoint[]): object[] {
  return frontier.map((point) => ({ ...point, maxLoad: point.maxLoad === Infinity ? null : point.maxLoad }));
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
  "Gap: how far the step or C_T learned is at most above the best possible, proved. Proof: layers of least C_T, proved.\n" +
  "Bounds are the best of all rows, so that gap and proof of a row depend on which solvers are beside it.";

const NO_GAP_LEGEND = "No row proves what C_T is at least: add exact or auto for the gap in C_T.";

const SCHEDULED_LEGEND =
  "Layer learned: makespan of a layer alone, by the same schedule, on the tokens learned from, which --objective time\n" +
  "minimises.";

const batchLegend = (tokens: number) =>
  `Batches: a step in the mean over batches of ${counted(tokens, "token")}, which --objective time minimises, layer by layer, on those\n` +
  "learned from. Step, gap in time and energy are of all tokens at once.";

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
  const sharesAny = rows.some(({ learned, time }) => learned && (time === undefined || sharesCopies(time)));
  if (sharesAny && rows.every(({ gap }) => gap === undefined)) terminal.print(NO_GAP_LEGEND);
  const batchStep = rows.find((row) => row.batchStep)?.batchStep;
  if (batchStep) terminal.print(batchLegend(batchStep.tokens));
  else if (rows.some(({ learned }) => learned?.modelled?.scheduledLayerNs !== undefined)) {
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
