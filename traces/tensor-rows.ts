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
  // Bits beyond 16 as soon as one id is too large or negative.
  let bits = 0;
  for (let token = 0, first = start; token < numTokens; token++, first += tokenStride) {
    // Nearly always the second id tells that a row is no padding.
    const mayBePadding = topK === 1 || values[first] === values[first + placeStride];
    if (mayBePadding && isPadding(ids, first)) continue;
    for (let place = 0; place < topK; place++) {
      const id = values[first + place * placeStride];
      bits |= id;
      rows[length + place] = id;
    }
    length += topK;
  }
  if (length === 0) return;
  // Ids beyond 32 bits, which are floating-point numbers here, may have lost theirs.
  if (bits >>> 16 !== 0 || values instanceof Float64Array) checkRange(ids, { layer, where, builder });
  const fault = builder.appendMany(layer, rows.subarray(0, length), topK);
  if (fault) throw new InputError(`${where}: layer ${layer}: ${fault.found}`, fault.advice);
}

/** @throws InputError if an id is negative or beyond 65535, other than in padding. */
function checkRange(
  ids: Tensor,
  { layer, where, builder }: { layer: number; where: string; builder: TraceBuilder },
): void {
  const [numTokens, topK] = ids.shape;
  for (let token = 0; token < numTokens; token++) {
    const first = ids.start + token * ids.strides[0];
    if (isPadding(ids, first)) continue;
    for (let place = 0; place < topK; place++) {
      const id = ids.values[first + place * ids.strides[1]];
      if (id >= 0 && id <= 65535) continue;
      throw new InputError(
        `${where}: layer ${layer}: found ${id < 0 ? "a negative id" : `expert ${id}`}, expected [0, ${builder.numExperts ?? 65536})`,
      );
    }
  }
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
