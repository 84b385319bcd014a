import type { PlacementProblem } from "../lib/placement/problem.js";

/** Enough for a tenth of a percent of where the bound converges. */
const ITERATIONS = 60;

/**
 * Proves that every placement costs at least so many tokens, at any number of slots, without enumerating fillings.
 *
 * A token with j experts on a chiplet visits it once, so each of the j owes 1 / j of the visit: cost is the sum over
 * experts e and tokens of e of 1 / (1 + n), n the partners of e on its chiplet that the token chose too. Let partners
 * be a symmetric matrix x in [0, 1] with rows that sum to slots - 1, which every placement is, and 1 / (1 + n) the
 * convex function through its values at integers: minimising it is convex. The minimum is approached by Frank and
 * Wolfe's method; every average of tangents is linear in x and below the cost, and a price u of each expert's partners
 * turns it into the bound
 *
 *   constant + (slots - 1) * sum of u + sum over pairs of min(0, c - u - u),  u <= 0.
 *
 * Both the tangents and the prices may be anything without the bound losing its truth. What it lacks is that partners
 * of partners are partners: it ends 8 to 10 % below the optimum at 4 slots and about 20 % below good placements at 8
 * (docs/decisions/bounds.md). Time O(60 * (tokens * topK^2 + numExperts^2 * log numExperts)).
 *
 * @returns In tokens, summed over chiplets, rounded down by a millionth of a token.
 */
export function starBound({ patterns, slotsPerChiplet }: PlacementProblem): number {
  const { numExperts: n } = patterns;
  const numPartners = Math.min(slotsPerChiplet - 1, n - 1);
  // With all experts on one chiplet every token visits it; with one expert a chiplet no visit is shared.
  if (numPartners === 0) return totalLoad(patterns);
  if (numPartners === n - 1) return patterns.numTokens;
  const partners = new Float64Array(n * n).fill(numPartners / (n - 1));
  for (let expert = 0; expert < n; expert++) partners[expert * n + expert] = 0;
  const average = { constant: 0, slope: new Float64Array(n * n) };
  const prices = new Float64Array(n);
  const vertexPrices = new Float64Array(n);
  let best = patterns.numTokens;
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const tangent = tangentAt(patterns, partners, numPartners);
    const step = 2 / (iteration + 2);
    average.constant += step * (tangent.constant - average.constant);
    for (let pair = 0; pair < n * n; pair++) {
      average.slope[pair] += step * (tangent.slope[pair] - average.slope[pair]);
    }
    for (let round = 0; round < 2; round++) improvePrices(average.slope, prices, numPartners);
    best = Math.max(best, priced(average, prices, numPartners));
    // Towards the partners that the latest tangent alone would choose.
    for (let round = 0; round < 2; round++) improvePrices(tangent.slope, vertexPrices, numPartners);
    for (let one = 0; one < n; one++) {
      for (let other = 0; other < n; other++) {
        const pair = one * n + other;
        const isChosen =
          one !== other && tangent.slope[pair] - vertexPrices[one] - vertexPrices[other] < 0 ? 1 : 0;
        partners[pair] += step * (isChosen - partners[pair]);
      }
    }
  }
  return best - 1e-6;
}

/** A linear function of pairs that is nowhere above the cost: constant + sum over unordered pairs of slope * x. */
interface Tangent {
  readonly constant: number;
  /** Symmetric, at most 0. Shape [numExperts, numExperts], row-major. */
  readonly slope: Float64Array;
}

function tangentAt(
  { numExperts: n, numPatterns, offsets, experts, counts }: PlacementProblem["patterns"],
  partners: Float64Array,
  numPartners: number,
): Tangent {
  const slope = new Float64Array(n * n);
  let constant = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const start = offsets[pattern];
    const end = offsets[pattern + 1];
    const count = counts[pattern];
    const most = Math.min(end - start - 1, numPartners);
    for (let place = start; place < end; place++) {
      const row = experts[place] * n;
      let shared = 0;
      for (let other = start; other < end; other++) shared += partners[row + experts[other]];
      const below = Math.max(0, Math.min(Math.floor(shared), most - 1));
      // The piece of the function through below and below + 1.
      const fall = 1 / ((below + 1) * (below + 2));
      constant += count * (1 / (below + 1) + fall * below);
      for (let other = start; other < end; other++) {
        if (other === place) continue;
        slope[row + experts[other]] -= count * fall;
        slope[experts[other] * n + experts[place]] -= count * fall;
      }
    }
  }
  return { constant, slope };
}

/** Sets each price in turn to where it raises the bound most: as many pairs of negative cost as partners. */
function improvePrices(slope: Float64Array, prices: Float64Array, numPartners: number): void {
  const n = prices.length;
  const costs = new Float64Array(n - 1);
  for (let expert = 0; expert < n; expert++) {
    let place = 0;
    for (let other = 0; other < n; other++) {
      if (other !== expert) costs[place++] = slope[expert * n + other] - prices[other];
    }
    costs.sort();
    prices[expert] = Math.min(0, (costs[numPartners - 1] + costs[numPartners]) / 2);
  }
}

function priced({ constant, slope }: Tangent, prices: Float64Array, numPartners: number): number {
  const n = prices.length;
  let bound = constant;
  for (let one = 0; one < n; one++) {
    bound += numPartners * prices[one];
    for (let other = 0; other < one; other++) {
      bound += Math.min(0, slope[one * n + other] - prices[one] - prices[other]);
    }
  }
  return bound;
}

function totalLoad({ numPatterns, offsets, counts }: PlacementProblem["patterns"]): number {
  let load = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    load += counts[pattern] * (offsets[pattern + 1] - offsets[pattern]);
  }
  return load;
}
