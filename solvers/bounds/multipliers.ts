import { findNegativeSets, type SubsetIndex } from "./subset-index.js";
import type { Shares } from "./cost-shares.js";

/** First and last step of a price, against the mean price. */
const FIRST_STEP = 0.8;
const LAST_STEP = 0.01;
/** How long directions, and their sizes, are remembered. */
const MEMORY = 0.7;
/** Weight of the sets that the latest prices choose in what is seated. */
const FRESH_SEATS = 0.05;

/** What {@link createAscent} climbs with. */
export interface AscentStart {
  readonly index: SubsetIndex;
  readonly shares: Shares;
  /** What each expert owes in a good placement, in tokens; idle experts owe nothing. Shape [numExperts]. */
  readonly owed: Float64Array;
}

/**
 * Prices experts and pairs so that the bound rises.
 *
 * The sets that cost less than their prices would be seated together by a placement that may do as it likes; experts and
 * pairs that are in too many of them get cheaper, those in too few dearer. Steps are gradient steps, divided by the size
 * that the gradient of each price had lately, and get smaller as time goes by.
 * Source of the steps: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015.
 *
 * @returns A function that proves a bound with the prices so far, in tokens, seats the sets chosen, and improves the
 *   prices. It takes how much of the time has gone by, in [0, 1).
 */
export function createAscent({ index, shares, owed }: AscentStart): (elapsed: number) => number {
  const { numExperts, largest } = index;
  const { setsAround, alone, sums } = shares;
  const experts = createPriceList(numExperts);
  const pairs = createPriceList((numExperts * (numExperts - 1)) / 2);
  let meanPrice = 0;
  for (let expert = 0; expert < owed.length; expert++) {
    experts.prices[expert] = (owed[expert] - alone[expert]) / setsAround[1];
    meanPrice += Math.abs(experts.prices[expert]) / owed.length;
  }
  const priced = new Float64Array(numExperts ** 2);
  return (elapsed) => {
    let bound = 0;
    for (let expert = 0, pair = 0; expert < numExperts; expert++) {
      const price = experts.prices[expert];
      bound += alone[expert] + setsAround[1] * price;
      for (let other = 0; other < expert; other++, pair++) {
        // A set of L experts has each of them in L - 1 pairs.
        const weight = pairs.prices[pair] - (price + experts.prices[other]) / (largest - 1);
        priced[expert * numExperts + other] = weight;
        priced[other * numExperts + expert] = weight;
        bound -= setsAround[2] * pairs.prices[pair];
      }
    }
    experts.slopes.fill(setsAround[1]);
    pairs.slopes.fill(-setsAround[2]);
    shares.fadeSeats(1 - FRESH_SEATS);
    findNegativeSets(index, { sums, pairs: priced }, (chosen, sum) => {
      bound += sum;
      shares.seat(chosen, FRESH_SEATS);
      for (let one = 0; one < largest; one++) {
        experts.slopes[chosen[one]]--;
        for (let other = 0; other < one; other++) {
          pairs.slopes[(chosen[one] * (chosen[one] - 1)) / 2 + chosen[other]]++;
        }
      }
    });
    const step = meanPrice * FIRST_STEP * (LAST_STEP / FIRST_STEP) ** elapsed;
    experts.climb(step, -Infinity);
    pairs.climb(step, 0);
    return bound;
  };
}

/** Prices with what steps need to know of them. */
interface PriceList {
  readonly prices: Float64Array;
  /** How the bound changes with each price. */
  readonly slopes: Float64Array;
  /** Moves every price up its slope, by about `step`, to no less than `least`. */
  climb(step: number, least: number): void;
}

function createPriceList(length: number): PriceList {
  const prices = new Float64Array(length);
  const slopes = new Float64Array(length);
  const directions = new Float64Array(length);
  const squares = new Float64Array(length);
  let remembered = 0;
  return {
    prices,
    slopes,
    climb(step, least) {
      // Memories begin at 0: they are set right by how much of them is filled.
      remembered = MEMORY * remembered + 1 - MEMORY;
      for (let at = 0; at < length; at++) {
        directions[at] = MEMORY * directions[at] + (1 - MEMORY) * slopes[at];
        squares[at] = MEMORY * squares[at] + (1 - MEMORY) * slopes[at] ** 2;
        // One set more or less makes no difference: where the slope is 0, prices rest.
        const size = Math.sqrt(squares[at] / remembered) + 1;
        prices[at] = Math.max(least, prices[at] + (step * directions[at]) / remembered / size);
        // A price that rests on its floor forgets what pushed it there.
        if (prices[at] === least) directions[at] = 0;
      }
    },
  };
}
