import type { Random } from "../lib/random.js";

/**
 * Prepares weighted random choice in constant time.
 *
 * Source: Walker's alias method in Vose's form (IEEE Transactions on Software Engineering 17(9), 1991).
 *
 * @param weights Not negative, at least one positive. Shape [numItems], at most 65,536.
 * @returns A function that picks an item's index.
 *
 * @example
 * const pick = weightedChoice([1, 3]);
 * pick(createRandom(1)); // 1 three times out of four
 */
export function weightedChoice(weights: ArrayLike<number>): (random: Random) => number {
  const numItems = weights.length;
  let total = 0;
  for (let item = 0; item < numItems; item++) total += weights[item];
  const share = Float64Array.from(weights, (weight) => (weight * numItems) / total);
  const alias = Uint16Array.from(share, (_, item) => item);
  const poor: number[] = [];
  const rich: number[] = [];
  share.forEach((weight, item) => (weight < 1 ? poor : rich).push(item));
  for (let giver = rich.at(-1), taker = poor.pop(); giver !== undefined && taker !== undefined;) {
    alias[taker] = giver;
    share[giver] -= 1 - share[taker];
    if (share[giver] < 1) poor.push(rich.pop() ?? giver);
    giver = rich.at(-1);
    taker = poor.pop();
  }
  return (random) => {
    const at = random.next() * numItems;
    const item = Math.floor(at);
    return at - item < share[item] ? item : alias[item];
  };
}
