import { describeValue } from "../../lib/describe-value.js";
import { InputError } from "../../lib/errors.js";
import { countChoices, expertsOfToken, type RoutingTrace } from "../../lib/trace/routing-trace.js";
import type { FileHead } from "../bytes/file-bytes.js";
import { readJsonRows } from "../json-rows.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

const ROWS_PER_CHUNK = 4096;

/** moeplace's own format, docs/trace-format.md: a header line, then a line for every layer and token. */
export const jsonLines: TraceFormat = {
  name: "moeplace JSON Lines",
  sign: 'a first line of JSON with "num_experts", or with "layer" and "experts"',
  recognises({ text }: FileHead) {
    const [first] = text.trimStart().split("\n", 1);
    if (!first.startsWith("{") || first.includes('"token_idx"')) return false;
    // A document with its sizes before the arrays is no header.
    if (/:\s*(\[\s*\[|\{\s*"[^"]*\d[^"]*"\s*:\s*[[{])/.test(first)) return false;
    // Nor is one that holds the rows of a table.
    if (/^\{\s*"\d+"\s*:\s*\{|:\s*\[\s*\{[^}]*"(layer|expert)/.test(first)) return false;
    return first.includes('"num_experts"') || (first.includes('"layer"') && first.includes('"experts"'));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      await readJsonRows(path, builder, {
        keys: { layer: "layer", token: "token", experts: "experts" },
        onOther: (value, where) => takeHeader(value, where, builder),
        tokensCountWithinSequence: false,
        onBytes,
      });
    }
  },
};

/**
 * Writes a trace as moeplace JSON Lines, in chunks of text.
 *
 * @example
 * await writeFile("trace.jsonl", [...writeJsonLines(trace)].join(""));
 */
export function* writeJsonLines(trace: RoutingTrace): Generator<string> {
  const { model, numExperts, topK, layers, sampledOneIn } = trace;
  const header = {
    ...(model !== undefined && { model }),
    num_layers: layers.length,
    layer_ids: layers.map(({ layer }) => layer),
    num_experts: numExperts,
    top_k: topK,
    ...(sampledOneIn !== undefined && { sampled_one_in: sampledOneIn }),
    ...(layers.some((layer) => countChoices(layer) < layer.experts.length) && { fewer_experts: true }),
    ...sharedSequenceLengths(trace),
  };
  yield `${JSON.stringify(header)}\n`;
  for (const current of layers) {
    const { layer, numTokens } = current;
    let lines: string[] = [];
    for (let token = 0; token < numTokens; token++) {
      const chosen = expertsOfToken(current, token, topK).join(",");
      lines.push(`{"layer":${layer},"token":${token},"experts":[${chosen}]}\n`);
      if (lines.length === ROWS_PER_CHUNK) {
        yield lines.join("");
        lines = [];
      }
    }
    yield lines.join("");
  }
}

function takeHeader(
  header: Readonly<Record<string, unknown>>,
  where: string,
  builder: TraceBuilder,
): boolean {
  if (!("num_experts" in header)) return false;
  const numExperts = countOf(header, "num_experts", where);
  const topK = countOf(header, "top_k", where);
  builder.declare(where, { ...(numExperts && { numExperts }), ...(topK && { topK }) });
  builder.sampledBefore = Math.max(builder.sampledBefore, countOf(header, "sampled_one_in", where) ?? 1);
  if (header.fewer_experts === true) builder.allowFewerExperts();
  if (typeof header.model === "string") builder.model ??= header.model;
  const lengths = header.sequence_lengths;
  if (Array.isArray(lengths) && lengths.every((length) => Number.isInteger(length) && length > 0)) {
    builder.sequenceLengths = [...builder.sequenceLengths, ...(lengths as number[])];
  }
  return true;
}

function countOf(header: Readonly<Record<string, unknown>>, key: string, where: string): number | undefined {
  const value = header[key];
  if (value === undefined || (typeof value === "number" && Number.isInteger(value) && value > 0)) {
    return value;
  }
  throw new InputError(`${where}: found ${key} ${describeValue(value)}, expected a whole number above 0`);
}

/** The header can tell sequences only if all layers agree on them. */
function sharedSequenceLengths({ layers }: RoutingTrace): { sequence_lengths?: number[] } {
  const [first] = layers.map(({ numTokens, sequenceStarts }) => {
    const starts = [...(sequenceStarts ?? [])];
    return starts.map((start, index) => (starts[index + 1] ?? numTokens) - start);
  });
  const agree = layers.every(
    ({ numTokens, sequenceStarts }) =>
      numTokens === layers[0].numTokens && String(sequenceStarts) === String(layers[0].sequenceStarts),
  );
  return agree && first.length > 0 ? { sequence_lengths: first } : {};
}
