import { entryOf, rowMajorStrides, vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import { InputError } from "../../lib/errors.js";
import { checkModelSizes } from "../../lib/plausible-size.js";
import { factsOfRows } from "../../lib/trace/id-rows.js";
import { NO_EXPERT } from "../../lib/trace/routing-trace.js";
import { fillTile, rowsOfTile, TILE_IDS } from "./id-tile.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { RowFault } from "../row-fault.js";

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
 * Rows whose ids are all the same are no choice but a layer without experts, and are left out; so is padding, as
 * traces/padding.ts tells it.
 *
 * @param ids Shape [numTokens, numLayers, topK].
 * @throws InputError if an id is negative or no number of an expert, or top-k is not what it was.
 */
export function appendLayers(builder: TraceBuilder, ids: Tensor, where: string, firstLayer = 0): void {
  const { shape, strides, start, values } = ids;
  const [numTokens, numLayers, topK] = shape;
  checkModelSizes(where, { numLayers, topK }, builder.options);
  const idsPerToken = numLayers * topK;
  const isDense = rowMajorStrides(shape).every((stride, dimension) => stride === strides[dimension]);
  // Any id of a top-1 token might be padding.
  const allowsTiles = isDense && topK > 1 && idsPerToken <= TILE_IDS;
  const tokensAtOnce = allowsTiles ? Math.floor(TILE_IDS / idsPerToken) : numTokens;
  builder.isByte = values instanceof Uint8Array;
  for (let token = 0; token < numTokens; token += tokensAtOnce) {
    const tokens = Math.min(tokensAtOnce, numTokens - token);
    const first = start + token * strides[0];
    const isTile = allowsTiles && fillTile(values.subarray(first, first + tokens * idsPerToken));
    for (let index = 0; index < numLayers; index++) {
      const layer = firstLayer + index;
      const rows = isTile ? rowsOfTile(tokens, { first: index * topK, idsPerToken, topK }) : undefined;
      const facts = rows && factsOfRows(rows, topK);
      // What is 65535 in the tile may have been -1.
      if (facts && facts.largest !== NO_EXPERT && !(facts.hasRepeat && mayHavePadding(rows, topK))) {
        const fault = builder.appendMany(layer, rows, topK, facts);
        if (fault) throw new InputError(`${where}: layer ${layer}: ${fault.found}`, fault.advice);
      } else {
        const shapeOfLayer = [tokens, topK];
        const stridesOfLayer = [strides[0], strides[2]];
        const startOfLayer = first + index * strides[1];
        const ofLayer = { shape: shapeOfLayer, strides: stridesOfLayer, start: startOfLayer, values };
        appendWithCare(builder, layer, ofLayer, where);
      }
    }
  }
  builder.isByte = false;
}

/** Loads of layers, the first of which has the number given. Shape [numLayers, numExperts]. */
export function loadsOfLayers(loads: Tensor, firstLayer = 0): (readonly [number, Float64Array])[] {
  return Array.from({ length: loads.shape[0] }, (_, layer) => [
    firstLayer + layer,
    vectorOf(entryOf(loads, layer)),
  ]);
}

/** Whether the first two ids of a row, of at least two, are the same: nearly always the second tells it is no padding. */
function mayHavePadding(rows: Uint16Array, topK: number): boolean {
  for (let first = 0; first < rows.length; first += topK) {
    if (rows[first] === rows[first + 1]) return true;
  }
  return false;
}

/**
 * Appends the tokens of one layer, row by row where there may be padding.
 *
 * @param ids Shape [numTokens, topK].
 */
function appendWithCare(builder: TraceBuilder, layer: number, ids: Tensor, where: string): void {
  const [numTokens, topK] = ids.shape;
  const [tokenStride, placeStride] = ids.strides;
  const plain = new Uint16Array(numTokens * topK);
  const row = new Float64Array(topK);
  let length = 0;
  const check = (fault: RowFault | undefined) => {
    if (!fault) return;
    const isId = (id: number) => id >= 0 && id <= NO_EXPERT;
    const end = row.findLastIndex(isId);
    // Of what stands behind the experts, as padding does, and of fractions the builder says what is wrong.
    const wrong = row.find((id, at) => Number.isInteger(id) && !isId(id) && (at < end || id > 0));
    const found =
      wrong === undefined
        ? fault.found
        : `found ${wrong < 0 ? "a negative id" : `expert ${wrong}`}, expected [0, ${builder.numExperts ?? NO_EXPERT})`;
    throw new InputError(`${where}: layer ${layer}: ${found}`, fault.advice);
  };
  const appendPlain = () => {
    if (length > 0) check(builder.appendMany(layer, plain.slice(0, length), topK));
    length = 0;
  };
  for (let token = 0, first = ids.start; token < numTokens; token++, first += tokenStride) {
    let isPlain = topK > 1;
    let isSame = topK > 1;
    for (let place = 0; place < topK; place++) {
      const id = ids.values[first + place * placeStride];
      row[place] = id;
      plain[length + place] = id;
      isPlain &&= id >= 0 && id < NO_EXPERT && Number.isInteger(id);
      isSame &&= id === row[0];
    }
    if (isSame) continue;
    if (isPlain) {
      length += topK;
      continue;
    }
    appendPlain();
    check(builder.append(layer, row));
  }
  row.fill(0);
  appendPlain();
}
