import { Command } from "commander";
import { InputError } from "../../index.js";
import {
  beforeAfter,
  judge,
  measureOnlineSlots,
  measurePlacement,
  stepTime,
  type BatchMetrics,
  type BeforeAfter,
  type Evaluation,
  type OnlineSlots,
  type ServerMetrics,
  type StepTime,
} from "../../doors/flows.js";
import { memoryWarning, type Hardware } from "../../doors/hardware.js";
import type { DispatchModel } from "../../doors/problem.js";
import { formatTime, tableOf, timeColumn, type TableText } from "../../doors/report.js";
import { splitParts } from "../../doors/traces.js";
import {
  addDrawsOption,
  contiguousOn,
  describeBeforeAfter,
  type WorthCommandOptions,
} from "../before-after.js";
import { addExplainOption, explainData, printConstants, type ExplainOptions } from "../describe/constants.js";
import { describeTransport } from "../describe/describe.js";
import { loadTrace } from "../load-trace.js";
import { addMachineOptions, checkMachineOptions, loadMachineOf, type MachineOptions } from "../machine.js";
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
import { isPlacementFile, readPlacement, sortPaths } from "../read-files.js";
import { formatTable, openTerminal, type TerminalOptions } from "../terminal.js";

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
    .action(async (paths: string[], options: EvaluateOptions) => {
      const terminal = openTerminal(options);
      const { traces, placements } = sortPaths(paths);
      if (placements.length === 0) {
        throw new InputError("evaluate: found no placement file among the files, expected at least one");
      }
      await checkMachineOptions(options);
      const { parts } = await loadTrace(traces, options, terminal);
      const { learn, heldOut } = splitParts(parts, options.holdout);
      const trace = heldOut ?? learn;
      const evaluated: Evaluated[] = [];
      for (const [index, file] of placements.entries()) {
        terminal.progress(() => `judging ${file}, ${index + 1} of ${placements.length}`);
        const known = { trace, numChiplets: options.ranks, terminal };
        const placement = withDispatch(await readPlacement(file, known), options);
        const asked = isPlacementFile(file) ? options : onGpus(options);
        if (asked !== options) {
          terminal.note(
            `${file}: tells neither machine nor step; ${asked.hardware} in ${asked.workload} is assumed, ` +
              "others by --hardware and --workload",
          );
        }
        const machine = await loadMachineOf(placement, asked, { trace, terminal });
        const { hardware: onHardware, shape } = machine;
        const tooMuch = shape && memoryWarning(placement.layers, { hardware: onHardware, shape });
        if (tooMuch !== undefined) terminal.note(`${file}, ${onHardware.name}: ${tooMuch}`);
        const judged = judge(placement, { learn, heldOut }, machine);
        const evaluation = judged.heldOut ?? judged.learned;
        const measured = measurePlacement(placement, { learn, heldOut }, machine, judged);
        const running = options.from === undefined ? undefined : await readPlacement(options.from, known);
        if (running !== undefined && running.numChiplets !== placement.numChiplets) {
          throw new InputError(
            `--from: ${options.from}: found ${running.numChiplets} chiplets, expected the ${placement.numChiplets} of ${file}`,
          );
        }
        const standing = running ?? (await contiguousOn(learn, machine));
        const change =
          standing &&
          beforeAfter(measurePlacement(standing, { learn, heldOut }, machine), measured, {
            machine,
            draws: options.draws,
          });
        const { batches } = measured.figures;
        evaluated.push({
          file,
          evaluation,
          batches,
          change,
          time: stepTime(judged),
          hardware: machine.hardware,
          online:
            options.onlineSlots === undefined
              ? null
              : measureOnlineSlots(trace, placement, { ...machine, slots: options.onlineSlots }),
        });
      }
      // Placements may ask for other numbers of chiplets, but all for the same machine.
      const [{ hardware }] = evaluated;
      const onServers = evaluated.flatMap(({ file, evaluation }) => {
        const { servers } = evaluation.mean;
        return servers ? [serverRow(file, servers, options.serverLimit)] : [];
      });
      if (options.serverLimit !== undefined && onServers.length === 0) {
        throw new InputError(
          `--server-limit: found hardware ${hardware.name}, expected one whose tokens start on every GPU`,
          "Maybe pass --hardware h100-8x8.",
        );
      }
      terminal.printJson({
        sampledOneIn: trace.sampledOneIn ?? 1,
        workload: evaluated[0].evaluation.step?.workload ?? null,
        placements: evaluated.map(({ file, evaluation, batches, change, time, online }) => ({
          file,
          ...evaluation,
          time,
          batches,
          ...(online && { onlineSlots: online }),
          ...(change ?? { before: null, after: null, worth: null }),
        })),
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
      const standingName = options.from ?? "contiguous";
      for (const { file, change } of evaluated) {
        if (change) terminal.print(`\n${describeBeforeAfter(change, standingName, file)}`);
      }
      if (onServers.length > 0) {
        const { serverLimit } = options;
        const headers = [
          ...SERVER_HEADERS,
          ...(serverLimit === undefined ? [] : [`above ${serverLimit} servers`]),
        ];
        terminal.print(`\n${formatTable(headers, onServers)}`);
      }
      printConstants(hardware, options, terminal);
    });
}

/** The options for the file of an engine, which runs on GPUs: what it does not tell is as most have it. */
function onGpus(options: EvaluateOptions): EvaluateOptions {
  if (options.hardware !== undefined) return options;
  return { ...options, hardware: USUAL_GPUS, workload: options.workload ?? "prefill" };
}

interface Evaluated {
  readonly file: string;
  readonly evaluation: Evaluation;
  readonly batches: BatchMetrics;
  /** From what runs, or else contiguous, where that has room, to this placement. */
  readonly change: BeforeAfter | undefined;
  readonly time: StepTime | null;
  readonly hardware: Hardware;
  readonly online: OnlineSlots | null;
}

/** The largest load of a batch with what an engine evens out in it, and without. */
function onlineTable(evaluated: readonly Evaluated[]): string {
  const cells = evaluated.flatMap(({ file, batches, online }) =>
    online === null
      ? []
      : [
          [
            file,
            batches.loadMaxOverMean.mean.toFixed(3),
            online.loadMaxOverMean.mean.toFixed(3),
            online.loadMaxOverMean.p95.toFixed(3),
            online.atLeast.toFixed(3),
          ],
        ],
  );
  const { slots = 0, perDomain = 0 } = evaluated[0].online ?? {};
  const headers = [
    `max load of a batch, ${perDomain} GPUs a domain`,
    "as placed",
    slots === 1 ? "1 online slot" : `${slots} online slots`,
    "95 %",
    "at least",
  ];
  return formatTable(headers, cells);
}

/** What a placement comes to from batch to batch: mean and 95th percentile. */
function batchTable(evaluated: readonly Evaluated[]): string {
  const cells = evaluated.map(({ file, batches: { count, tokens, stepTokens, ...spreads } }) => [
    file,
    `${count} of ${tokens}${tokens < stepTokens ? ` (a step has ${stepTokens})` : ""}`,
    ...(["loadMaxOverMean", "tokenReplication"] as const).flatMap((name) => [
      spreads[name].mean.toFixed(3),
      spreads[name].p95.toFixed(3),
    ]),
    ...(spreads.stepNs ? [formatTime(spreads.stepNs.mean), formatTime(spreads.stepNs.p95)] : ["", ""]),
  ]);
  return formatTable(["batches of tokens", "", "max load", "95 %", "C_T", "95 %", "step", "95 %"], cells);
}

function placedChiplets({ numGroups, chipletsPerGroup }: Hardware): number {
  return numGroups * chipletsPerGroup;
}

/** The step of every placement in a line, or one line where all have the same. */
function stepLines(evaluated: readonly Evaluated[]): string {
  const lines = evaluated.flatMap(({ file, evaluation: { step }, hardware }) =>
    step === undefined ? [] : [{ file, text: describeTransport(step.workload, placedChiplets(hardware)) }],
  );
  if (new Set(lines.map(({ text }) => text)).size <= 1) return lines[0]?.text ?? "";
  const differ =
    "placements were made for different steps, each judged in its own; --workload judges all in one";
  return [...lines.map(({ file, text }) => `${file}: ${text}`), differ].join("\n");
}

/** Placements in numbers, the best of every column marked. */
function evaluationTable(rows: readonly Evaluated[]): TableText {
  const timed = rows.find(({ evaluation }) => evaluation.step !== undefined);
  const configuration = timed?.evaluation.step?.configuration ?? "unknown";
  const figure = (header: string, digits: number, value: (row: Evaluated) => number | undefined) => ({
    header,
    cell: (row: Evaluated) => value(row)?.toFixed(digits) ?? "",
    value,
    isOptional: true,
  });
  return tableOf(rows, [
    { header: "placement", cell: ({ file }) => file },
    figure("C_T", 3, ({ evaluation }) => evaluation.mean.tokenReplication),
    figure("C_G", 3, ({ evaluation }) => evaluation.mean.groupReplication),
    figure("max load", 2, ({ evaluation }) => evaluation.mean.loadMaxOverMean),
    timeColumn(
      rows,
      (unit) => `step, ${unit} (${configuration})`,
      ({ evaluation }) => evaluation.step?.stepNs,
    ),
    figure("energy, J", 1, ({ evaluation: { step } }) => step && step.stepPj / 1e12),
  ]);
}

const SERVER_HEADERS = [
  "copies of a token",
  "between servers",
  "inside",
  "forwarded: between",
  "inside",
  "most servers",
];

/**
 * Copies straight to every GPU, then by way of one GPU a server; how many servers a token needs at most; and the share
 * of tokens above the limit of a router, which it would send elsewhere.
 */
function serverRow(
  file: string,
  { direct, forwarded, tokensByServers }: ServerMetrics,
  serverLimit: number | undefined,
): string[] {
  const copies = [direct, forwarded].flatMap(({ betweenServers, insideServers }) => [
    betweenServers,
    insideServers,
  ]);
  const most = tokensByServers.findLastIndex((share) => share > 0);
  const share = (100 * tokensByServers[most]).toFixed(1);
  const cells = [file, ...copies.map((count) => count.toFixed(3)), `${most} (${share} %)`];
  if (serverLimit === undefined) return cells;
  const above = tokensByServers.slice(serverLimit + 1).reduce((sum, share) => sum + share, 0);
  return [...cells, `${(100 * above).toFixed(1)} %`];
}
