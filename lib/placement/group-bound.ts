import { createRandom } from "../random.js";
import { mean } from "../statistics.js";
import type { TokenPatterns } from "../trace/token-patterns.js";
import { PairSlopes } from "./pair-slopes.js";
import { BOUND_MARGIN } from "./tolerance.js";

/** Steps for up to so many experts, and in proportion fewer for more, whose steps take longer. */
const STEPS = 300;
const EXPERTS_OF_STEPS = 256;
/** First steps of slopes, and of multipliers and vectors against the multipliers' mean; they shrink to nothing. */
const SLOPE_STEP = 0.15;
const EXPERT_STEP = 0.5;
const VECTOR_STEP = 0.1;
/** How long directions, and their sizes, are remembered. */
const MEMORY = 0.8;
/** Products of a step for vectors of experts: 64 numbers each of 256 experts. */
const PRODUCTS = 2 ** 22;
const FEWEST_NUMBERS = 8;
/** Tells the random numbers that vectors begin with from others. */
const VECTOR_STREAM = 990;

/** Groups of chiplets. */
export interface GroupShape {
  readonly numGroups: number;
  /** Experts that a group has room for. */
  readonly slotsPerGroup: number;
}

/**
 * Proves a C_G that no placement is below that has as many chiplet groups with as much room: distinct groups that a token visits, in the mean; with replicas,
 * where tokens use any of them whatever else they chose.
 *
 * What a token visits is told by the pairs of its experts that share a group ({@link PairSlopes}). Which pairs x do is a matrix of 0 and 1
 * with 1 on the diagonal, no more than the room of a group in each row, and none of its eigenvalues below 0. So for any vector of numbers v of each expert, and
 * any multiplier u >= 0 of each (of any sign where experts fill all groups), pairs of price p take off no more than
 *
 *   sum of (slots - 1) u + sum of v.v / 2 + sum over pairs of max(0, p + v.v' - u - u').
 *
 * All are improved by subgradient steps: this is the dual of the semidefinite relaxation, with its matrix as a product, so that no eigenvalues have
 * to be known and whatever the steps come to is true. A draw of one replica of each expert is a placement without any, so replicas change nothing.
 * Time O(300 (2^22 + pairs of all patterns)).
 *
 * @param effort Share of the steps that are worth their time for one layer, above 0: a third of them proves some 3 % less.
 *
 * @example
 * boundGroupReplication(collectPatterns(trace.layers[0], trace), { numGroups: 4, slotsPerGroup: 16 }); // 1.75, of 6 experts a token
 */
export function boundGroupReplication(
  patterns: TokenPatterns,
  { numGroups, slotsPerGroup }: GroupShape,
  effort = 1,
): number {
  const { numExperts, numTokens } = patterns;
  if (numGroups === 1 || slotsPerGroup >= numExperts || numTokens === 0) return 1;
  const isFull = numGroups * slotsPerGroup === numExperts;
  const slopes = new PairSlopes(patterns, numGroups);
  const numNumbers = Math.max(FEWEST_NUMBERS, Math.min(numExperts, Math.floor(PRODUCTS / numExperts ** 2)));
  const pairs = new Float64Array(numExperts ** 2);
  slopes.writePrices(pairs);
  const multipliers = worthOfPlaces(pairs, numExperts, slotsPerGroup);
  const scale = mean(multipliers) + Number.EPSILON;
  const random = createRandom(VECTOR_STREAM);
  const vectors = new Float64Array(numExperts * numNumbers).map(
    () => (Math.sqrt(scale) * (random.next() - 0.5)) / 2,
  );
  const climbers = {
    slopes: createClimber(slopes.slopes, { least: 0, most: 1, still: 1 }),
    multipliers: createClimber(multipliers, { least: isFull ? -Infinity : 0, most: Infinity, still: 1 }),
    vectors: createClimber(vectors, { least: -Infinity, most: Infinity, still: Number.EPSILON }),
  };
  const rises = { multipliers: new Float64Array(numExperts), vectors: new Float64Array(vectors.length) };
  let best = 0;
  const steps = Math.ceil(effort * STEPS * Math.min(1, EXPERTS_OF_STEPS / numExperts));
  for (let step = 0; step < steps; step++) {
    const left = 1 - step / steps;
    const size = left * left * left;
    slopes.writePrices(pairs);
    const taken = takePairs(pairs, { multipliers, vectors, rises, slots: slotsPerGroup });
    best = Math.max(best, slopes.visits() - taken);
    slopes.takeOff(pairs);
    climbers.slopes(slopes.rises, SLOPE_STEP * size);
    climbers.multipliers(rises.multipliers, EXPERT_STEP * scale * size);
    climbers.vectors(rises.vectors, VECTOR_STEP * Math.sqrt(scale) * size);
  }
  return Math.max(1, (best / numTokens) * (1 - BOUND_MARGIN));
}

/**
 * What pairs take off at most, all together. Writes which of them are inside by that over their prices, and how the bound rises with every
 * multiplier and number.
 */
function takePairs(
  pairs: Float64Array,
  {
    multipliers,
    vectors,
    rises,
    slots,
  }: {
    multipliers: Float64Array;
    vectors: Float64Array;
    rises: { multipliers: Float64Array; vectors: Float64Array };
    slots: number;
  },
): number {
  const numExperts = multipliers.length;
  const numNumbers = vectors.length / numExperts;
  let taken = 0;
  for (const multiplier of multipliers) taken += (slots - 1) * multiplier;
  for (let at = 0; at < vectors.length; at++) {
    taken += vectors[at] ** 2 / 2;
    rises.vectors[at] = -vectors[at];
  }
  rises.multipliers.fill(1 - slots);
  for (let a = 0; a < numExperts; a++) {
    const ofA = a * numNumbers;
    for (let b = a + 1; b < numExperts; b++) {
      const ofB = b * numNumbers;
      const pair = a * numExperts + b;
      let excess = pairs[pair] - multipliers[a] - multipliers[b];
      for (let at = 0; at < numNumbers; at++) excess += vectors[ofA + at] * vectors[ofB + at];
      pairs[pair] = excess > 0 ? 1 : 0;
      if (excess <= 0) continue;
      taken += excess;
      rises.multipliers[a]++;
      rises.multipliers[b]++;
      for (let at = 0; at < numNumbers; at++) {
        rises.vectors[ofA + at] -= vectors[ofB + at];
        rises.vectors[ofB + at] -= vectors[ofA + at];
      }
    }
  }
  return taken;
}

/** Half of what the last pair of each expert is worth that has room in a group, the dearest first. Shape [numExperts]. */
function worthOfPlaces(prices: Float64Array, numExperts: number, slots: number): Float64Array {
  return Float64Array.from({ length: numExperts }, (_, a) => {
    const own = Array.from({ length: numExperts }, (_, b) =>
      a === b ? 0 : prices[Math.min(a, b) * numExperts + Math.max(a, b)],
    );
    return own.sort((x, y) => y - x)[slots - 1] / 2;
  });
}

/**
 * Makes a function that moves numbers by about a step each, in the direction that rises have had lately.
 *
 * Source of the steps: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015.
 *
 * @param limits.still A rise that small against it moves a number by less than the step.
 */
function createClimber(
  values: Float64Array,
  { least, most, still }: { least: number; most: number; still: number },
): (rises: Float64Array, step: number) => void {
  const directions = new Float64Array(values.length);
  const squares = new Float64Array(values.length);
  let remembered = 0;
  return (rises, step) => {
    remembered = MEMORY * remembered + 1 - MEMORY;
    for (let at = 0; at < values.length; at++) {
      directions[at] = MEMORY * directions[at] + (1 - MEMORY) * rises[at];
      squares[at] = MEMORY * squares[at] + (1 - MEMORY) * rises[at] ** 2;
      const size = Math.sqrt(squares[at] / remembered) + still;
      const moved = values[at] + (step * directions[at]) / remembered / size;
      values[at] = Math.min(most, Math.max(least, moved));
    }
  };
}
