/**
 * Routing with skew, as the published measurements of experts were driven with it.
 *
 * Source: NVIDIA AIConfigurator, collector/helper.py, power_law_logits_v3 (Apache-2.0), rewritten from its description:
 * the tokens of every expert are drawn from x^-alpha, scaled and rounded; what rounding leaves goes to experts in the
 * order of their tokens, which loads one GPU where most experts have none. The GPU with most rows is the one that was measured.
 */
import { createRandom, type Random } from "../lib/random.js";
import { rebalanceExperts } from "../solvers/eplb.js";
import { sum } from "../lib/statistics.js";

/** Whom tokens go to. */
export interface SkewedRouting {
  /** Tokens of all GPUs together. */
  readonly tokens: number;
  readonly numExperts: number;
  readonly topK: number;
  readonly numGpus: number;
  readonly alpha: number;
  /** Who gets the tokens that rounding leaves: newer tables begin with the experts that have fewest. */
  readonly remainder: "most first" | "fewest first";
  /** Slots of all GPUs where EPLB places experts; undefined where they lie in the order of their numbers. */
  readonly numSlots?: number;
}

/** What the GPU with most rows has. */
export interface HottestGpu {
  /** Rows of its experts, descending. */
  readonly rows: Float64Array;
  /** Distinct tokens, expected. */
  readonly tokens: number;
}

/** Seeded draws of the GPU with most rows. */
export function drawHottestGpus(routing: SkewedRouting, numDraws: number, seed = 1): HottestGpu[] {
  const { tokens, topK, numExperts, numGpus, alpha } = routing;
  if (!(tokens > 0 && topK > 0 && numExperts > 0 && numGpus > 0)) {
    throw new Error("found a number below 1, expected tokens, experts and GPUs");
  }
  const random = createRandom(seed, tokens, numExperts, numGpus, Math.round(100 * alpha));
  return Array.from({ length: numDraws }, () => hottestGpu(routing, drawCounts(routing, random)));
}

function drawCounts(
  { tokens, numExperts, topK, alpha, remainder }: SkewedRouting,
  random: Random,
): Float64Array {
  const [least, most] = tokens * topK > numExperts ? [1, Math.max(1, tokens * 0.8)] : [0.01, 2];
  const power = 1 - alpha;
  const drawn = Float64Array.from({ length: numExperts }, () => {
    const between = (most ** power - least ** power) * random.next() + least ** power;
    return between ** (1 / power);
  });
  const scale = (tokens * topK) / sum(drawn);
  const counts = drawn.map((value) => Math.round(value * scale));
  const order = Array.from(counts.keys()).sort((left, right) => counts[right] - counts[left]);
  let missing = tokens * topK - sum(counts);
  const takers = remainder === "most first" ? order : [...order].reverse();
  for (let at = 0; missing > 0; at++, missing--) counts[takers[at % numExperts]]++;
  for (let at = 0; missing < 0; at++) {
    const expert = order[numExperts - 1 - (at % numExperts)];
    if (counts[expert] === 0) continue;
    counts[expert]--;
    missing++;
  }
  return counts;
}

function hottestGpu(routing: SkewedRouting, counts: Float64Array): HottestGpu {
  const { tokens, topK, numExperts, numGpus, numSlots } = routing;
  const gpus: number[][] = Array.from({ length: numGpus }, () => []);
  if (numSlots === undefined) {
    counts.forEach((count, expert) => gpus[Math.floor((expert * numGpus) / numExperts)].push(count));
  } else {
    const { expertOfSlot, replicaCount } = rebalanceExperts(counts, {
      numSlots,
      numExpertGroups: 1,
      numChipletGroups: 1,
      numChiplets: numGpus,
    });
    expertOfSlot.forEach((expert, slot) => {
      gpus[Math.floor((slot * numGpus) / numSlots)].push(counts[expert] / replicaCount[expert]);
    });
  }
  const hottest = gpus.reduce((most, rows) => (sum(rows) > sum(most) ? rows : most));
  const share = Math.min(1, sum(hottest) / (tokens * topK));
  return {
    rows: Float64Array.from(hottest).sort().reverse(),
    tokens: tokens * (1 - (1 - share) ** topK),
  };
}
