import { InputError } from "../../lib/errors.js";
import { entryOf, rowMajorStrides, type Tensor } from "../containers/tensor.js";
import { fillTile, rowsOfTile, TILE_IDS } from "./id-tile.js";
import type { TraceBuilder } from "../trace-builder.js";

/**
 * Appends the tokens of one layer that a tensor holds.
 *
 * @param ids Shape [numTokens, topK].
 * @throws InputError as {@link appendLayers} does.
 */
export function appendIds(builder: TraceBuilder, layer: number, ids: Tensor, where: string): void {
  const { shape, strides, start, values } = ids;
  const [numTokens, topK] = shape;
  const ofOneLayer = { shape: [numTokens, 1, topK], strides: [strides[0], topK, strides[1]], start, values };
  appendLayers(builder, ofOneLayer, where, layer);
}

/**
 * Appends the tokens of all layers that a tensor holds.
 *
 * Rows whose ids are all the same are no choice but padding (-1 or the largest number of their type) or a layer
 * without experts, and are left out.
 *
 * @param ids Shape [numTokens, numLayers, topK].
 * @throws InputError if an id is negative or beyond 65535, or top-k is not what it was.
 */
export function appendLayers(builder: TraceBuilder, ids: Tensor, where: string, firstLayer = 0): void {
  const { shape, strides, start, values } = ids;
  const [numTokens, numLayers, topK] = shape;
  const idsPerToken = numLayers * topK;
  const isDense = rowMajorStrides(shape).every((stride, dimension) => stride === strides[dimension]);
  // Any id of a top-1 token might be padding.
  const allowsTiles = isDense && topK > 1 && idsPerToken <= TILE_IDS;
  const tokensAtOnce = allowsTiles ? Math.floor(TILE_IDS / idsPerToken) : numTokens;
  for (let token = 0; token < numTokens; token += tokensAtOnce) {
    const tokens = Math.min(tokensAtOnce, numTokens - token);
    const first = start + token * strides[0];
    const isTile = allowsTiles && fillTile(values.subarray(first, first + tokens * idsPerToken));
    for (let index = 0; index < numLayers; index++) {
      const layer = firstLayer + index;
      let rows = isTile ? rowsOfTile(tokens, { first: index * topK, idsPerToken, topK }) : undefined;
      if (!rows || mayHavePadding(rows, topK)) {
        const ofLayer = {
          shape: [tokens, topK],
          strides: [strides[0], strides[2]],
          start: first + index * strides[1],
          values,
        };
        rows = rowsOneByOne(ofLayer, (found) => {
          const expected = `expected [0, ${builder.numExperts ?? 65536})`;
          return new InputError(`${where}: layer ${layer}: found ${found}, ${expected}`);
        });
      }
      const fault = rows.length > 0 ? builder.appendMany(layer, rows, topK) : undefined;
      if (fault) throw new InputError(`${where}: layer ${layer}: ${fault.found}`, fault.advice);
    }
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

/** Whether the first two ids of a row, of at least two, are the same: nearly always the second tells it is no padding. */
function mayHavePadding(rows: Uint16Array, topK: number): boolean {
  for (let first = 0; first < rows.length; first += topK) {
    if (rows[first] === rows[first + 1]) return true;
  }
  return false;
}

/**
 * The rows of a layer that are no padding.
 *
 * @param ids Shape [numTokens, topK].
 * @param error Made of what was found where an id is negative or beyond 65535.
 */
function rowsOneByOne(ids: Tensor, error: (found: string) => InputError): Uint16Array {
  const [numTokens, topK] = ids.shape;
  const [tokenStride, placeStride] = ids.strides;
  const rows = new Uint16Array(numTokens * topK);
  let length = 0;
  for (let token = 0, first = ids.start; token < numTokens; token++, first += tokenStride) {
    if (isPadding(ids, first)) continue;
    for (let place = 0; place < topK; place++) {
      const id = ids.values[first + place * placeStride];
      if (!(id >= 0 && id <= 65535)) throw error(id < 0 ? "a negative id" : `expert ${id}`);
      rows[length++] = id;
    }
  }
  return rows.subarray(0, length);
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
