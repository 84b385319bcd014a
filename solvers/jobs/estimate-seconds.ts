import type { JobSize } from "../../lib/flows/sweep.js";

/**
 * Seconds of one core that a layer of 64 experts and 8,192 tokens takes: rough guesses, good for orders of magnitude; a
 * proof may take several times as long, or a tenth.
 */
const SECONDS_OF_LAYER: Readonly<Record<string, number>> = {
  contiguous: 0.005,
  random: 0.005,
  "eplb-global": 0.01,
  "eplb-hierarchical": 0.01,
  mozart: 0.1,
  spectral: 0.1,
  louvain: 0.1,
  "local-search": 2,
  ilp: 4,
  exact: 6,
  auto: 6,
};

/** The layer of the seconds above. */
const UNIT = { numExperts: 64, numTokens: 8192 };

/** The objective of time schedules what it tries. */
const TIME_FACTOR = 3;

/** A rough estimate of the seconds that one core takes to place a layer: linear in experts and in tokens. */
export function estimateSeconds({ solver, objective, numExperts, numTokens }: JobSize): number {
  const scale = (numExperts / UNIT.numExperts) * (numTokens / UNIT.numTokens);
  const isBaseline = (SECONDS_OF_LAYER[solver] ?? 1) < 1;
  return (SECONDS_OF_LAYER[solver] ?? 1) * scale * (objective === "time" && !isBaseline ? TIME_FACTOR : 1);
}
