import { InputError } from "../../lib/errors.js";
import { firstMember } from "../../lib/containers/zip.js";
import { kindOfArray } from "../array-kind.js";
import { readWhole } from "../bytes/file-bytes.js";
import { isTensor, parseTorch, type TorchDict, type TorchValue } from "../containers/torch-file.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { appendArray } from "./arrays.js";
import { layerInName } from "./matrix-of-tokens.js";

/** Names under which recordings keep their array, the likeliest first. */
const NAMES = [
  "routed_experts",
  "topk_ids",
  "expert_load",
  "expert_load_view",
  "expert_load_pass",
  "loads",
  "counts",
];

/**
 * A torch file of a plain tensor, of experts or loads as their numbers tell, or a dictionary of such: by layer, or under
 * one of the names that recordings use (vllm-ascend's expert_load_view among them).
 */
export const torchTensors: TraceFormat = {
  name: "torch tensors",
  sign: "a torch file of a tensor, or of a dictionary of tensors by layer",
  recognises: ({ bytes }) => firstMember(bytes).endsWith("data.pkl"),
  async read(paths, builder, onBytes) {
    for (const path of paths) readContent(parseTorch(await readWhole(path, onBytes), path), builder, path);
  },
};

function readContent(content: TorchValue, builder: TraceBuilder, path: string): void {
  const { as } = builder.options;
  if (isTensor(content)) {
    appendArray(builder, content, { where: path, as, layer: layerInName(path) });
    return;
  }
  const entries: (readonly [unknown, TorchValue])[] = Array.isArray(content)
    ? [...(content as readonly TorchValue[]).entries()]
    : content instanceof Map
      ? [...(content as TorchDict)]
      : [];
  const layers = entries.flatMap(([key, value]) => {
    const layer = layerOf(key);
    return layer !== undefined && isTensor(value) ? [{ layer, value }] : [];
  });
  if (layers.length > 0 && layers.length === entries.length) {
    for (const { layer, value } of layers) {
      const isTokens =
        value.shape.length === 2 &&
        kindOfArray(value, { as: as ?? "tokens", isFloat: false }).kind !== "loads";
      appendArray(builder, value, { where: `${path}: layer ${layer}`, layer, as: isTokens ? "tokens" : as });
    }
    return;
  }
  const named = entries.find(([key, value]) => NAMES.includes(String(key)) && isTensor(value))?.[1];
  if (!isTensor(named)) {
    throw new InputError(
      `${path}: found ${
        entries
          .map(([key]) => String(key))
          .join(", ")
          .slice(0, 80) || "no tensor"
      }, ` + `expected a tensor, tensors by layer, or one named ${NAMES.join(", ")}`,
    );
  }
  appendArray(builder, named, { where: path, as, layer: layerInName(path) });
}

/** The layer of a key: a number, or a name that ends in one. */
function layerOf(key: unknown): number | undefined {
  if (typeof key === "number") return key;
  const digits = typeof key === "string" ? /^(?:.*\D)?(\d+)\D*$/.exec(key)?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
}
