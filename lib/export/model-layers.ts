import { checkModelSizes } from "../plausible-size.js";
import { findModelShape } from "../hardware/model-shapes.js";
import type { Placement } from "../placement/placement.js";

/** Which layers of a model are MoE layers: the engines each number them in their own way. */
export interface ModelLayers {
  /** Decoder layers, dense ones included. */
  readonly numHiddenLayers: number;
  /** First layer with experts, counted from 0 with the dense ones. */
  readonly firstMoeLayer: number;
  /** From one MoE layer to the next; 1 unless the model interleaves dense layers. */
  readonly moeLayerStep: number;
}

/** What is known of {@link ModelLayers}. */
export type KnownModelLayers = { readonly [Key in keyof ModelLayers]?: ModelLayers[Key] | undefined };

/** Numbers of the MoE layers, ascending. */
export function moeLayers({ numHiddenLayers, firstMoeLayer, moeLayerStep }: ModelLayers): number[] {
  const layers: number[] = [];
  for (let layer = firstMoeLayer; layer < numHiddenLayers; layer += moeLayerStep) layers.push(layer);
  return layers;
}

/**
 * Completes what is known of a model's layers: from the shape of a known model, else from the layers of a placement, the
 * first taken for the model's first MoE layer, the last for its last layer.
 *
 * @throws InputError if nobody tells the number of layers, and the last of the placement has no plausible number.
 * @param note Told of everything that was taken from the placement.
 *
 * @example
 * // A placement of the layers 1 and 2 of an unknown model:
 * completeModelLayers({ ...placement, model: undefined }, {}); // { numHiddenLayers: 3, firstMoeLayer: 1, moeLayerStep: 1 }
 */
export function completeModelLayers(
  { model, numExperts, sharedExperts = 0, layers }: Placement,
  known: KnownModelLayers,
  note?: (sentence: string) => void,
): ModelLayers {
  const found = model === undefined ? undefined : findModelShape(model);
  // A model of another number of experts is one made from the known one: its layers may be others too.
  const shape = found?.numExperts === numExperts - sharedExperts ? found : undefined;
  const last = layers[layers.length - 1].layer;
  if (known.numHiddenLayers === undefined) checkModelSizes("placement", { layer: last });
  const numHiddenLayers = known.numHiddenLayers ?? shape?.numLayers;
  const firstMoeLayer = known.firstMoeLayer ?? shape?.firstMoeLayer;
  if (numHiddenLayers === undefined) {
    note?.(`took the model to have ${last + 1} hidden layers; pass numHiddenLayers to say otherwise`);
  }
  if (firstMoeLayer === undefined) {
    note?.(`took layer ${layers[0].layer} for the first MoE layer; pass firstMoeLayer to say otherwise`);
  }
  // One layer more predicts further tokens, and engines count it.
  const isOther =
    shape !== undefined &&
    ((numHiddenLayers ?? 0) < shape.numLayers || firstMoeLayer !== shape.firstMoeLayer);
  if (isOther) {
    note?.(
      `${shape.name} has ${shape.numLayers} layers, experts from layer ${shape.firstMoeLayer} on: the file is for ` +
        `${numHiddenLayers} layers, experts from layer ${firstMoeLayer} on, as was asked for; the engine may misplace all of them`,
    );
  }
  return {
    numHiddenLayers: numHiddenLayers ?? last + 1,
    firstMoeLayer: firstMoeLayer ?? layers[0].layer,
    moeLayerStep: known.moeLayerStep ?? 1,
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
