import {
  concatTraces,
  readRouting,
  readTrace,
  splitHoldout,
  synthesizeTrace,
  type ReadReport,
  type ReadRouting,
  type ReadTraceOptions,
  type RoutingTrace,
} from "../index.js";
import type { TraceOptions } from "./options.js";
import type { Terminal } from "./terminal.js";

/** A trace from files, or the synthetic one that stands in for them. */
export interface LoadedTrace {
  readonly trace: RoutingTrace;
  /** One for every path given. */
  readonly parts: readonly RoutingTrace[];
  readonly report: ReadReport;
}

/** The synthetic trace that stands in where none is given: enough layers to see, few enough not to wait for. */
const STAND_IN = { preset: "deepseek-moe-16b", layers: 4 };

/**
 * Reads the traces that a command was given, and says on stderr what is worth knowing of them.
 *
 * Without any, the synthetic trace of a small model stands in, so that everything can be tried at once.
 *
 * @throws InputError as {@link readTrace} does, where they record loads without tokens among others.
 */
export async function loadTrace(
  paths: readonly string[],
  options: TraceOptions,
  terminal: Terminal,
): Promise<LoadedTrace> {
  if (paths.length === 0) return standIn(terminal);
  const loaded = await readTrace(paths, readOptions(options, terminal));
  noteReport(loaded.report, options, terminal);
  return loaded;
}

/** Reads traces as {@link loadTrace} does, or loads without tokens. */
export async function loadRouting(
  paths: readonly string[],
  options: TraceOptions,
  terminal: Terminal,
): Promise<(LoadedTrace & { kind: "tokens" }) | Extract<ReadRouting, { kind: "loads" }>> {
  if (paths.length === 0) return { kind: "tokens", ...standIn(terminal) };
  const routing = await readRouting(paths, readOptions(options, terminal));
  noteReport(routing.report, options, terminal);
  return routing;
}

function readOptions(
  {
    keepWarmup,
    firstExpert,
    layerOffset,
    experts,
    topK,
    numLayers,
    maxTokens,
    maxExperts,
    maxLayers,
    maxTopK,
    padding,
    dropExpert,
    placement,
    as,
  }: TraceOptions,
  terminal: Terminal,
): ReadTraceOptions {
  return {
    keepWarmup,
    firstExpert,
    layerOffset,
    numExperts: experts,
    topK,
    numLayers,
    maxTokens,
    maxExperts,
    maxLayers,
    maxTopK,
    padding,
    placement,
    as,
    dropExperts: dropExpert,
    onProgress: ({ path, bytesRead }) => {
      terminal.progress(`reading ${path}: ${(bytesRead / 1e6).toFixed(0)} MB`);
    },
  };
}

function noteReport(
  { layers, warnings }: ReadReport,
  { keepWarmup }: TraceOptions,
  terminal: Terminal,
): void {
  const warmupRows = layers.reduce((sum, layer) => sum + layer.warmupRows, 0);
  if (warmupRows > 0) {
    terminal.note(
      keepWarmup
        ? `kept ${warmupRows} warm-up rows`
        : `dropped ${warmupRows} warm-up rows; --keep-warmup keeps them`,
    );
  }
  for (const warning of warnings) terminal.note(warning);
}

function standIn(terminal: Terminal): LoadedTrace {
  const { preset, layers } = STAND_IN;
  terminal.note(
    `no trace was given: these are the first ${layers} layers of the synthetic trace of ${preset}, ` +
      `as "moeplace synth --preset ${preset}" makes it`,
  );
  const trace = synthesizeTrace(STAND_IN);
  return { trace, parts: [trace], report: { sources: [], layers: [], warnings: [] } };
}

/** A trace split in time: the end of each of its files is held out. */
export interface SplitTrace {
  readonly learn: RoutingTrace;
  /** Undefined where nothing is held out. */
  readonly heldOut: RoutingTrace | undefined;
}

/** Holds out the end of every part, so that every file is judged on, and no sequence is on both sides. */
export function splitParts(parts: readonly RoutingTrace[], fraction: number): SplitTrace {
  if (fraction === 0) return { learn: concatTraces(parts), heldOut: undefined };
  const splits = parts.map((part) => splitHoldout(part, fraction));
  return {
    learn: concatTraces(splits.map(({ learn }) => learn)),
    heldOut: concatTraces(splits.map(({ heldOut }) => heldOut)),
  };
}
