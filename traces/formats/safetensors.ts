import { readWhole } from "../bytes/file-bytes.js";
import { isSafetensors, parseSafetensors } from "../containers/safetensors.js";
import { asTensor } from "../containers/torch-file.js";
import type { TraceFormat } from "../trace-format.js";
import { appendNamed } from "./named-arrays.js";

/** Any other safetensors: one array of experts or loads, or arrays by layer. */
export const safetensors: TraceFormat = {
  name: "safetensors",
  sign: "safetensors of an array of experts or loads, or of arrays by layer",
  recognises: ({ bytes }) => isSafetensors(bytes),
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const tensors = parseSafetensors(await readWhole(path, onBytes), path);
      appendNamed(builder, new Map([...tensors].map(([name, tensor]) => [name, asTensor(tensor)])), path);
    }
  },
};
