import type { Values } from "../../lib/containers/tensor.js";
import { startIdRows } from "../../lib/kernels/id-rows-kernel.js";
import { largestId } from "../../lib/trace/id-rows.js";

// Arrays of ids are written token after token, and are wanted layer by layer. Id by id, that takes several times as long
// as reading them; a tile at a time, the platform's own loops convert the ids, and rows are copied as whole vectors.

/** Ids of a tile: few enough to stay in the second-level cache. */
export const TILE_IDS = 2 ** 17;

/** Larger ones, of 8 or 16 bits with a sign, were negative. */
const INT16_MAX = 2 ** 15 - 1;
const TILE_BYTES = 2 * TILE_IDS;
/** What kernels may write or read behind the end: two vectors. */
const BEHIND_BYTES = 32;

// Behind the tile come the rows of one layer, and then the numbers that the tile is made of.
const GATHERED_AT = TILE_BYTES + BEHIND_BYTES;
const RAW_AT = GATHERED_AT + TILE_BYTES + BEHIND_BYTES;
const kernel = startIdRows(RAW_AT + 2 * TILE_BYTES + BEHIND_BYTES);
const buffer = kernel?.buffer ?? new ArrayBuffer(RAW_AT);
const tile = new Uint16Array(buffer, 0, TILE_IDS);
const gathered = new Uint16Array(buffer, GATHERED_AT, TILE_IDS);
const raw = new Uint8Array(buffer, RAW_AT);
/** Room for a tile of any type. */
const spare = new ArrayBuffer(8 * TILE_IDS);

/**
 * Takes ids, at most {@link TILE_IDS}, instead of those taken before.
 *
 * @returns Whether all of them fit 16 bits.
 */
export function fillTile(ids: Values): boolean {
  if (ids instanceof Uint16Array || ids instanceof Int16Array) {
    tile.set(new Uint16Array(ids.buffer, ids.byteOffset, ids.length));
    return ids instanceof Uint16Array || largestId(tile.subarray(0, ids.length)) <= INT16_MAX;
  }
  if (kernel && !(ids instanceof Float32Array || ids instanceof Float64Array)) {
    const end = RAW_AT + ids.byteLength;
    raw.set(bytesOf(ids));
    raw.fill(0, ids.byteLength, ids.byteLength + BEHIND_BYTES);
    if (ids.BYTES_PER_ELEMENT === 4) return kernel.exports.narrowWords(RAW_AT, end, 0) === 0;
    return kernel.exports.widenBytes(RAW_AT, end, 0) === 0 || ids instanceof Uint8Array;
  }
  tile.set(ids);
  if (ids instanceof Int8Array) return largestId(tile.subarray(0, ids.length)) <= INT16_MAX;
  // What did not fit is another number on the way back.
  const back = new (ids.constructor as Int32ArrayConstructor)(spare, 0, ids.length);
  back.set(tile.subarray(0, ids.length));
  return Buffer.compare(bytesOf(back), bytesOf(ids)) === 0;
}

/**
 * The ids of one layer, for tokens that have `idsPerToken` of all layers. Valid until the next call.
 *
 * @param first Where the layer's ids begin in each token.
 * @returns Shape [numTokens, topK], row-major.
 */
export function rowsOfTile(
  numTokens: number,
  { first, idsPerToken, topK }: { first: number; idsPerToken: number; topK: number },
): Uint16Array {
  if (kernel) {
    kernel.exports.gatherRows(2 * first, 2 * numTokens * idsPerToken, 2 * idsPerToken, GATHERED_AT, 2 * topK);
  } else {
    plainGather(first, { numIds: numTokens * idsPerToken, idsPerToken, topK });
  }
  return gathered.subarray(0, numTokens * topK);
}

/** The same where there are no kernels. */
function plainGather(
  first: number,
  { numIds, idsPerToken, topK }: { numIds: number; idsPerToken: number; topK: number },
): void {
  let to = 0;
  for (let from = first; from < numIds; from += idsPerToken) {
    for (let place = 0; place < topK; place++) gathered[to++] = tile[from + place];
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Values): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
