import { appendFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import { InputError } from "../../index.js";
import { fasterLayers, judgeChange, recordPlacement, type ChangeVerdict } from "../../doors/flows.js";
import type { Machine as SizedMachine } from "../../doors/hardware.js";
import { exportPlacement, findTarget, formatPlacement, type Placement } from "../../doors/placement.js";
import { counted, formatTime, verdictSentence } from "../../doors/report.js";
import { LONGEST_TIMER_MS } from "../../doors/solvers.js";
import { splitParts, type RoutingTrace, type SplitTrace } from "../../doors/traces.js";
import { addDrawsOption, type WorthCommandOptions } from "../before-after.js";
import { engineOption } from "../engine-option.js";
import { loadTrace, type LoadedTrace } from "../load-trace.js";
import { addMachineOptions, loadMachineOf, type MachineOptions } from "../machine.js";
import {
  addTerminalOptions,
  addTraceOptions,
  integerOption,
  numberOption,
  type TraceOptions,
} from "../options.js";
import { noteCutMoves } from "../migration.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { openPlacer } from "../placer.js";
import { readPlacement } from "../read-files.js";
import { addSolveOptions, makingOf, requireOneSolver, type SolveOptions } from "../solve-options.js";
import { openTerminal, type Terminal, type TerminalOptions } from "../terminal.js";
import { serveMetrics, type WatchMetrics } from "../watch-metrics.js";

interface WatchOptions
  extends TerminalOptions, TraceOptions, MachineOptions, SolveOptions, WorthCommandOptions {
  readonly input: string;
  readonly from: string;
  readonly output: string;
  readonly maxMoves?: number;
  readonly payBack: number;
  readonly restart: number;
  readonly window: number;
  readonly interval: number;
  readonly checks?: number;
  readonly metricsPort?: number;
  readonly for?: string;
  readonly engineOutput?: string;
  readonly fillLayers?: boolean;
  readonly solver?: string;
}

export function watchCommand(): Command {
  const command = new Command("watch")
    .summary("keep a running placement up to date with what is recorded")
    .description(
      "Reads recordings as they arrive in a folder, measures what the running placement has lost on them, and writes a new\n" +
        "one where it is worth it and its moves pay: whole or not at all, with every check in FILE.history.jsonl.",
    )
    .requiredOption("--input <folder>", "folder in which recordings arrive")
    .requiredOption("--from <placement>", "placement that runs now; one written before takes its place")
    .requiredOption("-o, --output <file>", "file to write new placements to, each over the last")
    .addOption(integerOption("--max-moves <n>", "most experts of a layer to move at once (default: all)"))
    .addOption(
      numberOption("--pay-back <steps>", "write what pays for its moves within so many steps", {
        above: 0,
      }).default(1e5),
    )
    .addOption(
      numberOption("--restart <seconds>", "time without service that a new placement takes, paid back, too", {
        above: 0,
      }).default(0),
    )
    .addOption(integerOption("--window <n>", "newest recordings that are read, as one trace", 1).default(8))
    .addOption(
      numberOption("--interval <seconds>", "time between two looks into the folder", { above: 0 }).default(
        30,
      ),
    )
    .addOption(integerOption("--checks <n>", "end after so many checks (default: never)", 1))
    .addOption(integerOption("--metrics-port <n>", "serve Prometheus text at 127.0.0.1:N/metrics"))
    .addOption(engineOption("engine to write every new placement for, too, with --engine-output"))
    .option("--engine-output <file>", "file that the engine loads")
    .option(
      "--fill-layers",
      "place the experts of MoE layers without placement in the order of their ids, in that file",
    )
    .option("--solver <name>", "solver (default: auto)");
  addSolveOptions(addMachineOptions(addTraceOptions(command), { chiplets: false }), { holdout: 0.25 });
  addDrawsOption(command);
  return addTerminalOptions(command)
    .addHelpText(
      "after",
      "\nExample:\n  moeplace watch --input recordings --from p.json -o next.json --max-moves 4 --metrics-port 9464",
    )
    .action((options: WatchOptions) => watch(options, openTerminal(options)));
}

async function watch(options: WatchOptions, terminal: Terminal): Promise<void> {
  for (const path of [options.output, options.engineOutput]) {
    if (path !== undefined) checkOutput(path, { force: true });
  }
  if (options.fillLayers === true && options.engineOutput === undefined)
    throw new InputError("--fill-layers: found it without --engine-output, expected a file to fill");
  if ((options.for === undefined) !== (options.engineOutput === undefined)) {
    throw new InputError(
      "--for: found it without --engine-output or the other way round, expected both or none",
    );
  }
  requireOneSolver(options.solver);
  let running = await readPlacement(options.from);
  const metrics = options.metricsPort === undefined ? undefined : await serveMetrics(options.metricsPort);
  if (metrics) terminal.note(`serves http://127.0.0.1:${metrics.port}/metrics`);
  const stop = new AbortController();
  const onSignal = () => {
    stop.abort();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  const folder = openFolder(options.input);
  let numChecks = 0;
  const checks: object[] = [];
  const counts = new Map<string, number>();
  const count = (name: string, by = 1) => {
    counts.set(name, (counts.get(name) ?? 0) + by);
    metrics?.set({ [name]: counts.get(name) ?? 0 });
  };
  const checkSafely = async (paths: readonly string[], context: CheckContext) => {
    try {
      return await check(paths, context);
    } catch (error) {
      // A recording that cannot be read is no reason to stop watching.
      if (!(error instanceof InputError)) throw error;
      terminal.note(`${error.message}: passed over`);
      count("moeplace_unreadable_recordings_total", paths.length);
      return undefined;
    }
  };
  try {
    while (!stop.signal.aborted && numChecks < (options.checks ?? Infinity)) {
      const recordings = folder.newest(options.window);
      if (recordings.length > 0) {
        const next = await checkSafely(recordings, { running, options, terminal, metrics, checks });
        running = next ?? running;
        if (next) count("moeplace_placements_written_total");
        numChecks++;
        count("moeplace_checks_total");
        count("moeplace_recordings_total", recordings.length);
      } else await pause(1000 * options.interval, stop.signal);
    }
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    metrics?.close();
  }
  terminal.printJson({ checks });
}

interface CheckContext {
  readonly running: Placement;
  readonly options: WatchOptions;
  readonly terminal: Terminal;
  readonly metrics: WatchMetrics | undefined;
  /** What every check came to. */
  readonly checks: object[];
}

/** @returns The placement written, if one pays. */
async function check(paths: readonly string[], context: CheckContext): Promise<Placement | undefined> {
  const { running, options, terminal, metrics, checks } = context;
  const loaded = await loadTrace(paths, options, terminal);
  const { hardware, shape, workload } = await loadMachineOf(running, options, {
    trace: loaded.trace,
    terminal,
  });
  if (shape === undefined)
    throw new InputError("--model: found none whose sizes are known, expected one to tell times by");
  const machine = { hardware, shape, workload };
  const read = counted(paths.length, "recording");
  const split = splitParts(loaded.parts, options.holdout);
  const found = await placeWithin(split.learn, { ...context, parts: loaded.parts, machine });
  if (found === "interrupted") return undefined;
  if (found === "none") {
    terminal.note(`${read}: nothing was found within the moves allowed`);
    return undefined;
  }
  const best = fasterLayers(split.learn, { running, best: found, machine });
  const { payBack, restart, draws, seed } = options;
  const asked = { payBack, restartNs: restart * 1e9, draws, seed };
  const verdict = judgeChange(split, { running, best, machine, ...asked });
  const { drift, change, isWorthIt } = verdict;
  metrics?.set({
    moeplace_running_step_seconds: drift.runningNs / 1e9,
    moeplace_best_step_seconds: drift.bestNs / 1e9,
    moeplace_best_moves: drift.moves,
    moeplace_pay_back_steps: drift.payBackSteps,
  });
  const text = formatPlacement(best);
  // Told once it is there: an engine may take no file of these layers.
  if (isWorthIt) await publish(text, best, context);
  terminal.print(`${read}, ${describeJudged(split, loaded.trace)}: ${describe(verdict, payBack)}`);
  noteCutMoves(found, { moves: drift.moves, terminal });
  const { worth } = change;
  const record = { recordings: paths.map((path) => basename(path)), ...drift, worth, isWritten: isWorthIt };
  checks.push(record);
  const placement: unknown = isWorthIt ? JSON.parse(text) : undefined;
  appendFileSync(`${options.output}.history.jsonl`, `${JSON.stringify({ ...record, placement })}\n`);
  return isWorthIt ? best : undefined;
}

/** What a search is made of, beside its tokens. */
interface Searched {
  readonly parts: LoadedTrace["parts"];
  readonly machine: Required<SizedMachine>;
}

/** The best placement within the moves allowed. */
async function placeWithin(
  learn: RoutingTrace,
  { running, options: given, terminal, parts, machine }: CheckContext & Searched,
): Promise<Placement | "interrupted" | "none"> {
  const { maxMoves = Infinity } = given;
  const numReplicas = running.layers.reduce(
    (most, { chiplets }) => Math.max(most, chiplets.flat().length - running.numExperts),
    0,
  );
  const slots = given.slots ?? running.slotsPerChiplet;
  const options: WatchOptions = {
    ...given,
    // What pays is told by the clock.
    objective: given.objective ?? "time",
    // Slots that are to be filled tell how many replicas there are.
    ...(given.slotsPerChiplet === undefined && { replicas: given.replicas ?? numReplicas }),
    ...(slots !== undefined && given.slotsPerChiplet === undefined && { slots }),
  };
  const solver = requireOneSolver(given.solver);
  const placer = await openPlacer(machine, options, { parts, solvers: [solver], terminal });
  const outcome = await placer.place(learn, solver, { running, maxMoves }).finally(() => placer.close());
  // What a signal has cut short says nothing of what moves are worth.
  if (placer.signal.aborted) return "interrupted";
  if (outcome.status !== "placed") return "none";
  return recordPlacement(outcome, { provenance: makingOf(parts, machine, options), seed: options.seed });
}

async function publish(text: string, best: Placement, { options, terminal }: CheckContext): Promise<void> {
  if (options.for !== undefined && options.engineOutput !== undefined) {
    const target = findTarget(options.for, best.model);
    const { data, notes } = await exportPlacement(best, target.format, {
      engine: target.engine.key,
      fileName: basename(options.engineOutput),
      fillLayers: options.fillLayers,
    });
    for (const note of notes) terminal.noteOnce(note);
    await writeOutput(options.engineOutput, data, { force: true });
    terminal.noteOnce(
      `${target.engine.name} reads ${options.engineOutput} when it starts: it serves as before until it is restarted (docs/watch.md)`,
    );
  }
  await writeOutput(options.output, text, { force: true });
}

/** On what tokens both placements are judged. */
function describeJudged({ heldOut }: SplitTrace, { layers: [{ numTokens }] }: RoutingTrace): string {
  if (heldOut === undefined) return "judged on the tokens learned from";
  return `judged on the last ${counted(heldOut.layers[0].numTokens, "token")} of ${numTokens}`;
}

function describe({ drift, change, isWorthIt }: ChangeVerdict, payBack: number): string {
  const { runningNs, bestNs, moves, payBackSteps } = drift;
  const times = `${formatTime(runningNs)} a step now, ${formatTime(bestNs)} with ${counted(moves, "move")}`;
  const most = payBackSteps > payBack ? `, more than --pay-back ${payBack}` : "";
  const paid =
    payBackSteps === Infinity
      ? "which never pays"
      : `paid back in ${counted(Math.ceil(payBackSteps), "step")}${most}`;
  const why = verdictSentence(change) ?? "";
  return `${times}, ${paid}: ${isWorthIt ? "written" : "left as it is"}. ${why}`;
}

/** Recordings of a folder, those that have come to rest. */
function openFolder(path: string): { newest(most: number): string[] } {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(`--input: ${path}: found no folder, expected one in which recordings arrive`);
  }
  let last = new Map<string, string>();
  let seen = "";
  return {
    /** The newest, oldest first, where there are other ones than at the last time. */
    newest(most) {
      const now = new Map<string, string>();
      const files = readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile() && !/^\.|\.(tmp|part)$/.test(entry.name))
        .map(({ name }) => ({ name, ...infoOf(join(path, name)) }))
        .sort((a, b) => a.mtimeMs - b.mtimeMs || (a.name < b.name ? -1 : 1));
      for (const { name, mtimeMs, size } of files) now.set(name, `${mtimeMs} ${size}`);
      // One that has changed since the last look is still being written.
      const atRest = files.filter(({ name }) => last.get(name) === now.get(name)).slice(-most);
      last = now;
      const these = JSON.stringify(atRest);
      if (atRest.length === 0 || these === seen) return [];
      seen = these;
      return atRest.map(({ name }) => join(path, name));
    },
  };
}

function infoOf(path: string): { mtimeMs: number; size: number } {
  const { mtimeMs = 0, size = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
  return { mtimeMs, size };
}

/** Waits, or less where the signal comes. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(Math.min(LONGEST_TIMER_MS, ms), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
