import { InputError } from "../../lib/errors.js";
import { sizeOf } from "../../lib/containers/tensor.js";
import { isTensor, parseTorch, type TorchDict } from "../containers/torch-file.js";
import { firstMember } from "../../lib/containers/zip.js";
import { readWhole, type FileHead } from "../bytes/file-bytes.js";
import { appendIds } from "../bytes/tensor-rows.js";
import { layerInName } from "./matrix-of-tokens.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * A torch file with the experts of one layer's tokens: a dictionary of `indices` [numTokens, topK] and, optionally,
 * `layer`, `model` and `sequence_length`. FLAME-MoE publishes its routing like this.
 */
export const torchIndices: TraceFormat = {
  name: "torch indices",
  sign: "a torch file with indices",
  recognises({ bytes, text }: FileHead) {
    return firstMember(bytes).endsWith("data.pkl") && text.includes("indices");
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const content = parseTorch(await readWhole(path, onBytes), path);
      readLayer(content instanceof Map ? content : new Map(), builder, path);
    }
  },
};

function readLayer(content: TorchDict, builder: TraceBuilder, path: string): void {
  const indices = content.get("indices");
  if (!isTensor(indices) || indices.shape.length !== 2) {
    throw new InputError(`${path}: found no tensor "indices", expected one of [tokens, top-k]`);
  }
  const [layer, length, model] = ["layer", "sequence_length", "model"].map((key) => content.get(key));
  if (typeof model === "string") builder.model ??= model;
  const id = numberOf(layer) ?? layerInName(path);
  const [numTokens, topK] = indices.shape;
  const sequenceLength = numberOf(length) ?? 0;
  const step = sequenceLength > 0 ? sequenceLength : numTokens;
  for (let start = 0; start < numTokens; start += step) {
    builder.startSequence(id, { topK });
    const shape = [Math.min(step, numTokens - start), topK];
    appendIds(builder, id, { ...indices, shape, start: indices.start + start * indices.strides[0] }, path);
  }
}

/** A number, or a tensor that holds just one. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return isTensor(value) && sizeOf(value) === 1 ? value.values[value.start] : undefined;
}
