import { basename } from "node:path";
import { InputError } from "../../lib/errors.js";
import { DEFAULT_LIMITS } from "../../lib/plausible-size.js";
import type { FileHead, OnBytes } from "../bytes/file-bytes.js";
import { readLines } from "../bytes/lines.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { smallest } from "../../lib/statistics.js";

/**
 * The expert scores of ESFT: a file for every layer, `expert_weights_<layer>.txt`, and a line for every sequence.
 *
 * A line holds the ids of all its tokens, tab after tab, an empty field, and as many gate weights. Top-k is written
 * nowhere: it is where the ids of a token are distinct, in every token of every sequence.
 */
export const esft: TraceFormat = {
  name: "ESFT expert scores",
  sign: "a line of ids and tabs, two tabs, weights",
  recognises({ text }: FileHead) {
    // The first line may be longer than what is seen of the file.
    return /^\d+(\t\d+){2,}(\t\t\d|\t?$)/.test(text);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const layer = layerOf(path);
      const sequences = await readSequences(path, builder, onBytes);
      if (builder.topK === undefined) builder.declare(path, { topK: distinctPeriod(sequences, path) });
      for (const sequence of sequences) appendSequence(builder, layer, sequence);
    }
  },
};

interface Sequence {
  /** Shape [numTokens, topK], row-major. */
  readonly experts: Int32Array;
  readonly where: string;
}

async function readSequences(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<Sequence[]> {
  const sequences: Sequence[] = [];
  for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
    const where = `${path}:${number}`;
    if (text.trim() === "") continue;
    const [ids, weights = ""] = text.split("\t\t");
    const fields = ids.split("\t");
    // The ids come first, so a line without as many weights may miss ids too.
    const isWhole = weights.trim().split("\t").length === fields.length;
    if (!isWhole && !isTerminated) {
      builder.warnings.push(`${where}: the last line is cut off and was left out`);
    } else if (!isWhole || !fields.every((field) => /^\d{1,9}$/.test(field))) {
      throw new InputError(`${where}: found ${text.slice(0, 40)}, expected ids, two tabs, as many weights`);
    } else {
      sequences.push({ experts: Int32Array.from(fields, Number), where });
    }
  }
  return sequences;
}

function appendSequence(builder: TraceBuilder, layer: number, { experts, where }: Sequence): void {
  const topK = builder.topK ?? 1;
  if (experts.length % topK !== 0) {
    throw new InputError(`${where}: found ${experts.length} ids, expected a multiple of top-k (${topK})`);
  }
  builder.startSequence(layer);
  for (let start = 0; start < experts.length; start += topK) {
    const fault = builder.append(layer, experts.subarray(start, start + topK));
    if (fault) throw new InputError(`${where}: token ${start / topK}: ${fault.found}`, fault.advice);
  }
}

/** The largest k for which every k ids of every sequence are distinct. */
function distinctPeriod(sequences: readonly Sequence[], path: string): number {
  const fits = (topK: number) =>
    sequences.every(({ experts }) => experts.length % topK === 0 && allDistinct(experts, topK));
  for (
    let topK = smallest(
      sequences.map(({ experts }) => experts.length),
      DEFAULT_LIMITS.maxTopK,
    );
    topK > 0;
    topK--
  ) {
    if (fits(topK)) return topK;
  }
  throw new InputError(`${path}: found no sequences, expected one a line`);
}

function allDistinct(experts: Int32Array, topK: number): boolean {
  for (let start = 0; start < experts.length; start += topK) {
    if (new Set(experts.subarray(start, start + topK)).size < topK) return false;
  }
  return true;
}

function layerOf(path: string): number {
  const found = /(\d+)\D*$/.exec(basename(path));
  if (found) return Number(found[1]);
  throw new InputError(
    `${path}: found no layer number in the file name, expected one as in expert_weights_1.txt`,
  );
}
