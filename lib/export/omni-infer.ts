import type { Placement } from "../placement/placement.js";
import { layersOfRows, unlessDamaged } from "./foreign-content.js";
import { isNpy, parseNpy, writeNpy } from "../containers/npy.js";
import { rowMajor } from "../containers/tensor.js";
import { checkModelSizes } from "../plausible-size.js";
import type { PlacementFormat } from "./placement-format.js";

/**
 * omni-infer's placement pattern: a .npy array of 0 and 1, shape [devices, MoE layers, experts].
 *
 * Slots of a device follow the order of the ids, so nothing is lost. The array is int64, as in the files it comes with.
 * Source: omni-infer, omni_placement/expert_mapping.py, `_load_placement_pattern_with_validation`.
 */
export const omniInfer: PlacementFormat = {
  name: "omni-infer",
  summary: "omni-infer placement pattern: .npy, 0 or 1 for every device, MoE layer and expert",
  extension: "npy",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  mistakable: true,
  write({ layers, numExperts, numChiplets }) {
    const pattern = new Uint8Array(numChiplets * layers.length * numExperts);
    layers.forEach(({ chiplets }, row) => {
      chiplets.forEach((experts, device) => {
        for (const expert of experts) pattern[(device * layers.length + row) * numExperts + expert] = 1;
      });
    });
    return writeNpy([numChiplets, layers.length, numExperts], pattern);
  },
  recognises: ({ bytes }) => isNpy(bytes),
  read({ bytes }, options, report): Placement | undefined {
    const array = unlessDamaged(() => rowMajor(parseNpy(Buffer.from(bytes), "array")), report);
    if (array === undefined) return undefined;
    const { shape, values } = array;
    if (shape.length !== 3 || values.length === 0) {
      report(`found shape (${shape.join(", ")}), expected (devices, MoE layers, experts)`);
      return undefined;
    }
    const [numChiplets, numLayers, numExperts] = shape;
    checkModelSizes("omni-infer", { numChiplets, numLayers, numExperts });
    if (options.numChiplets !== undefined && options.numChiplets !== numChiplets) {
      report(`found ${numChiplets} devices, expected ${options.numChiplets}`);
    }
    if (options.numExperts !== undefined && options.numExperts !== numExperts) {
      report(`found ${numExperts} experts, expected ${options.numExperts}`);
    }
    const wrong = values.find((value) => value !== 0 && value !== 1);
    if (wrong !== undefined) report(`found ${wrong}, expected 0 or 1 everywhere`);
    const layers = layersOfRows(numLayers, options, report).map((layer, row) => {
      const chiplets = Array.from({ length: numChiplets }, (_, device) => {
        const start = (device * numLayers + row) * numExperts;
        const isHere = values.subarray(start, start + numExperts);
        return [...isHere.keys()].filter((expert) => isHere[expert] !== 0);
      });
      return { layer, chiplets };
    });
    return { model: options.model, numExperts, numChiplets, layers };
  },
};
