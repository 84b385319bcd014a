import { InputError } from "../../lib/errors.js";
import { isNpy, parseNpy, parseNpyHeader } from "../../lib/containers/npy.js";
import { entryOf, type Tensor } from "../../lib/containers/tensor.js";
import { readWhole, type FileHead } from "../bytes/file-bytes.js";
import { addLoads } from "../bytes/tensor-rows.js";
import type { TraceFormat } from "../trace-format.js";
import { isRoutedExperts } from "./vllm-routed-experts.js";

/**
 * Loads as a .npy array: [numLayers, numExperts], or with a first dimension more, of steps or ranks, that is added up.
 *
 * omni-infer's placement patterns look alike, [devices, layers, experts], but hold nothing but 0 and 1; they are
 * refused, because they say where experts are and not how often they are chosen.
 */
export const loadMatrix: TraceFormat = {
  name: "load matrix",
  sign: ".npy whose numbers are loads [layers, experts] or [steps, layers, experts]",
  recognises({ bytes, path }: FileHead) {
    if (!isNpy(bytes)) return false;
    const header = parseNpyHeader(bytes, path);
    return (header.shape.length === 2 || header.shape.length === 3) && !isRoutedExperts(header);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const loads = parseNpy(await readWhole(path, onBytes), path);
      if (loads.shape.length === 2) {
        addLoads(builder, loads, path);
      } else {
        refusePattern(loads, path);
        for (let step = 0; step < loads.shape[0]; step++) addLoads(builder, entryOf(loads, step), path);
      }
    }
  },
};

function refusePattern({ values }: Tensor, path: string): void {
  if (values.every((value) => value === 0 || value === 1)) {
    throw new InputError(
      `${path}: found a placement pattern of nothing but 0 and 1, expected loads`,
      "Maybe this is for moeplace import or moeplace verify.",
    );
  }
}
