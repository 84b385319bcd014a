import { countCoactivation, type Coactivation } from "../trace/coactivation.js";
import { countTokenCopies, uniformReplication } from "../placement/cost.js";
import type { OnLayer } from "../trace/layer-progress.js";
import type { LoadTrace } from "../trace/load-trace.js";
import { countChoices, type RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns, type TokenPatterns } from "../trace/token-patterns.js";
import { largest, sum } from "../statistics.js";

/** What is in one layer of a trace, and what co-location could gain there. */
export interface LayerInspection {
  readonly layer: number;
  readonly tokens: number;
  /** Distinct expert sets. */
  readonly patterns: number;
  /** Load of the busiest expert over the mean load; 1 is even. */
  readonly loadMaxOverMean: number;
  /** Entropy of the load over experts, as a share of an even load's: 1 is even, 0 is all on one expert. */
  readonly loadEntropy: number;
  /** Experts that no token chose. */
  readonly idleExperts: number;
  /** C_T of experts in the order of their ids. */
  readonly contiguousReplication: number;
  /** No placement has a lower C_T: see {@link coLocationCeiling}. */
  readonly replicationAtLeast: number;
}

/** What is in a trace, layer by layer. */
export interface Inspection {
  readonly layers: readonly LayerInspection[];
  /** C_T that tokens would have which choose their experts at random, whatever the placement. */
  readonly uniformReplication: number;
}

/**
 * Inspects a trace, with an eye on chiplets of equal slots.
 *
 * @example
 * inspectTrace(trace, { numChiplets: 16 }).layers[0].contiguousReplication; // 5.27
 */
export function inspectTrace(
  trace: RoutingTrace,
  {
    numChiplets,
    slotsPerChiplet,
    onLayer,
  }: { numChiplets: number; slotsPerChiplet?: number | undefined; onLayer?: OnLayer },
): Inspection {
  const { numExperts, topK } = trace;
  const slots = slotsPerChiplet ?? Math.ceil(numExperts / numChiplets);
  const contiguous = Uint16Array.from({ length: numExperts }, (_, expert) =>
    Math.floor((expert * numChiplets) / numExperts),
  );
  const layers = trace.layers.map((current, index): LayerInspection => {
    onLayer?.(index, trace.layers.length);
    const patterns = collectPatterns(current, trace);
    const coactivation = countCoactivation(patterns);
    const { load } = coactivation;
    return {
      layer: current.layer,
      tokens: current.numTokens,
      patterns: patterns.numPatterns,
      loadMaxOverMean: (largest(load) * numExperts) / countChoices(current),
      loadEntropy: relativeEntropy(load),
      idleExperts: load.filter((tokens) => tokens === 0).length,
      contiguousReplication: countTokenCopies(patterns, contiguous) / current.numTokens,
      replicationAtLeast: coLocationCeiling(patterns, coactivation, slots),
    };
  });
  return { layers, uniformReplication: uniformReplication({ numExperts, topK, numBlocks: numChiplets }) };
}

/** What is in one layer of loads without tokens, and what balance could gain there. */
export interface LoadInspection extends Pick<
  LayerInspection,
  "layer" | "loadMaxOverMean" | "loadEntropy" | "idleExperts"
> {
  /** Choices of an expert: tokens times top-k, as far as the loads are counts. */
  readonly choices: number;
  /** Largest load of a chiplet over the mean, of experts in the order of their ids. */
  readonly contiguousMaxLoad: number;
  /** No placement without replicas has a smaller one: the mean, or the heaviest expert alone. */
  readonly maxLoadAtLeast: number;
}

/**
 * Inspects loads without tokens, layer by layer.
 *
 * @example
 * const loads = { model: undefined, numExperts: 4, layers: [{ layer: 0, load: Float64Array.of(6, 1, 1, 0) }] };
 * inspectLoads(loads, { numChiplets: 2 })[0].loadMaxOverMean; // 3
 */
export function inspectLoads(
  { layers, numExperts }: LoadTrace,
  { numChiplets }: { numChiplets: number },
): LoadInspection[] {
  return layers.map(({ layer, load }) => {
    const choices = load.reduce((sum, tokens) => sum + tokens, 0);
    const heaviest = largest(load);
    const onChiplet = new Float64Array(numChiplets);
    load.forEach((tokens, expert) => (onChiplet[Math.floor((expert * numChiplets) / numExperts)] += tokens));
    return {
      layer,
      choices,
      loadMaxOverMean: (heaviest * numExperts) / choices,
      loadEntropy: relativeEntropy(load),
      idleExperts: load.filter((tokens) => tokens === 0).length,
      contiguousMaxLoad: (largest(onChiplet) * numChiplets) / choices,
      maxLoadAtLeast: Math.max(1, (heaviest * numChiplets) / choices),
    };
  });
}

/**
 * A C_T below which no placement goes, from what co-location can gain at most.
 *
 * A token with j experts on a chiplet saves j - 1 copies there, no more than its pairs, and an expert has at most
 * slots - 1 mates: C_T >= k - (sum over experts of the slots - 1 largest C_ij) / (2 * tokens). Nor has a token fewer
 * chiplets than ceil(k / slots). Proved, but far below the best placement where many experts of a token belong
 * together. Time O(numExperts^2 * log(numExperts)).
 */
export function coLocationCeiling(
  { numTokens, offsets, numPatterns, counts }: TokenPatterns,
  { numExperts, pairs, load }: Coactivation,
  slotsPerChiplet: number,
): number {
  let gain = 0;
  for (let expert = 0; expert < numExperts; expert++) {
    const mates = pairs.slice(expert * numExperts, (expert + 1) * numExperts).sort();
    for (let mate = 1; mate < slotsPerChiplet && mate <= numExperts; mate++) gain += mates[numExperts - mate];
  }
  let fewest = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const width = offsets[pattern + 1] - offsets[pattern];
    fewest += Math.ceil(width / slotsPerChiplet) * counts[pattern];
  }
  const copies = sum(load);
  return Math.max(copies - gain / 2, fewest) / numTokens;
}

function relativeEntropy(load: Float64Array): number {
  if (load.length === 1) return 1;
  const total = sum(load);
  let entropy = 0;
  for (const tokens of load) if (tokens > 0) entropy -= (tokens / total) * Math.log(tokens / total);
  return entropy / Math.log(load.length);
}
