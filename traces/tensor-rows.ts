import { InputError } from "../lib/errors.js";
import { entryOf, type Tensor } from "./containers/tensor.js";
import type { TraceBuilder } from "./trace-builder.js";

/**
 * Appends the tokens of one layer that a tensor holds.
 *
 * Rows whose ids are all the same are no choice but padding (-1 or the largest number of their type) or a layer
 * without experts, and are left out.
 *
 * @param ids Shape [numTokens, topK].
 * @throws InputError if an id is negative or beyond 65535, or top-k is not what it was.
 */
export function appendIds(builder: TraceBuilder, layer: number, ids: Tensor, where: string): void {
  const [numTokens, topK] = ids.shape;
  const [tokenStride, placeStride] = ids.strides;
  const { values, start } = ids;
  const rows = new Uint16Array(numTokens * topK);
  let length = 0;
  // Negative as soon as one id is.
  let signs = 0;
  let largest = 0;
  for (let token = 0; token < numTokens; token++) {
    const first = start + token * tokenStride;
    if (isPadding(ids, first)) continue;
    for (let place = 0, at = first; place < topK; place++, at += placeStride) {
      const id = values[at];
      signs |= id;
      if (id > largest) largest = id;
      rows[length++] = id;
    }
  }
  if (length === 0) return;
  if (signs < 0 || largest > 65535) {
    const limit = builder.numExperts ?? 65536;
    throw new InputError(
      `${where}: layer ${layer}: found ${signs < 0 ? "a negative id" : `expert ${largest}`}, expected [0, ${limit})`,
    );
  }
  const fault = builder.appendMany(layer, rows.subarray(0, length), topK);
  if (fault) throw new InputError(`${where}: layer ${layer}: ${fault.found}`, fault.advice);
}

/**
 * Appends the tokens of all layers that a tensor holds.
 *
 * @param ids Shape [numTokens, numLayers, topK].
 * @throws InputError as {@link appendIds} does.
 */
export function appendLayers(builder: TraceBuilder, ids: Tensor, where: string): void {
  const [numTokens, numLayers, topK] = ids.shape;
  const [tokenStride, layerStride, placeStride] = ids.strides;
  for (let layer = 0; layer < numLayers; layer++) {
    const start = ids.start + layer * layerStride;
    const ofLayer = {
      shape: [numTokens, topK],
      strides: [tokenStride, placeStride],
      start,
      values: ids.values,
    };
    appendIds(builder, layer, ofLayer, where);
  }
}

/** Adds loads of all layers. Shape [numLayers, numExperts]. */
export function addLoads(builder: TraceBuilder, loads: Tensor, where: string): void {
  for (let layer = 0; layer < loads.shape[0]; layer++) {
    const { shape, strides, start, values } = entryOf(loads, layer);
    const load = Float64Array.from({ length: shape[0] }, (_, expert) => values[start + expert * strides[0]]);
    builder.addLoad(where, layer, load);
  }
}

function isPadding({ shape, strides, values }: Tensor, first: number): boolean {
  const topK = shape[1];
  const id = values[first];
  if (topK === 1)
    return id < 0 || (values.BYTES_PER_ELEMENT <= 2 && id === 256 ** values.BYTES_PER_ELEMENT - 1);
  for (let place = 1; place < topK; place++) {
    if (values[first + place * strides[1]] !== id) return false;
  }
  return true;
}
