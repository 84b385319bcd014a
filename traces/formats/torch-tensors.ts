import { firstMember } from "../../lib/containers/zip.js";
import { readWhole } from "../bytes/file-bytes.js";
import { parseTorch } from "../containers/torch-file.js";
import type { TraceFormat } from "../trace-format.js";
import { appendNamed } from "./named-arrays.js";

/**
 * Any torch file: a tensor, tensors by layer or by request, or dictionaries of them. FLAME-MoE publishes its routing as
 * `indices` [tokens, top-k] with `layer`, `model` and `sequence_length`, vllm-ascend its loads as expert_load_view.
 */
export const torchTensors: TraceFormat = {
  name: "torch tensors",
  sign: "a torch file of a tensor, or of a dictionary of tensors by layer",
  recognises: ({ bytes }) => firstMember(bytes).endsWith("data.pkl"),
  async read(paths, builder, onBytes) {
    for (const path of paths) appendNamed(builder, parseTorch(await readWhole(path, onBytes), path), path);
  },
};
