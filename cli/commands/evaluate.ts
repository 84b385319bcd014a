import { Command } from "commander";
import { InputError } from "../../index.js";
import {
  beforeAfter,
  judge,
  measureOnlineSlots,
  measurePlacement,
  provedOn,
  type ReadTokens,
  stepTime,
} from "../../doors/flows.js";
import { memoryWarning } from "../../doors/hardware.js";
import type { Placement } from "../../doors/placement.js";
import type { DispatchModel } from "../../doors/problem.js";
import { counted } from "../../doors/report.js";
import { splitParts, type SplitTrace } from "../../doors/traces.js";
import {
  addDrawsOption,
  contiguousOn,
  describeBeforeAfter,
  type WorthCommandOptions,
} from "../before-after.js";
import { addExplainOption, explainData, printConstants, type ExplainOptions } from "../describe/constants.js";
import {
  batchTable,
  evaluationTable,
  onlineTable,
  serverTable,
  stepLines,
  type Evaluated,
} from "../describe/evaluated.js";
import { loadTrace } from "../load-trace.js";
import { addMachineOptions, checkMachineNames, loadMachineOf, type MachineOptions } from "../machine.js";
import {
  addDispatchOption,
  addHoldoutOption,
  addRanksOption,
  addTableOptions,
  addTraceOptions,
  integerOption,
  withDispatch,
  type TraceOptions,
} from "../options.js";
import { isPlacementFile, readPlacement, sortPaths, type PlacementReading } from "../read-files.js";
import { formatTable, openTerminal, type Terminal, type TerminalOptions } from "../terminal.js";

interface EvaluateOptions
  extends TerminalOptions, TraceOptions, MachineOptions, ExplainOptions, WorthCommandOptions {
  readonly holdout: number;
  readonly dispatch?: DispatchModel;
  readonly ranks?: number;
  readonly serverLimit?: number;
  readonly onlineSlots?: number;
  readonly from?: string;
}

/** Of servers of 8, which is what most engines run on. */
const USUAL_GPUS = "h100-8x8";

export function evaluateCommand(): Command {
  const command = new Command("evaluate")
    .summary("metrics of given placements on any trace")
    .description(
      "Evaluates placements on a trace: token replication C_T, group replication C_G, load, and modelled time and " +
        "energy where the model's sizes are known. Traces and placements are told apart by content.",
    )
    .argument("<files...>", "traces, read as one, and placement files");
  addHoldoutOption(command, "evaluate on");
  addRanksOption(command);
  command.addOption(
    integerOption("--server-limit <n>", "count the tokens that need more servers than this", 1),
  );
  command.addOption(
    integerOption(
      "--online-slots <n>",
      "slots of every GPU for replicas that an engine chooses anew in every batch inside a server or fabric: what they leave",
      1,
    ),
  );
  addDispatchOption(addDrawsOption(command), "as the placement says");
  command.option("--from <placement>", "placement that runs now, to compare with (default: contiguous)");
  addExplainOption(addMachineOptions(addTraceOptions(command), { chiplets: false }));
  return addTableOptions(command)
    .addHelpText("after", "\nExample:\n  moeplace evaluate trace.jsonl.gz p.json q.json --holdout 0.25")
    .action(evaluate);
}

async function evaluate(paths: string[], options: EvaluateOptions): Promise<void> {
  const terminal = openTerminal(options);
  const { traces, placements } = sortPaths(paths);
  if (placements.length === 0) {
    throw new InputError(
      "evaluate: found no placement file among the files, expected at least one",
      "Maybe one is an engine's that may be a trace as well: make a placement file of it by moeplace import.",
    );
  }
  await checkMachineNames(options);
  const { parts } = await loadTrace(traces, options, terminal);
  const tokens = { parts, holdout: options.holdout, dispatch: options.dispatch };
  const split = splitParts(parts, options.holdout);
  const evaluated: Evaluated[] = [];
  for (const [index, file] of placements.entries()) {
    terminal.progress(() => `judging ${file}, ${index + 1} of ${placements.length}`);
    evaluated.push(await judgeFile(file, { split, tokens, options, terminal }));
  }
  // Placements may ask for other numbers of chiplets, but all for the same machine.
  const [{ hardware }] = evaluated;
  const onServers = serverTable(evaluated, options.serverLimit);
  if (options.serverLimit !== undefined && onServers === undefined) {
    throw new InputError(
      `--server-limit: found hardware ${hardware.name}, expected one whose tokens start on every GPU`,
      "Maybe pass --hardware h100-8x8.",
    );
  }
  terminal.printJson({
    sampledOneIn: (split.heldOut ?? split.learn).sampledOneIn ?? 1,
    ...evaluatedData(evaluated),
    ...explainData(hardware, options),
  });
  terminal.printCsv(
    evaluated.map(({ file, evaluation: { mean, step = null }, time }) => ({ file, mean, step, time })),
  );
  const { headers, cells, best } = evaluationTable(evaluated);
  terminal.print(formatTable(headers, cells, { best }));
  const steps = stepLines(evaluated);
  if (steps !== "") terminal.print(`\n${steps}`);
  terminal.print(`\n${batchTable(evaluated)}`);
  if (options.onlineSlots !== undefined) terminal.print(`\n${onlineTable(evaluated)}`);
  for (const { file, change } of evaluated) {
    if (change) terminal.print(`\n${describeBeforeAfter(change, options.from ?? "contiguous", file)}`);
  }
  if (onServers !== undefined) terminal.print(`\n${onServers}`);
  printConstants(hardware, options, terminal);
}

interface JudgeContext {
  readonly split: SplitTrace;
  readonly tokens: ReadTokens;
  readonly options: EvaluateOptions;
  readonly terminal: Terminal;
}

/** A placement file on the tokens held out, or else on all, beside what runs now. */
async function judgeFile(
  file: string,
  { split, tokens, options, terminal }: JudgeContext,
): Promise<Evaluated> {
  const trace = split.heldOut ?? split.learn;
  const known = { trace, numChiplets: options.ranks, terminal };
  const placement = withDispatch(provedOn(await readPlacement(file, known), tokens), options);
  const asked = isPlacementFile(file) ? options : onGpus(options);
  if (asked !== options) {
    terminal.note(
      `${file}: tells neither machine nor step; ${asked.hardware} in ${asked.workload} is assumed, ` +
        "others by --hardware and --workload",
    );
  }
  const machine = await loadMachineOf(placement, asked, { trace, terminal });
  const { hardware, shape } = machine;
  const tooMuch = shape && memoryWarning(placement.layers, { hardware, shape });
  if (tooMuch !== undefined) terminal.note(`${file}, ${hardware.name}: ${tooMuch}`);
  const judged = judge(placement, split, machine);
  const measured = measurePlacement(placement, split, machine, judged);
  const standing =
    (await readRunning(file, placement, { known, tokens, options })) ??
    (await contiguousOn(split.learn, machine));
  const { draws, onlineSlots } = options;
  return {
    file,
    evaluation: judged.heldOut ?? judged.learned,
    batches: measured.figures.batches,
    change: standing && beforeAfter(measurePlacement(standing, split, machine), measured, { machine, draws }),
    time: stepTime(judged),
    hardware,
    online:
      onlineSlots === undefined
        ? null
        : measureOnlineSlots(trace, placement, { ...machine, slots: onlineSlots }),
  };
}

/**
 * The placement that runs now, where one is given: on as many chiplets as the one that it is compared with.
 *
 * @throws InputError if its file says another number.
 */
async function readRunning(
  file: string,
  { numChiplets }: Placement,
  {
    known,
    tokens,
    options: { from, ranks },
  }: { known: PlacementReading; tokens: ReadTokens; options: EvaluateOptions },
): Promise<Placement | undefined> {
  if (from === undefined) return undefined;
  const running = await readPlacement(from, { ...known, numChiplets: ranks ?? numChiplets });
  if (running.numChiplets === numChiplets) return provedOn(running, tokens);
  throw new InputError(
    `--from: ${from}: found ${counted(running.numChiplets, "chiplet")}, expected the ${numChiplets} of ${file}`,
  );
}

/** Placements as data: the step that they are judged in, and each with its figures. */
function evaluatedData(evaluated: readonly Evaluated[]): object {
  return {
    workload: evaluated[0].evaluation.step?.workload ?? null,
    placements: evaluated.map(({ file, evaluation, batches, change, time, online }) => ({
      file,
      ...evaluation,
      time,
      batches,
      ...(online && { onlineSlots: online }),
      ...(change ?? { before: null, after: null, worth: null }),
    })),
  };
}

/** The options for the file of an engine, which runs on GPUs: what it does not tell is as most have it. */
function onGpus(options: EvaluateOptions): EvaluateOptions {
  if (options.hardware !== undefined) return options;
  return { ...options, hardware: USUAL_GPUS, workload: options.workload ?? "prefill" };
}
