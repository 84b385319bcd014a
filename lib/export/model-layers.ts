import { checkModelSizes } from "../plausible-size.js";
import { layersOfShape, type KnownModelLayers, type ModelLayers } from "../hardware/model-layers.js";
import { findModelShape } from "../hardware/model-shapes.js";
import type { Placement } from "../placement/placement.js";

/**
 * Completes what is known of a model's layers: from the model that was named when the placement was made, else from the
 * shape of a known model, else from the layers of the placement, the first taken for the model's first MoE layer, the last
 * for its last layer.
 *
 * @throws InputError if nobody tells the number of layers, and the last of the placement has no plausible number.
 * @param note Told of everything that was taken from the placement.
 *
 * @example
 * // A placement of the layers 1 and 2 of an unknown model:
 * completeModelLayers({ ...placement, model: undefined }, {}); // { numHiddenLayers: 3, firstMoeLayer: 1, moeLayerStep: 1 }
 */
export function completeModelLayers(
  { model, numExperts, sharedExperts = 0, layers, provenance }: Placement,
  known: KnownModelLayers,
  note?: (sentence: string) => void,
): ModelLayers {
  const found = model === undefined ? undefined : findModelShape(model);
  // A model of another number of experts is one made from the known one: its layers may be others too.
  const shape = found?.numExperts === numExperts - sharedExperts ? found : undefined;
  const { modelLayers, modelShape = "the model" } = provenance ?? {};
  const told = modelLayers ?? (shape && layersOfShape(shape));
  const toldOf = modelLayers === undefined ? shape?.name : modelShape;
  const last = layers[layers.length - 1].layer;
  if (known.numHiddenLayers === undefined) checkModelSizes("placement", { layer: last });
  const numHiddenLayers = known.numHiddenLayers ?? told?.numHiddenLayers;
  const firstMoeLayer = known.firstMoeLayer ?? told?.firstMoeLayer;
  if (numHiddenLayers === undefined) {
    note?.(`took the model to have ${last + 1} hidden layers; pass numHiddenLayers to say otherwise`);
  }
  if (firstMoeLayer === undefined) {
    note?.(`took layer ${layers[0].layer} for the first MoE layer; pass firstMoeLayer to say otherwise`);
  }
  // One layer more predicts further tokens, and engines count it.
  const isOther =
    told !== undefined &&
    ((numHiddenLayers ?? 0) < told.numHiddenLayers ||
      (told.firstMoeLayer !== undefined && firstMoeLayer !== told.firstMoeLayer));
  if (isOther) {
    const from = told.firstMoeLayer === undefined ? "" : `, experts from layer ${told.firstMoeLayer} on`;
    note?.(
      `${toldOf} has ${told.numHiddenLayers} layers${from}: the file is for ` +
        `${numHiddenLayers} layers, experts from layer ${firstMoeLayer} on, as was asked for; the engine may misplace all of them`,
    );
  } else if (modelLayers !== undefined && shape !== undefined && shape.numLayers !== numHiddenLayers) {
    note?.(
      `the trace is of ${shape.name} by its name, which has ${shape.numLayers} layers: the file is for the ${numHiddenLayers} of ` +
        `${modelShape}, which was named when the placement was made; pass numHiddenLayers to say otherwise`,
    );
  }
  return {
    numHiddenLayers: numHiddenLayers ?? last + 1,
    firstMoeLayer: firstMoeLayer ?? layers[0].layer,
    moeLayerStep: known.moeLayerStep ?? told?.moeLayerStep ?? 1,
  };
}

/** `1-26` or `3, 5, 7-9`: layer numbers for people. */
export function formatLayers(layers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const layer of layers) {
    const run = runs.at(-1);
    if (run?.[1] === layer - 1) run[1] = layer;
    else runs.push([layer, layer]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
}
