import { isNpy, parseNpy, parseNpyHeader, writeNpy } from "../containers/npy.js";
import { rowMajor } from "../containers/tensor.js";
import { requireRanks, unlessDamaged } from "./foreign-content.js";
import { fillHiddenLayers, rowsOfHiddenLayers } from "./hidden-layers.js";
import type { ForeignContent, PlacementFormat } from "./placement-format.js";

/**
 * sglang-jax's `--init-expert-location` as .npy: the expert of every physical slot, shape [hidden layers, slots].
 *
 * Source: sglang-jax in main of 2026-08-21, which takes the JSON of SGLang as well.
 */
export const sglangJax: PlacementFormat = {
  name: "sglang-jax",
  summary: "sglang-jax --init-expert-location: .npy, a row of physical slots for every hidden layer",
  extension: "npy",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  mistakable: true,
  write(placement, { numHiddenLayers }) {
    const rows = rowsOfHiddenLayers(placement, numHiddenLayers);
    return writeNpy([rows.length, rows[0].length], rows.flat());
  },
  recognises: (content) => numDimensions(content) === 2,
  read({ bytes }, options, report) {
    requireRanks(options, "sglang-jax");
    const array = unlessDamaged(() => rowMajor(parseNpy(Buffer.from(bytes), "array")), report);
    if (array === undefined) return undefined;
    const [numLayers, numSlots] = array.shape;
    const rows = Array.from({ length: numLayers }, (_, layer) => [
      ...array.values.subarray(layer * numSlots, (layer + 1) * numSlots),
    ]);
    return fillHiddenLayers(rows, { ...options, format: "sglang-jax" }, report);
  },
};

function numDimensions({ bytes }: ForeignContent): number | undefined {
  if (!isNpy(bytes)) return undefined;
  return unlessDamaged(
    () => parseNpyHeader(Buffer.from(bytes), "array").shape.length,
    () => undefined,
  );
}
