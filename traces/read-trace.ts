import { InputError } from "../lib/errors.js";
import { largest } from "../lib/statistics.js";
import { addLoads, type LoadTrace } from "../lib/trace/load-trace.js";
import { concatTraces, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { detectSource, type TraceSource } from "./detect.js";
import { dropDenseLayers } from "./dense-layers.js";
import { checkLargestId } from "./largest-id.js";
import { suspicionsOf } from "./suspicions.js";
import { SAMPLE_BLOCK, Sampling } from "./sampling.js";
import { SameBatch } from "./same-batch.js";
import { readSlotMap } from "./slot-map.js";
import { TraceBuilder, type SharedState } from "./trace-builder.js";
import type { NumberingOptions } from "./numbering.js";

/** Options of {@link readTrace}. */
export interface ReadTraceOptions extends NumberingOptions {
  /** File of the placement that ran, for recordings of slots, which it maps back to experts. */
  placement?: string | undefined;
  /** Told every megabyte or so how many bytes of a path have been read, as they lie on the disk. */
  onProgress?: ((progress: { path: string; bytesRead: number }) => void) | undefined;
}

/** What was found while reading, for people to see. */
export interface ReadReport {
  /** In the order given; `why` says what told the format. */
  readonly sources: readonly { path: string; format: string; numFiles: number; why: string }[];
  /**
   * Ascending by layer. Warm-up rows are among the rows read, and are not in the trace unless they were to be kept.
   * Empty where there are loads only.
   */
  readonly layers: readonly { layer: number; rowsRead: number; warmupRows: number }[];
  /** Loads of steps or ranks that were added up, by layer. Empty where there are tokens. */
  readonly batches: readonly { layer: number; batches: number }[];
  /** One line each. */
  readonly warnings: readonly string[];
}

/** A trace that was read, whole and file by file. */
export interface ReadTrace {
  /** All parts joined, layer by layer. */
  readonly trace: RoutingTrace;
  /** One for every path. Holding out the end of each, rather than of the whole, judges on every file. */
  readonly parts: readonly RoutingTrace[];
  readonly report: ReadReport;
}

/** What files tell about routing: which experts every token chose, or only how often each was chosen. */
export type ReadRouting =
  | (ReadTrace & { readonly kind: "tokens" })
  | { readonly kind: "loads"; readonly loads: LoadTrace; readonly report: ReadReport };

/**
 * Reads files and folders of any known format as one routing trace.
 *
 * Warm-up rows, 20 or more consecutive tokens with the same experts, are left out unless they are to be kept. Files
 * are streamed where their format allows. Traces of more than 134 million ids are sampled, and the report says so.
 *
 * @param paths Files or folders, all of one model, read in the order given.
 * @throws InputError where a file is missing, of no known format or damaged, files do not fit together, or they
 *   record loads only.
 *
 * @example
 * const { trace, report } = await readTrace(["law.jsonl.gz", "intent.jsonl.gz"]);
 * report.sources[0].format; // "moeplace JSON Lines"
 */
export async function readTrace(
  paths: readonly string[],
  options: ReadTraceOptions = {},
): Promise<ReadTrace> {
  const routing = await readRouting(paths, options);
  if (routing.kind === "tokens") return routing;
  throw new InputError(
    `${paths[0]}: found loads of experts without tokens, expected the experts that every token chose`,
    "Maybe record tokens: loads tell what is busy, but not what is chosen together, which C_T depends on.",
  );
}

/**
 * Reads files and folders of any known format, loads without tokens too.
 *
 * @throws InputError as {@link readTrace} does, but for loads only.
 */
export async function readRouting(
  paths: readonly string[],
  options: ReadTraceOptions = {},
): Promise<ReadRouting> {
  if (paths.length === 0) throw new InputError("trace: found no files, expected at least one");
  const sampling = new Sampling(options.maxTokens, paths.length);
  const sameBatch = new SameBatch();
  const slotMap = options.placement === undefined ? undefined : await readSlotMap(options.placement);
  const sources: TraceSource[] = [];
  const builders: TraceBuilder[] = [];
  for (const path of paths) {
    const source = await detectSource(path, options);
    sources.push(source);
    builders.push(await readSource(source, options, { sampling, sameBatch, slotMap }));
  }
  if (slotMap && !builders.some(({ hasMappedSlots }) => hasMappedSlots)) {
    throw new InputError(
      `${paths[0]}: found ${sources[0].format.name}, expected a recording of slots`,
      "Maybe leave out placement: these files tell experts.",
    );
  }
  for (const builder of builders) builder.settle();
  const denseWarnings = dropDenseLayers(builders, options);
  const report = {
    sources: sources.map(({ path, format, files, why }) => ({
      path,
      format: format.name,
      numFiles: files.length,
      why,
    })),
    layers: addCounts(builders),
    batches: addBatches(builders),
  };
  // A file that holds nothing but what another rank recorded adds nothing, and is no part to judge on.
  const adding = builders.flatMap((builder, at) => {
    const isRepeat = builder.isEmpty && sources[at].files.some((file) => sameBatch.hasRepeats(file));
    return isRepeat ? [] : [{ builder, path: paths[at] }];
  });
  const common = [...warningsOf(builders), ...sameBatch.warnings, ...denseWarnings];
  if (adding.every(({ builder }) => builder.hasLoads)) {
    const loads = addLoads(adding.map(({ builder, path }) => named(path, () => builder.finishLoads())));
    return { kind: "loads", loads, report: { ...report, warnings: common } };
  }
  const { numExperts, warnings } = findNumExperts(builders);
  const varies = builders.some((builder) => builder.varies);
  const widest = largest(builders.map(({ widestToken }) => widestToken));
  const parts = adding.map(({ builder, path }) => {
    const topK = varies ? widest : builder.widestToken;
    return finishTokens(builder, { numExperts, topK, path });
  });
  const trace = concatTraces(parts);
  if (warnings.length > 0 && options.padding === undefined) checkLargestId(trace, options);
  return {
    kind: "tokens",
    trace,
    parts,
    report: {
      ...report,
      warnings: [
        ...common,
        ...warnings,
        ...samplingWarnings(sampling, trace),
        ...suspicionsOf(trace, varies),
      ],
    },
  };
}

async function readSource(
  { path, format, files, ignored }: TraceSource,
  options: ReadTraceOptions,
  shared: SharedState,
): Promise<TraceBuilder> {
  const builder = new TraceBuilder(options, shared);
  if (ignored.length > 0) {
    builder.warnings.push(`${path}: ${ignored.length} files of no known format were left out`);
  }
  let bytesRead = 0;
  const onBytes = (bytes: number) => {
    bytesRead += bytes;
    options.onProgress?.({ path, bytesRead });
  };
  await format.read(files, builder, onBytes).catch((error: unknown) => {
    throw withPath(error, path);
  });
  return builder;
}

function finishTokens(
  builder: TraceBuilder,
  { numExperts, topK, path }: { numExperts: number; topK: number; path: string },
): RoutingTrace {
  if (builder.hasLoads) {
    throw new InputError(`${path}: found loads without tokens, expected tokens as in the other files`);
  }
  const rows = builder.counts.reduce((sum, { rowsRead }) => sum + rowsRead, 0);
  const warmupRows = builder.counts.reduce((sum, layer) => sum + layer.warmupRows, 0);
  if (rows === 0) throw new InputError(`${path}: found no tokens, expected at least one`);
  if (rows === warmupRows) {
    throw new InputError(
      `${path}: found nothing but ${rows} warm-up rows, expected tokens that differ`,
      "Maybe pass keepWarmup.",
    );
  }
  return named(path, () => builder.finish(numExperts, topK));
}

/** Says in errors which file they are about. */
function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withPath(error, path);
  }
}

function withPath(error: unknown, path: string): unknown {
  return error instanceof InputError
    ? new InputError(
        error.message.replace(/^(trace|loads):/, () => `${path}:`),
        error.advice,
      )
    : error;
}

/** The number of experts declared anywhere, or else what the ids suggest: models have a multiple of 4. */
function findNumExperts(builders: readonly TraceBuilder[]): { numExperts: number; warnings: string[] } {
  const declared = builders.find(({ numExperts }) => numExperts !== undefined)?.numExperts;
  if (declared !== undefined) return { numExperts: builders[0].withoutDropped(declared), warnings: [] };
  const largestExpert = largest(builders.map((builder) => builder.largestExpert));
  const numExperts = 4 * Math.ceil((largestExpert + 1) / 4);
  const warning =
    `trace: assumed ${numExperts} experts, because no file tells and the largest id is ${largestExpert}; ` +
    "pass numExperts to correct it";
  return { numExperts, warnings: [warning] };
}

function warningsOf(builders: readonly TraceBuilder[]): string[] {
  return builders.flatMap(({ warnings }) => warnings);
}

function samplingWarnings({ stride }: Sampling, { layers }: RoutingTrace): string[] {
  if (stride === 1) return [];
  const most = largest(layers.map(({ numTokens }) => numTokens));
  return [
    `sampled: one block of ${SAMPLE_BLOCK} tokens in ${stride} was kept in all layers, at most ${most} tokens of a layer; ` +
      "set maxTokens to keep more or fewer",
  ];
}

function addCounts(builders: readonly TraceBuilder[]): ReadReport["layers"] {
  const sums = new Map<number, { layer: number; rowsRead: number; warmupRows: number }>();
  for (const { layer, rowsRead, warmupRows } of builders.flatMap(({ counts }) => counts)) {
    const sum = sums.get(layer) ?? { layer, rowsRead: 0, warmupRows: 0 };
    sums.set(layer, { layer, rowsRead: sum.rowsRead + rowsRead, warmupRows: sum.warmupRows + warmupRows });
  }
  return [...sums.values()].sort((a, b) => a.layer - b.layer);
}

function addBatches(builders: readonly TraceBuilder[]): ReadReport["batches"] {
  const sums = new Map<number, number>();
  for (const { layer, batches } of builders.flatMap((builder) => builder.batches)) {
    sums.set(layer, (sums.get(layer) ?? 0) + batches);
  }
  return [...sums].map(([layer, batches]) => ({ layer, batches })).sort((a, b) => a.layer - b.layer);
}
