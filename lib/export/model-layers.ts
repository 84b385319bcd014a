import { InputError } from "../errors.js";
import type { Seating } from "../placement/placement.js";

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
 * Completes what is known of a model's layers from the layers of a seating: the first is taken for the model's first
 * MoE layer, the last for its last layer.
 *
 * @throws InputError if the seating has a layer that the model has not.
 *
 * @example
 * // A seating of the layers 1 to 26:
 * guessModelLayers(seating, {}); // { numHiddenLayers: 27, firstMoeLayer: 1, moeLayerStep: 1 }
 */
export function guessModelLayers({ layers }: Seating, known: KnownModelLayers): ModelLayers {
  const model = {
    numHiddenLayers: known.numHiddenLayers ?? layers[layers.length - 1].layer + 1,
    firstMoeLayer: known.firstMoeLayer ?? layers[0].layer,
    moeLayerStep: known.moeLayerStep ?? 1,
  };
  const expected = new Set(moeLayers(model));
  for (const { layer } of layers) {
    if (!expected.has(layer)) {
      throw new InputError(
        `layer ${layer}: found a placement, expected only MoE layers, ${formatLayers([...expected])}`,
        "Maybe put right --num-hidden-layers, --first-moe-layer or --moe-layer-step.",
      );
    }
  }
  return model;
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
