import { existsSync } from "node:fs";
import { InputError } from "../index.js";
import {
  readRouting,
  readTrace,
  selectLayers,
  synthesizeTrace,
  withSharedExperts,
  type ReadReport,
  type ReadRouting,
  type ReadTraceOptions,
  type RoutingTrace,
} from "../doors/traces.js";
import { withFlags } from "./field-flags.js";
import type { TraceOptions } from "./options.js";
import { isPlacementFile } from "./read-files.js";
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

/** Reads traces as {@link loadTrace} does; without any, the synthetic trace of a small model stands in, to try things. */
export async function loadTraceOrStandIn(
  paths: readonly string[],
  options: TraceOptions,
  terminal: Terminal,
): Promise<LoadedTrace> {
  return paths.length === 0 ? selectFrom(standIn(terminal), options) : loadTrace(paths, options, terminal);
}

/** Reads tokens or loads as {@link loadRouting} does; without any, the synthetic trace stands in. */
export async function loadRoutingOrStandIn(
  paths: readonly string[],
  options: TraceOptions,
  terminal: Terminal,
): Promise<LoadedRouting> {
  return paths.length === 0
    ? { kind: "tokens", ...selectFrom(standIn(terminal), options) }
    : loadRouting(paths, options, terminal);
}

/**
 * Reads the traces that a command was given, and says on stderr what is worth knowing of them.
 *
 * @throws InputError where there are none, and as {@link readTrace} does, where they record loads without tokens among
 *   others.
 */
export async function loadTrace(
  paths: readonly string[],
  options: TraceOptions,
  terminal: Terminal,
): Promise<LoadedTrace> {
  requirePaths(paths);
  const loaded = await readTrace(paths, readOptions(options, terminal));
  noteReport(loaded.report, options, terminal);
  return selectFrom(loaded, options);
}

/** Tokens, or loads without tokens. */
export type LoadedRouting = (LoadedTrace & { kind: "tokens" }) | Extract<ReadRouting, { kind: "loads" }>;

/** Reads traces as {@link loadTrace} does, or loads without tokens. */
export async function loadRouting(
  paths: readonly string[],
  options: TraceOptions,
  terminal: Terminal,
): Promise<LoadedRouting> {
  requirePaths(paths);
  const routing = await readRouting(paths, readOptions(options, terminal));
  noteReport(routing.report, options, terminal);
  if (routing.kind === "tokens") return { kind: "tokens", ...selectFrom(routing, options) };
  const { layers, sharedExperts } = options;
  if (sharedExperts !== undefined) {
    throw new InputError(
      "--shared-experts: found loads without tokens, expected tokens, which all choose them",
    );
  }
  return layers === undefined ? routing : { ...routing, loads: selectLayers(routing.loads, layers) };
}

function selectFrom(loaded: LoadedTrace, { layers, sharedExperts }: TraceOptions): LoadedTrace {
  const known = loaded.trace.layers.map(({ layer }) => layer);
  const wanted = layers?.filter((layer) => known.includes(layer));
  const share = (trace: RoutingTrace) =>
    sharedExperts === undefined ? trace : withSharedExperts(trace, sharedExperts);
  return {
    trace: share(layers ? selectLayers(loaded.trace, layers) : loaded.trace),
    parts: loaded.parts.map((part) => share(wanted ? selectLayers(part, wanted) : part)),
    report: loaded.report,
  };
}

function requirePaths(paths: readonly string[]): void {
  const placement = paths.find((path) => existsSync(path) && isPlacementFile(path));
  if (placement !== undefined) {
    throw new InputError(
      `${placement}: found a placement, expected a trace`,
      "Maybe pass it by --from or --like of place, or to evaluate.",
    );
  }
  if (paths.length > 0) return;
  throw new InputError(
    "traces: found none, expected at least one file",
    `Maybe make one with "moeplace synth --preset ${STAND_IN.preset} -o trace.jsonl.gz".`,
  );
}

/** Options that the library has by the same names. */
const READ_ALIKE = [
  "keepWarmup",
  "firstExpert",
  "layerOffset",
  "topK",
  "numLayers",
  "maxTokens",
  "maxExperts",
  "maxLayers",
  "maxTopK",
  "padding",
  "placement",
  "as",
  "layers",
] as const satisfies readonly (keyof TraceOptions & keyof ReadTraceOptions)[];

function readOptions(options: TraceOptions, terminal: Terminal): ReadTraceOptions {
  return {
    ...Object.fromEntries(READ_ALIKE.map((name) => [name, options[name]])),
    numExperts: options.experts,
    dropExperts: options.dropExpert,
    onProgress: ({ path, bytesRead }) => {
      terminal.progress(() => `reading ${path}: ${(bytesRead / 1e6).toFixed(0)} MB`);
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
  for (const warning of warnings) terminal.note(withFlags(warning));
}

function standIn(terminal: Terminal): LoadedTrace {
  const { preset, layers } = STAND_IN;
  terminal.note(
    `no trace was given: these are the first ${layers} layers of the synthetic trace of ${preset}, ` +
      `as "moeplace synth --preset ${preset}" makes it`,
  );
  const trace = synthesizeTrace(STAND_IN);
  return { trace, parts: [trace], report: { sources: [], layers: [], batches: [], warnings: [] } };
}
