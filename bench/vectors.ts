/**
 * `npm run bench:vectors`: what the WebAssembly loops over ids are worth against the same loops in TypeScript.
 *
 * Seeded ids, 8 a token. Both ways are compared with each other before anything is timed. Costs are processor time of the
 * cheapest of several runs, which other work disturbs least. docs/decisions/vector-loops.md says what follows from it.
 */
import { createRandom } from "../lib/random.js";
import { largestId, rowWithRepeat } from "../lib/trace/id-rows.js";
import { fillTile, rowsOfTile, TILE_IDS } from "../traces/bytes/id-tile.js";
import { leastMs } from "./least-ms.js";
import { row } from "./table.js";

const TOP_K = 8;
const NUM_EXPERTS = 256;
const NUM_LAYERS = 32;
const NUM_TOKENS = 2 ** 20;

const plainTile = new Uint16Array(TILE_IDS);
const ids = drawIds();
console.log(`## Loops over ids: ${(ids.length / 1e6).toFixed(1)} million ids, ${TOP_K} a token\n`);
console.log("| question | TypeScript, ms | WebAssembly, ms | times as fast |");
console.log("| --- | ---: | ---: | ---: |");
compare("largest id", { plain: () => plainLargest(ids), vectors: () => largestId(ids) });
compare("first row with a repeat", {
  plain: () => plainRepeat(ids, TOP_K),
  vectors: () => rowWithRepeat(ids, TOP_K),
});
compare(`rows of each of ${NUM_LAYERS} layers`, {
  plain: () => sumOfTiles((tile, layer, numTokens) => plainRows(tile, layer, numTokens)),
  vectors: () =>
    sumOfTiles((tile, layer, numTokens) => {
      if (layer === 0) fillTile(tile);
      return rowsOfTile(numTokens, { first: layer * TOP_K, idsPerToken: NUM_LAYERS * TOP_K, topK: TOP_K });
    }),
});

/** Tokens of distinct ids, so that no loop ends early. */
function drawIds(): Uint16Array {
  const random = createRandom(1);
  const drawn = new Uint16Array(NUM_TOKENS * TOP_K);
  for (let token = 0; token < NUM_TOKENS; token++) {
    const first = random.below(NUM_EXPERTS);
    // Odd steps reach every id before they return, because the number of experts is a power of two.
    const step = 2 * random.below(NUM_EXPERTS / 2) + 1;
    for (let pick = 0; pick < TOP_K; pick++) {
      drawn[token * TOP_K + pick] = (first + pick * step) % NUM_EXPERTS;
    }
  }
  return drawn;
}

function compare(question: string, { plain, vectors }: { plain: () => number; vectors: () => number }): void {
  if (plain() !== vectors()) throw new Error(`${question}: ${plain()} and ${vectors()} differ`);
  const [plainMs, vectorMs] = [leastMs(plain), leastMs(vectors)];
  row(question, plainMs, vectorMs, plainMs / vectorMs);
}

function plainLargest(all: Uint16Array): number {
  let largest = -1;
  for (let at = 0; at < all.length; at++) if (all[at] > largest) largest = all[at];
  return largest;
}

/** The plainest loop that is fast: every id against those before it in its row. */
function plainRepeat(all: Uint16Array, width: number): number {
  for (let start = 0; start < all.length; start += width) {
    for (let i = start + 1; i < start + width; i++) {
      for (let j = start; j < i; j++) if (all[i] === all[j]) return start / width;
    }
  }
  return -1;
}

/** Reads the ids as an array of all layers, token after token, tile by tile; sums a few of every layer's rows. */
function sumOfTiles(rowsOf: (tile: Uint16Array, layer: number, numTokens: number) => Uint16Array): number {
  let sum = 0;
  for (let start = 0; start < ids.length; start += TILE_IDS) {
    const tile = ids.subarray(start, start + TILE_IDS);
    const numTokens = tile.length / (NUM_LAYERS * TOP_K);
    for (let layer = 0; layer < NUM_LAYERS; layer++) {
      const rows = rowsOf(tile, layer, numTokens);
      sum += rows[0] + rows[rows.length >> 1] * layer + rows[rows.length - 1];
    }
  }
  return sum;
}

function plainRows(tile: Uint16Array, layer: number, numTokens: number): Uint16Array {
  const idsPerToken = NUM_LAYERS * TOP_K;
  let to = 0;
  for (let token = 0; token < numTokens; token++) {
    const from = token * idsPerToken + layer * TOP_K;
    for (let pick = 0; pick < TOP_K; pick++) plainTile[to++] = tile[from + pick];
  }
  return plainTile.subarray(0, to);
}
