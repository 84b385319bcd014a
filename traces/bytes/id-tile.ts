import type { Values } from "../../lib/containers/tensor.js";
import { startIdRows } from "../../lib/kernels/id-rows-kernel.js";

// Arrays of ids are written token after token, and are wanted layer by layer. Id by id, that takes several times as long
// as reading them; a tile at a time, the platform's own loops convert the ids, and rows are copied as whole vectors.

/** Ids of a tile: few enough to stay in the second-level cache. */
export const TILE_IDS = 2 ** 17;

const TILE_BYTES = 2 * TILE_IDS;
/** What the kernel may write behind the rows of a layer. */
const BEHIND_BYTES = 16;

// Behind the tile come the rows of one layer.
const kernel = startIdRows(2 * TILE_BYTES + BEHIND_BYTES);
const buffer = kernel?.buffer ?? new ArrayBuffer(2 * TILE_BYTES);
const tile = new Uint16Array(buffer, 0, TILE_IDS);
const gathered = new Uint16Array(buffer, TILE_BYTES, TILE_IDS);
/** Room for a tile of any type. */
const spare = new ArrayBuffer(8 * TILE_IDS);

/**
 * Takes ids, at most {@link TILE_IDS}, instead of those taken before.
 *
 * @returns Whether all of them fit 16 bits.
 */
export function fillTile(ids: Values): boolean {
  tile.set(ids);
  if (ids instanceof Uint8Array || ids instanceof Uint16Array) return true;
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
    kernel.exports.gatherRows(2 * first, 2 * numTokens * idsPerToken, 2 * idsPerToken, TILE_BYTES, 2 * topK);
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
