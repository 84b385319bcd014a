import { InputError } from "../../lib/errors.js";
import type { RoutingTrace } from "../../lib/trace/routing-trace.js";
import { decodeValues } from "../../lib/containers/tensor.js";
import { readBlocks, type FileHead, type OnBytes } from "../bytes/file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

const MAGIC = "MOEPLACE";
const VERSION = 1;
const PREFIX_BYTES = 16;

interface BinaryHeader {
  readonly model?: string;
  readonly num_experts: number;
  readonly top_k: number;
  readonly sampled_one_in?: number;
  readonly layers: readonly { layer: number; num_tokens: number; sequence_starts?: readonly number[] }[];
}

/** moeplace's compact binary, docs/trace-format.md: a JSON header, then the ids of every layer, 16 bits each. */
export const binaryTrace: TraceFormat = {
  name: "moeplace binary",
  sign: "the letters MOEPLACE",
  recognises({ text }: FileHead) {
    return text.startsWith(MAGIC);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) await readFile(path, builder, onBytes);
  },
};

/**
 * Writes a trace as moeplace binary, in chunks of bytes.
 *
 * @example
 * await writeFile("trace.moeplace", Buffer.concat([...writeBinaryTrace(trace)]));
 */
export function* writeBinaryTrace(trace: RoutingTrace): Generator<Uint8Array> {
  const { model, numExperts, topK, layers, sampledOneIn } = trace;
  const header: BinaryHeader = {
    ...(model !== undefined && { model }),
    num_experts: numExperts,
    top_k: topK,
    ...(sampledOneIn !== undefined && { sampled_one_in: sampledOneIn }),
    layers: layers.map(({ layer, numTokens, sequenceStarts }) => ({
      layer,
      num_tokens: numTokens,
      ...(sequenceStarts && { sequence_starts: [...sequenceStarts] }),
    })),
  };
  const json = Buffer.from(JSON.stringify(header));
  // Ids begin at a multiple of 8 bytes.
  const padded = Buffer.alloc(8 * Math.ceil(json.length / 8), " ");
  json.copy(padded);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, "latin1");
  prefix.writeUInt32LE(VERSION, 8);
  prefix.writeUInt32LE(padded.length, 12);
  yield Buffer.concat([prefix, padded]);
  for (const { experts } of layers) {
    yield new Uint8Array(experts.buffer, experts.byteOffset, experts.byteLength);
  }
}

async function readFile(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  let header: BinaryHeader | undefined;
  let layerIndex = 0;
  let tokensRead = 0;
  const cut = (bytes: Buffer) => (header ? wholeRows(bytes, header) : headerLength(bytes));
  for await (const block of readBlocks(path, cut, { onBytes })) {
    if (!header) {
      header = parseHeader(block, path);
      declareLayers(header, builder, path);
      continue;
    }
    const { top_k: topK, layers } = header;
    const ids = decodeValues("uint16", block.subarray(0, wholeRows(block, header))) as Uint16Array;
    for (let at = 0; layerIndex < layers.length; layerIndex++, tokensRead = 0) {
      const { layer, num_tokens: numTokens } = layers[layerIndex];
      const rows = ids.subarray(at, at + (numTokens - tokensRead) * topK);
      const fault = rows.length > 0 ? builder.appendMany(layer, rows, topK) : undefined;
      if (fault) throw new InputError(`${path}: layer ${layer}: ${fault.found}`, fault.advice);
      at += rows.length;
      tokensRead += rows.length / topK;
      if (tokensRead < numTokens) break;
    }
  }
  if (layerIndex !== header?.layers.length) builder.warnings.push(`${path}: cut off in the middle`);
}

/** Bytes up to the first id, 0 as long as not all of them are there. */
function headerLength(bytes: Buffer): number {
  if (bytes.length < PREFIX_BYTES) return 0;
  const length = PREFIX_BYTES + bytes.readUInt32LE(12);
  return length <= bytes.length ? length : 0;
}

function wholeRows({ length }: Buffer, { top_k: topK }: BinaryHeader): number {
  return length - (length % (2 * topK));
}

function parseHeader(bytes: Buffer, path: string): BinaryHeader {
  const version = bytes.length < PREFIX_BYTES ? undefined : bytes.readUInt32LE(8);
  if (version !== undefined && version !== VERSION) {
    throw new InputError(`${path}: found version ${version}, expected ${VERSION}`);
  }
  try {
    const header: unknown = JSON.parse(bytes.toString("utf8", PREFIX_BYTES));
    if (isHeader(header)) return header;
  } catch {
    // Whatever is no JSON is no header.
  }
  throw new InputError(`${path}: found a damaged header, expected moeplace binary`);
}

function isHeader(value: unknown): value is BinaryHeader {
  const header = (value ?? {}) as Partial<BinaryHeader>;
  const { num_experts: numExperts, top_k: topK, sampled_one_in: sampledOneIn = 1, layers } = header;
  return (
    isCount(numExperts) &&
    isCount(sampledOneIn) &&
    isCount(topK) &&
    topK > 0 &&
    Array.isArray(layers) &&
    (layers as BinaryHeader["layers"]).every(
      ({ layer, num_tokens: numTokens, sequence_starts: starts = [] }) =>
        isCount(layer) && isCount(numTokens) && Array.isArray(starts) && starts.every(isCount),
    )
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function declareLayers(header: BinaryHeader, builder: TraceBuilder, path: string): void {
  builder.model ??= header.model;
  builder.sampledBefore = Math.max(builder.sampledBefore, header.sampled_one_in ?? 1);
  builder.declare(path, { numExperts: header.num_experts, topK: header.top_k });
  // Rows say by themselves where there are fewer.
  builder.allowFewerExperts();
  for (const { layer, num_tokens: numTokens, sequence_starts: starts = [] } of header.layers) {
    builder.reserve(layer, numTokens);
    for (const start of starts) builder.startSequence(layer, { after: start });
  }
}
