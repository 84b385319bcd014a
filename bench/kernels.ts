/**
 * `npm run bench:kernels`: what the kernels in WebAssembly are worth against the loops in TypeScript that take their place
 * where there are none.
 *
 * Seeded input. Both ways are compared with each other before anything is timed. Costs are processor time of the
 * cheapest of several runs, which other work disturbs least. docs/decisions/kernels.md says what follows from it.
 */
import { createRandom } from "../lib/random.js";
import { largestId, rowWithRepeat } from "../lib/trace/id-rows.js";
import { plainLargestId, plainRowWithRepeat } from "../lib/trace/plain-id-rows.js";
import { collectPatterns, type TokenPatterns } from "../lib/trace/token-patterns.js";
import { SetChain } from "../solvers/bounds/set-chain.js";
import { createWeightFitter } from "../solvers/bounds/subset-weights.js";
import { indexTokenSubsets } from "../solvers/bounds/token-subsets.js";
import { plainTokenCounter, vectorTokenCounter, type TokenCounter } from "../solvers/bounds/token-counter.js";
import {
  plainColumnTokens,
  vectorColumnTokens,
  type ColumnTokens,
} from "../solvers/columns/column-tokens.js";
import { plainTokenSets, vectorTokenSets, type TokenSets } from "../solvers/objectives/token-sets.js";
import { PlainGainTables } from "../solvers/search/plain-gain-tables.js";
import { SwapGains } from "../solvers/search/swap-gains.js";
import { startVectorGainTables } from "../solvers/search/vector-gain-tables.js";
import { fillTile, rowsOfTile, TILE_IDS } from "../traces/bytes/id-tile.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { leastMs } from "./least-ms.js";
import { row } from "./table.js";

const TOP_K = 8;
const NUM_EXPERTS = 256;
const NUM_LAYERS = 32;
const NUM_TOKENS = 2 ** 20;

const SWAPS = 2000;
const KEPT_EVERY = 10;
const COLUMNS = 500;
const CHAINS = 5000;
const COUNTED = 20;
const TOKENS = 16_384;
const shapes = [
  { preset: "deepseek-v2-lite", numChiplets: 8 },
  { preset: "deepseek-v3", numChiplets: 32 },
  { preset: "kimi-k2", numChiplets: 48 },
] as const;

const plainTile = new Uint16Array(TILE_IDS);
const ids = drawIds();
console.log(`## Loops over ids: ${(ids.length / 1e6).toFixed(1)} million ids, ${TOP_K} a token\n`);
printHead();
compare("largest id", { plain: () => plainLargestId(ids), vectors: () => largestId(ids) });
compare("first row with a repeat", {
  plain: () => plainRowWithRepeat(ids, TOP_K),
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
console.log(`\n## Gains of swaps: a layer of ${TOKENS} synthetic tokens, ${SWAPS} random swaps\n`);
printHead();
for (const { preset, numChiplets } of shapes) compareSwaps(preset, numChiplets);
console.log(
  `\n## Pricing columns: a layer of ${TOKENS} synthetic tokens, ${COLUMNS} random columns filled and emptied\n`,
);
printHead();
for (const { preset, numChiplets } of shapes) compareColumns(preset, numChiplets);
console.log(
  `\n## Chains of subsets: a layer of ${TOKENS} synthetic tokens, ${CHAINS} sets of 7 grown, looked around and emptied\n`,
);
printHead();
for (const { preset } of shapes) compareChains(preset);
console.log(
  `\n## Tokens of columns: a layer of ${TOKENS} synthetic tokens, ${COUNTED} sets of 7 with each expert\n`,
);
printHead();
for (const { preset } of shapes) compareCounters(preset);
console.log(
  `\n## Sets of tokens: a layer of ${TOKENS} synthetic tokens, ${SWAPS} random swaps tried, every ${KEPT_EVERY}th kept\n`,
);
printHead();
for (const { preset, numChiplets } of shapes) compareTokenSets(preset, numChiplets);

function printHead(): void {
  console.log("| question | TypeScript, ms | WebAssembly, ms | times as fast |");
  console.log("| --- | ---: | ---: | ---: |");
}

function patternsOf(preset: string): TokenPatterns {
  const trace = synthesizeTrace({ preset, tokens: TOKENS, layers: 1 });
  return collectPatterns(trace.layers[0], trace);
}

/** Fills columns expert by expert, as pricing does, and takes their experts out again. */
function compareColumns(preset: string, numChiplets: number): void {
  const patterns = patternsOf(preset);
  const size = patterns.numExperts / numChiplets;
  const vectors = vectorColumnTokens(patterns);
  if (!vectors) throw new Error("found no kernels");
  const fill =
    ({ adds, insert, remove }: ColumnTokens) =>
    () => {
      const random = createRandom(1);
      let tokens = 0;
      for (let column = 0; column < COLUMNS; column++) {
        const experts = Array.from({ length: size }, () => random.below(patterns.numExperts));
        for (const expert of experts) {
          tokens += adds[expert];
          insert(expert);
        }
        for (const expert of experts) remove(expert);
      }
      return tokens;
    };
  const name = `${patterns.numExperts} experts, ${size} a column`;
  compare(name, { plain: fill(plainColumnTokens(patterns)), vectors: fill(vectors) });
}

/** Grows sets of four experts of a token and others, and lists at each size what would weigh less than nothing. */
function compareChains(preset: string): void {
  const patterns = patternsOf(preset);
  const { numExperts, numPatterns, offsets, experts } = patterns;
  const subsets = indexTokenSubsets(patterns, { numExperts, mostSubsets: Infinity });
  if (!subsets) throw new Error("subsets are too many");
  const slots = 8;
  const observed = Array.from({ length: numExperts / slots }, (_, chiplet) => ({
    experts: Array.from({ length: slots }, (_, slot) => chiplet * slots + slot),
    weight: 1,
  }));
  const weights = createWeightFitter(subsets, { slots })(observed);
  const own = weights.ofExperts.map((weight) => -weight / 2);
  const grow = (chain: SetChain) => () => {
    const random = createRandom(1);
    let sum = 0;
    for (let made = 0; made < CHAINS; made++) {
      const token = offsets[random.below(numPatterns)];
      const set = new Set(experts.subarray(token, token + 4));
      while (set.size < slots - 1) set.add(random.below(numExperts));
      for (const expert of set) {
        chain.push(expert);
        const found = chain.list([0, 1, 1, 1, 1], 0);
        sum += found * chain.listed[chain.size][found >> 1];
      }
      while (chain.size > 0) chain.pop();
    }
    return sum;
  };
  const chains = [false, true].map((withKernel) => new SetChain(subsets, { slots, withKernel }));
  for (const chain of chains) chain.load(weights, own);
  compare(`${numExperts} experts`, { plain: grow(chains[0]), vectors: grow(chains[1]) });
}

/** Counts the tokens of columns that differ in their last experts. */
function compareCounters(preset: string): void {
  const patterns = patternsOf(preset);
  const vectors = vectorTokenCounter(patterns);
  if (!vectors) throw new Error("found no kernels");
  const count = (counter: TokenCounter) => () => {
    const random = createRandom(1);
    let sum = 0;
    for (let made = 0; made < COUNTED; made++) {
      counter.begin(Uint16Array.from({ length: 7 }, () => random.below(patterns.numExperts)));
      for (let last = 0; last < patterns.numExperts; last++) sum += counter.countWith(last);
    }
    return sum;
  };
  compare(`${patterns.numExperts} experts`, {
    plain: count(plainTokenCounter(patterns)),
    vectors: count(vectors),
  });
}

/** Tries swaps of two experts from a contiguous placement on, as annealing on the time does, and keeps some. */
function compareTokenSets(preset: string, numChiplets: number): void {
  const patterns = patternsOf(preset);
  const slots = patterns.numExperts / numChiplets;
  const shape = { numBlocks: numChiplets, mostSets: slots, numSpare: 2 };
  const vectors = vectorTokenSets(patterns, shape);
  if (!vectors) throw new Error("found no kernels");
  const swap = (sets: TokenSets) => () => {
    const random = createRandom(1);
    const expertIn = Array.from({ length: patterns.numExperts }, (_, expert) => expert);
    sets.clear();
    for (const expert of expertIn)
      sets.change(sets.block(Math.floor(expert / slots)), sets.none, sets.ofExpert(expert));
    let tokens = 0;
    for (let made = 0; made < SWAPS; made++) {
      const [slot, other] = [random.below(expertIn.length), random.below(expertIn.length)];
      const [a, b] = [slot, other].map((at) => sets.block(Math.floor(at / slots)));
      if (a === b) continue;
      const [leaving, entering] = [sets.ofExpert(expertIn[slot]), sets.ofExpert(expertIn[other])];
      tokens += sets.exchange(a, leaving, entering, sets.spare(0));
      tokens += sets.exchange(b, entering, leaving, sets.spare(1));
      if (made % KEPT_EVERY > 0) continue;
      sets.change(a, leaving, entering);
      sets.change(b, entering, leaving);
      [expertIn[slot], expertIn[other]] = [expertIn[other], expertIn[slot]];
    }
    return tokens;
  };
  compare(`${patterns.numExperts} experts, ${numChiplets} chiplets`, {
    plain: swap(plainTokenSets(patterns, shape)),
    vectors: swap(vectors),
  });
}

/** Counts the tables of gains of a contiguous placement, and makes swaps. */
function compareSwaps(preset: string, numChiplets: number): void {
  const patterns = patternsOf(preset);
  const shape = { patterns, numChiplets, slotsPerChiplet: Math.ceil(patterns.numExperts / numChiplets) };
  const contiguous = Uint16Array.from({ length: patterns.numExperts }, (_, expert) =>
    Math.floor(expert / shape.slotsPerChiplet),
  );
  const vectorTables = startVectorGainTables(shape);
  if (!vectorTables) throw new Error("found no kernels");
  const plain = new SwapGains(shape, new PlainGainTables(shape));
  const vectors = new SwapGains(shape, vectorTables);
  const place = (state: SwapGains) => () => {
    state.place(contiguous);
    return state.tokenCopies;
  };
  const swap = (state: SwapGains) => () => {
    const random = createRandom(1);
    state.place(contiguous);
    for (let made = 0; made < SWAPS; made++) {
      const [e, f] = [random.below(state.numOccupants), random.below(state.numOccupants)];
      if (state.chipletOf[e] !== state.chipletOf[f]) state.swap(e, f);
    }
    return state.tokenCopies;
  };
  const name = `${patterns.numExperts} experts, ${numChiplets} chiplets`;
  compare(`${name}: swaps`, { plain: swap(plain), vectors: swap(vectors) });
  compare(`${name}: tables from scratch`, { plain: place(plain), vectors: place(vectors) });
}

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
