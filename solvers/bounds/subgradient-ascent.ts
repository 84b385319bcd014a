import type { CostShares } from "./cost-shares.js";
import { findNegativeSets, type SubsetIndex } from "./subset-index.js";

/** First and last step of a multiplier, against the mean multiplier of experts. */
const FIRST_STEP = 0.8;
const LAST_STEP = 0.01;
/** How long directions, and their sizes, are remembered. */
const MEMORY = 0.7;
/** Weight of the latest solution of the subproblem in what is observed to share a chiplet. */
const FRESH_SOLUTION = 0.05;

/** What {@link createAscent} climbs with. */
export interface AscentStart {
  readonly index: SubsetIndex;
  readonly shares: CostShares;
  /** Cost share of each expert in a good placement, in tokens; idle experts have none. Shape [numExperts]. */
  readonly costShares: Float64Array;
}

/**
 * Improves Lagrangian multipliers of experts and pairs so that the bound of `lagrangianBound` rises: subgradient ascent.
 *
 * The subsets of negative reduced cost solve the Lagrangian subproblem, which may choose any subsets. How far their choice
 * is from the right number of subsets around each expert and pair is the subgradient: multipliers of those in too many
 * subsets fall, of those in too few rise. Steps are divided by the size that the subgradient of each multiplier had lately,
 * and get smaller as time goes by.
 * Source of the steps: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015.
 *
 * @returns A function that proves a bound with the multipliers so far, in tokens, lets the shares observe the subproblem's
 *   solution, and improves the multipliers. It takes how much of the time has gone by, in [0, 1).
 */
export function createAscent({ index, shares, costShares }: AscentStart): (elapsed: number) => number {
  const { numExperts, largest } = index;
  const { supersets, alone, weights } = shares;
  const experts = createMultipliers(numExperts);
  // Where pairs are what is priced, a multiplier of theirs could only take away from the bound.
  const numPairs = largest === 2 ? 0 : (numExperts * (numExperts - 1)) / 2;
  const pairs = createMultipliers(numPairs);
  let meanMultiplier = 0;
  for (let expert = 0; expert < costShares.length; expert++) {
    experts.values[expert] = (costShares[expert] - alone[expert]) / supersets[1];
    meanMultiplier += Math.abs(experts.values[expert]) / costShares.length;
  }
  const pairTerms = new Float64Array(numExperts ** 2);
  return (elapsed) => {
    let bound = 0;
    for (let expert = 0, pair = 0; expert < numExperts; expert++) {
      const multiplier = experts.values[expert];
      bound += alone[expert] + supersets[1] * multiplier;
      for (let partner = 0; partner < expert; partner++, pair++) {
        const multiplierOfPair = numPairs === 0 ? 0 : pairs.values[pair];
        // A subset of L experts has each of them in L - 1 pairs.
        const term = multiplierOfPair - (multiplier + experts.values[partner]) / (largest - 1);
        pairTerms[expert * numExperts + partner] = term;
        pairTerms[partner * numExperts + expert] = term;
        bound -= supersets[2] * multiplierOfPair;
      }
    }
    experts.subgradient.fill(supersets[1]);
    pairs.subgradient.fill(-supersets[2]);
    shares.fade(1 - FRESH_SOLUTION);
    findNegativeSets(index, { sums: weights, pairs: pairTerms }, (subset, reducedCost) => {
      bound += reducedCost;
      shares.observe(subset, FRESH_SOLUTION);
      for (let i = 0; i < largest; i++) {
        experts.subgradient[subset[i]]--;
        for (let j = 0; j < i && numPairs > 0; j++)
          pairs.subgradient[(subset[i] * (subset[i] - 1)) / 2 + subset[j]]++;
      }
    });
    const step = meanMultiplier * FIRST_STEP * (LAST_STEP / FIRST_STEP) ** elapsed;
    experts.climb(step, -Infinity);
    pairs.climb(step, 0);
    return bound;
  };
}

/** Multipliers with what steps need to know of them. */
interface SteppedMultipliers {
  readonly values: Float64Array;
  /** How the bound changes with each multiplier. */
  readonly subgradient: Float64Array;
  /** Moves every multiplier along its subgradient, by about `step`, to no less than `least`. */
  climb(step: number, least: number): void;
}

function createMultipliers(length: number): SteppedMultipliers {
  const values = new Float64Array(length);
  const subgradient = new Float64Array(length);
  const directions = new Float64Array(length);
  const squares = new Float64Array(length);
  let remembered = 0;
  return {
    values,
    subgradient,
    climb(step, least) {
      // Memories begin at 0: they are set right by how much of them is filled.
      remembered = MEMORY * remembered + 1 - MEMORY;
      for (let at = 0; at < length; at++) {
        directions[at] = MEMORY * directions[at] + (1 - MEMORY) * subgradient[at];
        squares[at] = MEMORY * squares[at] + (1 - MEMORY) * subgradient[at] ** 2;
        // A subset more or less makes no difference: where the subgradient is 0, multipliers rest.
        const size = Math.sqrt(squares[at] / remembered) + 1;
        values[at] = Math.max(least, values[at] + (step * directions[at]) / remembered / size);
        // A multiplier that rests on its floor forgets what pushed it there.
        if (values[at] === least) directions[at] = 0;
      }
    },
  };
}
