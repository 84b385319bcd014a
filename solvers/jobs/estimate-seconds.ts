import type { JobSize } from "../../lib/flows/sweep.js";

/**
 * Seconds of one core that a layer of 64 experts and 8,192 tokens takes where traffic is minimised, as measured on one machine of
 * 16 chiplets: good to a factor of two or three.
 */
const SECONDS_OF_LAYER: Readonly<Record<string, number>> = {
  contiguous: 0.05,
  random: 0.05,
  "eplb-global": 0.05,
  "eplb-hierarchical": 0.05,
  mozart: 0.1,
  spectral: 0.15,
  louvain: 0.2,
  "local-search": 1.5,
  ilp: 0.7,
  exact: 2.2,
  auto: 1.8,
};

/** The layer of the seconds above, and the most experts that searches were measured with: of more they take any time. */
const UNIT = { numExperts: 64, numTokens: 8192 };

/** The part of a layer that does not grow with its tokens. */
const FIXED_SHARE = 0.5;

/** Beside what a search takes, the time of what it finds is counted on all tokens, again and again. */
const TIME_SECONDS_OF_TOKEN = 1.2e-3;

/**
 * A rough estimate of the seconds that one core takes to place a layer.
 *
 * @returns Undefined where nothing like it was measured: searches of more than 64 experts, with replicas, or for the least load.
 */
export function estimateSeconds({
  solver,
  objective,
  numExperts,
  numTokens,
  hasReplicas,
}: JobSize): number | undefined {
  if (!(solver in SECONDS_OF_LAYER)) return undefined;
  const seconds = SECONDS_OF_LAYER[solver] * (FIXED_SHARE + (1 - FIXED_SHARE) * (numTokens / UNIT.numTokens));
  const isRule = SECONDS_OF_LAYER[solver] < 0.5;
  if (isRule) return seconds * Math.max(1, numExperts / UNIT.numExperts);
  if (numExperts > UNIT.numExperts || hasReplicas || objective === "load") return undefined;
  return objective === "time" ? seconds + TIME_SECONDS_OF_TOKEN * numTokens : seconds;
}
