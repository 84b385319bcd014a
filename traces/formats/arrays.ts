import { InputError } from "../../lib/errors.js";
import { entryOf, type Tensor } from "../../lib/containers/tensor.js";
import { addLoads, appendIds, appendLayers } from "../bytes/tensor-rows.js";
import { kindOfArray, refuseEither, type ReadAs } from "../array-kind.js";
import type { TraceBuilder } from "../trace-builder.js";

/** What an array without names is for. */
export interface ArrayOptions {
  readonly where: string;
  readonly as?: ReadAs | undefined;
  /** Layer of an array that holds one layer's tokens or loads. Default 0. */
  readonly layer?: number;
}

/**
 * Reads an array for what its numbers say it is.
 *
 * @throws InputError if it is neither experts of tokens nor loads, or may be both.
 */
export function appendArray(builder: TraceBuilder, array: Tensor, options: ArrayOptions): void {
  const { where, layer = 0 } = options;
  const { shape, values } = array;
  if (shape.length === 1) {
    addLoads(builder, { ...array, shape: [1, ...shape], strides: [0, ...array.strides] }, where, layer);
    return;
  }
  const isFloat =
    values instanceof Float32Array || (values instanceof Float64Array && !values.every(Number.isInteger));
  switch (kindOfArray(array, { as: options.as, isFloat }).kind) {
    case "tokens":
      for (let index = 0; index < shape[1]; index++) builder.startSequence(index, { topK: shape[2] });
      appendLayers(builder, array, where);
      return;
    case "top-1 tokens":
      appendTopOne(builder, array, where);
      return;
    case "tokens of a layer":
      appendIds(builder, layer, array, where);
      return;
    case "loads":
      appendLoads(builder, array, where);
      return;
    case "either":
      return refuseEither(where, shape);
    case "neither":
      throw new InputError(
        `${where}: found an array [${shape.join(", ")}], expected experts [tokens, layers, top-k] or loads [layers, experts]`,
      );
  }
}

/** Appends the tokens of a model of top-1 layers. Shape [numTokens, numLayers]. */
export function appendTopOne(builder: TraceBuilder, ids: Tensor, where: string): void {
  appendLayers(builder, { ...ids, shape: [...ids.shape, 1], strides: [...ids.strides, 0] }, where);
}

/**
 * Adds loads [numLayers, numExperts], or of several steps or ranks.
 *
 * @throws InputError if they are omni-infer's placement patterns [devices, layers, experts], which hold nothing but 0 and
 *   1 and say where experts are, not how often they are chosen.
 */
export function appendLoads(builder: TraceBuilder, loads: Tensor, where: string): void {
  if (loads.shape.length === 2) {
    addLoads(builder, loads, where);
    return;
  }
  if (loads.values.every((value) => value === 0 || value === 1)) {
    throw new InputError(
      `${where}: found a placement pattern of nothing but 0 and 1, expected loads`,
      "Maybe this is for moeplace import or moeplace verify.",
    );
  }
  for (let step = 0; step < loads.shape[0]; step++) addLoads(builder, entryOf(loads, step), where);
}
