import { InputError } from "../lib/errors.js";
import { concatTraces, type RoutingTrace } from "../lib/routing-trace.js";
import { detectSource, type TraceSource } from "./detect.js";
import { TraceBuilder, type NumberingOptions } from "./trace-builder.js";

/** Options of {@link readTrace}. */
export interface ReadTraceOptions extends NumberingOptions {
  /** Told every megabyte or so how many bytes of a path have been read, as they lie on the disk. */
  onProgress?: ((progress: { path: string; bytesRead: number }) => void) | undefined;
}

/** What was found while reading, for people to see. */
export interface ReadReport {
  /** In the order given. */
  readonly sources: readonly { path: string; format: string; numFiles: number }[];
  /** Ascending by layer. Warm-up rows are among the rows read, and are not in the trace unless they were to be kept. */
  readonly layers: readonly { layer: number; rowsRead: number; warmupRows: number }[];
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

/**
 * Reads files and folders of any known format as one routing trace.
 *
 * Warm-up rows, 20 or more consecutive tokens with the same experts, are left out unless they are to be kept. Files
 * are streamed: memory is what the trace itself needs.
 *
 * @param paths Files or folders, all of one model, read in the order given.
 * @throws InputError where a file is missing, of no known format or damaged, or files do not fit together.
 *
 * @example
 * const { trace, report } = await readTrace(["law.jsonl.gz", "intent.jsonl.gz"]);
 * report.sources[0].format; // "moeplace JSON Lines"
 */
export async function readTrace(
  paths: readonly string[],
  options: ReadTraceOptions = {},
): Promise<ReadTrace> {
  if (paths.length === 0) throw new InputError("trace: found no files, expected at least one");
  const sources: TraceSource[] = [];
  const builders: TraceBuilder[] = [];
  for (const path of paths) {
    const source = await detectSource(path);
    sources.push(source);
    builders.push(await readSource(source, options));
  }
  const { numExperts, warnings } = findNumExperts(builders);
  const parts = builders.map((builder, index) => {
    if (builder.counts.some(({ rowsRead, warmupRows }) => rowsRead > warmupRows))
      return builder.finish(numExperts);
    throw noTokens(paths[index], builder);
  });
  return {
    trace: concatTraces(parts),
    parts,
    report: {
      sources: sources.map(({ path, format, files }) => ({
        path,
        format: format.name,
        numFiles: files.length,
      })),
      layers: addCounts(builders),
      warnings: [...builders.flatMap((builder) => builder.warnings), ...warnings],
    },
  };
}

async function readSource(source: TraceSource, options: ReadTraceOptions): Promise<TraceBuilder> {
  const { path, format, files, ignored } = source;
  const builder = new TraceBuilder(options);
  if (ignored.length > 0) {
    builder.warnings.push(`${path}: ${ignored.length} files of no known format were left out`);
  }
  let bytesRead = 0;
  await format.read(files, builder, (bytes) => {
    bytesRead += bytes;
    options.onProgress?.({ path, bytesRead });
  });
  return builder;
}

/** The number of experts declared anywhere, or else what the ids suggest: models have a multiple of 4. */
function findNumExperts(builders: readonly TraceBuilder[]): { numExperts: number; warnings: string[] } {
  const declared = builders.find(({ numExperts }) => numExperts !== undefined)?.numExperts;
  if (declared !== undefined) return { numExperts: declared, warnings: [] };
  const largest = Math.max(...builders.map(({ largestExpert }) => largestExpert));
  const numExperts = 4 * Math.ceil((largest + 1) / 4);
  const warning =
    `trace: assumed ${numExperts} experts, because no file tells and the largest id is ${largest}; ` +
    "pass --experts to correct it";
  return { numExperts, warnings: [warning] };
}

function noTokens(path: string, { counts }: TraceBuilder): InputError {
  const rows = counts.reduce((sum, { rowsRead }) => sum + rowsRead, 0);
  if (rows === 0) return new InputError(`${path}: found no tokens, expected at least one`);
  return new InputError(
    `${path}: found nothing but ${rows} warm-up rows, expected tokens that differ`,
    "Maybe pass --keep-warmup.",
  );
}

function addCounts(builders: readonly TraceBuilder[]): ReadReport["layers"] {
  const sums = new Map<number, { layer: number; rowsRead: number; warmupRows: number }>();
  for (const { layer, rowsRead, warmupRows } of builders.flatMap(({ counts }) => counts)) {
    const sum = sums.get(layer) ?? { layer, rowsRead: 0, warmupRows: 0 };
    sums.set(layer, { layer, rowsRead: sum.rowsRead + rowsRead, warmupRows: sum.warmupRows + warmupRows });
  }
  return [...sums.values()].sort((one, other) => one.layer - other.layer);
}
