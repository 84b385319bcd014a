import { InputError } from "../../lib/errors.js";
import type { RoutingTrace } from "../../lib/routing-trace.js";
import { decodeValues } from "../containers/tensor.js";
import { readBytes, type FileHead, type OnBytes } from "../file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

const MAGIC = "MOEPLACE";
const VERSION = 1;
const PREFIX_BYTES = 16;

interface BinaryHeader {
  readonly model?: string;
  readonly num_experts: number;
  readonly top_k: number;
  readonly layers: readonly { layer: number; num_tokens: number; sequence_starts?: readonly number[] }[];
}

/** moeplace's compact binary, docs/trace-format.md: a JSON header, then the ids of every layer, 16 bits each. */
export const binaryTrace: TraceFormat = {
  name: "moeplace binary",
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
 * for (const chunk of writeBinaryTrace(trace)) file.write(chunk);
 */
export function* writeBinaryTrace({ model, numExperts, topK, layers }: RoutingTrace): Generator<Uint8Array> {
  const header: BinaryHeader = {
    ...(model !== undefined && { model }),
    num_experts: numExperts,
    top_k: topK,
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
  let rest: Buffer = Buffer.alloc(0);
  let layerIndex = 0;
  let tokensRead = 0;
  for await (const chunk of readBytes(path, onBytes)) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!header) {
      const headerEnd = rest.length < PREFIX_BYTES ? Infinity : PREFIX_BYTES + rest.readUInt32LE(12);
      if (rest.length < headerEnd) continue;
      header = parseHeader(rest.subarray(0, headerEnd), path);
      declareLayers(header, builder, path);
      rest = rest.subarray(headerEnd);
    }
    const bytesPerToken = 2 * header.top_k;
    for (; layerIndex < header.layers.length; layerIndex++, tokensRead = 0) {
      const { layer, num_tokens: numTokens } = header.layers[layerIndex];
      const tokens = Math.min(numTokens - tokensRead, Math.floor(rest.length / bytesPerToken));
      const rows = decodeValues("uint16", rest.subarray(0, tokens * bytesPerToken)) as Uint16Array;
      builder.appendMany(layer, rows, header.top_k);
      rest = rest.subarray(tokens * bytesPerToken);
      tokensRead += tokens;
      if (tokensRead < numTokens) break;
    }
  }
  if (header && layerIndex === header.layers.length) return;
  builder.warnings.push(`${path}: cut off in the middle`);
}

function parseHeader(bytes: Buffer, path: string): BinaryHeader {
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) throw new InputError(`${path}: found version ${version}, expected ${VERSION}`);
  try {
    return JSON.parse(bytes.toString("utf8", PREFIX_BYTES)) as BinaryHeader;
  } catch {
    throw new InputError(`${path}: found a damaged header, expected moeplace binary`);
  }
}

function declareLayers(header: BinaryHeader, builder: TraceBuilder, path: string): void {
  builder.model ??= header.model;
  builder.declare(path, { numExperts: header.num_experts, topK: header.top_k });
  for (const { layer, num_tokens: numTokens, sequence_starts: starts = [] } of header.layers) {
    builder.reserve(layer, numTokens);
    for (const start of starts) builder.startSequence(layer, { after: start });
  }
}
