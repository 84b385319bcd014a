import { InputError } from "../lib/errors.js";
import { listFiles, readHead, type FileHead } from "./bytes/file-bytes.js";
import { otherKind } from "./containers/other-files.js";
import { binaryTrace } from "./formats/binary-trace.js";
import { denseCsv } from "./formats/dense-csv.js";
import { esft } from "./formats/esft.js";
import { jsonLines } from "./formats/json-lines.js";
import { jsonRecords } from "./formats/json-records.js";
import { layersJson } from "./formats/layers-json.js";
import { loadHistory } from "./formats/load-history.js";
import { loadMatrix } from "./formats/load-matrix.js";
import { matrixOfTokens } from "./formats/matrix-of-tokens.js";
import { megatronRouterTrace } from "./formats/megatron-router-trace.js";
import { moeBeyondCsv } from "./formats/moe-beyond-csv.js";
import { omniInferCounts } from "./formats/omni-infer-counts.js";
import { parquetTable } from "./formats/parquet-table.js";
import { raggedJsonLines } from "./formats/ragged-json-lines.js";
import { rowsCsv } from "./formats/rows-csv.js";
import { sglangRecorder } from "./formats/sglang-recorder.js";
import { sglangRoutedExperts } from "./formats/sglang-routed-experts.js";
import { tensorrtLlm } from "./formats/tensorrt-llm.js";
import { safetensors } from "./formats/safetensors.js";
import { torchTensors } from "./formats/torch-tensors.js";
import { vllmEplbStats } from "./formats/vllm-eplb-stats.js";
import { vllmRouteLog } from "./formats/vllm-route-log.js";
import { vllmRoutedExperts } from "./formats/vllm-routed-experts.js";
import type { DetectOptions } from "./array-kind.js";
import type { TraceFormat } from "./trace-format.js";

/** Every format that can be read; the first that recognises a file reads it. */
export const traceFormats: readonly TraceFormat[] = [
  // Its meta_info.json looks like the header of JSON Lines, and says more.
  tensorrtLlm,
  parquetTable,
  jsonLines,
  binaryTrace,
  megatronRouterTrace,
  vllmRouteLog,
  vllmRoutedExperts,
  sglangRecorder,
  sglangRoutedExperts,
  raggedJsonLines,
  omniInferCounts,
  esft,
  // Any other torch file, and any other safetensors.
  torchTensors,
  safetensors,
  denseCsv,
  moeBeyondCsv,
  vllmEplbStats,
  loadHistory,
  jsonRecords,
  layersJson,
  rowsCsv,
  loadMatrix,
  matrixOfTokens,
];

/** A path given by the user, and what was found there. */
export interface TraceSource {
  readonly path: string;
  readonly format: TraceFormat;
  /** The file itself, or those in the folder that are of the format. */
  readonly files: readonly string[];
  /** What told the format, of the first of the files. */
  readonly why: string;
  /** Files in the folder that are of no format known. */
  readonly ignored: readonly string[];
}

/**
 * Finds out by content how the file or the files of a folder are written.
 *
 * @throws InputError if there is nothing, nothing known, or several formats in one folder.
 */
export async function detectSource(path: string, options: DetectOptions = {}): Promise<TraceSource> {
  const found = new Map<TraceFormat, string[]>();
  let why = "";
  const ignored: string[] = [];
  let unknown: FileHead | undefined;
  const files = await listFiles(path);
  if (files.length === 0) {
    throw new InputError(
      `${path}: found a folder without files, expected the files of a trace directly in it`,
    );
  }
  for (const file of files) {
    const head = await readHead(file);
    if (head.bytes.length === 0 && files.length === 1) {
      throw new InputError(`${file}: found an empty file, expected a trace`);
    }
    const format =
      traceFormats.find((candidate) => candidate.recognises(head, options)) ?? (await findFurtherOn(head));
    if (format) {
      if (found.size === 0) why = describeSign(format, head, options);
      found.set(format, [...(found.get(format) ?? []), file]);
    } else {
      ignored.push(file);
      unknown ??= head;
    }
  }
  const formats = [...found.keys()];
  if (formats.length > 1) {
    throw new InputError(
      `${path}: found files of ${formats.map(({ name }) => name).join(" and ")}, expected one format`,
    );
  }
  if (formats.length === 0) {
    const recognised = unknown && otherKind(unknown.bytes);
    if (recognised)
      throw new InputError(`${unknown?.path}: found ${recognised.name}, expected a trace`, recognised.wayOut);
    throw new InputError(
      `${path}: found no format known, expected ${traceFormats.map(({ name }) => name).join(", ")}`,
    );
  }
  return { path, format: formats[0], files: found.get(formats[0]) ?? [], why, ignored };
}

async function findFurtherOn(head: FileHead): Promise<TraceFormat | undefined> {
  for (const format of traceFormats) {
    if (await format.findsFurtherOn?.(head)) return format;
  }
  return undefined;
}

function describeSign(format: TraceFormat, head: FileHead, options: DetectOptions): string {
  const packed = head.packing === undefined ? "" : `unpacked from ${head.packing}; `;
  const seen = format.why?.(head, options);
  return `${packed}${format.sign}${seen === undefined ? "" : `; seen: ${seen}`}`;
}
