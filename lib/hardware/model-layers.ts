import { findModelShape, type ModelShape } from "./model-shapes.js";

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

/** How many layers a model has, and which are MoE layers where they follow one another evenly. */
export interface CountedLayers extends Pick<ModelLayers, "numHiddenLayers"> {
  readonly firstMoeLayer?: number;
  readonly moeLayerStep?: number;
}

/** Numbers of the MoE layers, ascending. */
export function moeLayers({ numHiddenLayers, firstMoeLayer, moeLayerStep }: ModelLayers): number[] {
  const layers: number[] = [];
  for (let layer = firstMoeLayer; layer < numHiddenLayers; layer += moeLayerStep) layers.push(layer);
  return layers;
}

/**
 * The layers of a model of that shape.
 *
 * @example
 * layersOfShape(findModelShape("deepseek-v3")); // { numHiddenLayers: 61, firstMoeLayer: 3, moeLayerStep: 1 }
 */
export function layersOfShape(shape: ModelShape): CountedLayers {
  const { numLayers: numHiddenLayers, firstMoeLayer, moeLayerStep = 1, numMoeLayers } = shape;
  const isEven = moeLayers({ numHiddenLayers, firstMoeLayer, moeLayerStep }).length === numMoeLayers;
  return isEven ? { numHiddenLayers, firstMoeLayer, moeLayerStep } : { numHiddenLayers };
}

/**
 * The layers of a shape that was named beside a trace, where the name that the trace gives its model does not tell them.
 *
 * @param layers Numbers of the layers of the trace.
 * @returns Undefined too where some layer of the trace is none of them: see {@link strayLayers}.
 *
 * @example
 * layersBeyondName(findModelShape("deepseek-v3"), { model: undefined, layers: [3] })?.numHiddenLayers; // 61
 */
export function layersBeyondName(
  shape: ModelShape,
  { model, layers }: { readonly model: string | undefined; readonly layers: readonly number[] },
): CountedLayers | undefined {
  const counted = layersOfShape(shape);
  const named = model === undefined ? undefined : findModelShape(model);
  const isTold =
    named?.name === shape.name && JSON.stringify(layersOfShape(named)) === JSON.stringify(counted);
  return isTold || strayLayers(counted, layers).length > 0 ? undefined : counted;
}

/** Those of the layers that are no MoE layers of the model, as far as that is known. */
export function strayLayers(
  { numHiddenLayers, firstMoeLayer = 0, moeLayerStep = 1 }: CountedLayers,
  layers: readonly number[],
): number[] {
  const known = new Set(moeLayers({ numHiddenLayers, firstMoeLayer, moeLayerStep }));
  return layers.filter((layer) => !known.has(layer));
}
