import { loadOf } from "../lib/trace/load-trace.js";
import { NO_EXPERT, type LayerTrace, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { sum } from "../lib/statistics.js";
import { fillWarnings, repeatWarnings } from "./repeats.js";
import { keepsBlock, SAMPLE_BLOCK } from "./sampling.js";

/** Fewer tokens prove nothing about an expert that is in all of them. */
const MIN_TOKENS = 20;
/** Tokens with experts 0, 1, 2, ... in this order, over what chance makes of them, from which on they are suspicious. */
const SUSPICIOUS_FACTOR = 10;
/** Tokens that are looked at before all are. */
const MANY_TOKENS = 2 ** 17;
/** Tokens that routers would have to spread so evenly, for an even load to be suspicious. */
const MIN_LOAD = 500;
/** Standard deviation of the load over what independent draws make, below which no router is behind it. */
const EVEN_SPREAD = 1.2;

/**
 * What looks like no text, or no routed expert, in a trace that is sound otherwise: a line each, with the way out.
 *
 * @param varies Whether some tokens have fewer experts than others.
 */
export function suspicionsOf(trace: RoutingTrace, varies: boolean): string[] {
  return [
    ...sharedWarnings(trace),
    ...placeWarnings(trace),
    ...orderWarnings(trace),
    ...fillWarnings(trace),
    ...repeatWarnings(trace),
    ...draftWarnings(trace),
    ...(varies ? widthWarnings(trace) : []),
    ...evenWarnings(trace),
  ];
}

/**
 * Experts that are in every token of every layer, as no routed expert is: shared ones, which some engines append.
 *
 * @returns Ascending; empty where there are too few tokens to tell.
 */
export function sharedExperts(layers: readonly LayerTrace[], topK: number, minTokens = MIN_TOKENS): number[] {
  const numTokens = layers.reduce((sum, layer) => sum + layer.numTokens, 0);
  if (numTokens < minTokens || topK < 2) return [];
  let found: Set<number> | undefined;
  for (const { experts } of layers) {
    for (let first = 0; first < experts.length; first += topK) {
      const chosen = experts.subarray(first, first + topK);
      found =
        found === undefined
          ? new Set(chosen)
          : new Set([...found].filter((expert) => chosen.includes(expert)));
      if (found.size === 0) return [];
    }
  }
  return [...(found ?? [])].filter((expert) => expert !== NO_EXPERT).sort((a, b) => a - b);
}

function sharedWarnings({ layers, topK, numExperts }: RoutingTrace): string[] {
  if (topK === numExperts) return [];
  return sharedExperts(layers, topK).map(
    (expert) =>
      `expert ${expert} is in every token of every layer: a shared expert is no routed one, and wants no place; ` +
      `pass dropExperts ${expert} to leave it out`,
  );
}

/**
 * Warns of experts that share one place among all tokens' and are never in another: routers choose no expert so, but engines append
 * a shared one under the id of any of its replicas. Where several places are such, experts are in groups.
 */
function placeWarnings({ layers, topK, numExperts }: RoutingTrace): string[] {
  const numTokens = layers.reduce((sum, layer) => sum + layer.numTokens, 0);
  // Shape [numExperts]; -1 where an expert was not met.
  const placeOf = new Int16Array(numExperts).fill(-1);
  const own = new Set(Array.from({ length: topK }, (_, place) => place));
  for (const { experts } of layers) {
    for (let at = 0; at < experts.length && own.size > 0; at++) {
      const [expert, place] = [experts[at], at % topK];
      if (expert === NO_EXPERT) own.delete(place);
      else if (placeOf[expert] < 0) placeOf[expert] = place;
      else if (placeOf[expert] !== place) {
        own.delete(place);
        own.delete(placeOf[expert]);
      }
    }
  }
  if (topK < 2 || own.size !== 1) return [];
  const [place] = own;
  const there = [...placeOf.keys()].filter((expert) => placeOf[expert] === place);
  if (there.length < 2 || numTokens < MIN_TOKENS * there.length) return [];
  return [
    `experts ${there.join(", ")} are the only ones in place ${place} of every token, and in no other place: maybe replicas of a ` +
      `shared expert, which is no routed one; pass dropExperts ${there.join()} to leave them out`,
  ];
}

function orderWarnings({ layers, topK, numExperts }: RoutingTrace): string[] {
  if (topK < 2) return [];
  let chance = 1;
  for (let place = 0; place < topK; place++) chance /= numExperts - place;
  const tokens = sum(layers.map(({ numTokens }) => numTokens));
  const leastShare = Math.max(0.01, SUSPICIOUS_FACTOR * chance);
  // Nearly always a few of the tokens tell that there is nothing to be counted.
  const few = countOrdered(layers, topK, strideOf(tokens));
  if (few.rows < (leastShare / 2) * few.tokens) return [];
  const { rows } = countOrdered(layers, topK, 1);
  if (rows < SUSPICIOUS_FACTOR || rows / tokens < leastShare) return [];
  return [
    `${rows} of ${tokens} rows are the experts 0 to ${topK - 1} in this order, as an engine fills up batches: ` +
      "such rows are counted here, but may be padding and no tokens",
  ];
}

/** A power of two of which one block is to be looked at, so that not many more than {@link MANY_TOKENS} are. */
function strideOf(tokens: number): number {
  return 2 ** Math.max(0, Math.round(Math.log2(tokens / MANY_TOKENS)));
}

/** Tokens that are the experts 0, 1, 2, ... in this order, and tokens, in one block of so many. */
function countOrdered(
  layers: readonly LayerTrace[],
  topK: number,
  stride: number,
): { rows: number; tokens: number } {
  let [rows, tokens] = [0, 0];
  for (const { experts, numTokens } of layers) {
    for (let start = 0; start < numTokens; start += SAMPLE_BLOCK) {
      if (!keepsBlock(start / SAMPLE_BLOCK, stride)) continue;
      const end = Math.min(numTokens, start + SAMPLE_BLOCK);
      tokens += end - start;
      for (let token = start; token < end; token++) {
        let place = 0;
        while (place < topK && experts[token * topK + place] === place) place++;
        if (place === topK) rows++;
      }
    }
  }
  return { rows, tokens };
}

/** Layers that predict further tokens come behind those of the model, and their drafts may have been rejected. */
function draftWarnings({ model, layers }: RoutingTrace): string[] {
  const shape = model === undefined ? undefined : findModelShape(model);
  const behind = layers.filter(({ layer }) => layer >= (shape?.numLayers ?? Infinity));
  if (behind.length === 0) return [];
  return [
    `layer ${behind.map(({ layer }) => layer).join(", ")} comes behind the ${shape?.numLayers} layers of ${model}: speculative drafts, whose tokens ` +
      "may have been rejected; set layers to those of the model",
  ];
}

function widthWarnings({ layers, topK }: RoutingTrace): string[] {
  let [fewer, tokens] = [0, 0];
  for (const { experts, numTokens } of layers) {
    tokens += numTokens;
    for (let last = topK - 1; last < experts.length; last += topK)
      fewer += Number(experts[last] === NO_EXPERT);
  }
  return fewer === 0 ? [] : [`${fewer} of ${tokens} rows have fewer than ${topK} experts`];
}

/** Draws at random, of a benchmark without a model's router, spread loads as independent draws do. */
function evenWarnings({ numExperts, topK, layers }: RoutingTrace): string[] {
  // Nearly always the first layer is that of a router, and the others need not be counted.
  const isEven = layers.every((layer) => {
    if (layer.numTokens * topK < MIN_LOAD || topK === numExperts) return false;
    const load = loadOf(layer, numExperts);
    const mean = sum(load) / numExperts;
    const variance = load.reduce((sum, tokens) => sum + (tokens - mean) ** 2, 0) / numExperts;
    const drawn = mean * (1 - topK / numExperts);
    return variance < EVEN_SPREAD ** 2 * drawn;
  });
  return isEven
    ? [
        "all experts of all layers are as busy as if experts were drawn by chance: maybe these are no routes of a " +
          "trained model, or of random weights",
      ]
    : [];
}
