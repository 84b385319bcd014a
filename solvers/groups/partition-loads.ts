import { sum } from "../../lib/statistics.js";
import { SUM_ROUNDING } from "../../lib/placement/tolerance.js";

/**
 * Deals loads into sets of equal size so that the sums deviate least from their mean: the sum of deviations first,
 * the largest deviation among equals.
 *
 * Depth-first branch and bound: every set begins with the first load not yet dealt, so no two branches are the same
 * up to the order of sets. Exact for up to 16 loads in sets of 4 (2,627,625 ways) and whatever else `maxSets` allows;
 * beyond, the best found, where the heaviest loads were spread first.
 *
 * Source: Mozart (arXiv:2603.07006), equation 5.
 * Deviation: the paper's constraint of one cluster per group cannot hold; it must be clusters / groups. It leaves the
 * norm open: here L1, then L-infinity.
 *
 * @param perSet Loads in a set; divides their number.
 * @param maxSets Most sets to try, a budget.
 * @returns Indices of the loads in every set. Shape [numLoads / perSet][perSet].
 *
 * @example
 * balanceLoads([5, 4, 2, 1], 2); // [[0, 3], [1, 2]]
 */
export function balanceLoads(loads: readonly number[], perSet: number, maxSets = 5e6): number[][] {
  const numSets = loads.length / perSet;
  const mean = sum(loads) / numSets;
  const heaviestFirst = loads.map((_, index) => index).sort((a, b) => loads[b] - loads[a]);
  const greedily = dealGreedily(loads, heaviestFirst, perSet);
  let best = greedily.flat();
  let least = greedily.reduce((sets, set) => withSet(sets, sumOf(loads, set) - mean), NO_SETS);
  // Sets one after another; up to millions are tried, so nothing is allocated for a load.
  const dealt = new Uint16Array(loads.length);
  const used = new Uint8Array(loads.length);
  let triedSets = 0;

  const fill = (size: number, from: number, sum: number, sets: Deviation): void => {
    if (size % perSet === 0) {
      triedSets++;
      const next = withSet(sets, sum - mean);
      if (isBetter(next, least)) openSet(size, next);
      return;
    }
    // Beyond, too few loads are left to complete the set.
    const last = heaviestFirst.length - (perSet - (size % perSet));
    for (let place = from; place <= last && triedSets < maxSets; place++) {
      if (used[place]) continue;
      deal(size, place, sum, sets);
    }
  };
  const deal = (size: number, place: number, sum: number, sets: Deviation): void => {
    const index = heaviestFirst[place];
    used[place] = 1;
    dealt[size] = index;
    fill(size + 1, place + 1, sum + loads[index], sets);
    used[place] = 0;
  };
  const openSet = (size: number, sets: Deviation): void => {
    if (size < loads.length) {
      deal(size, used.indexOf(0), 0, sets);
      return;
    }
    best = [...dealt];
    least = sets;
  };
  openSet(0, NO_SETS);
  return Array.from({ length: numSets }, (_, set) => best.slice(set * perSet, (set + 1) * perSet));
}

/** How far the sums of the sets so far are from the mean. */
interface Deviation {
  /** With sign: what is missing to 0 must still be deviated by the sets to come. */
  readonly signed: number;
  readonly absolute: number;
  readonly largest: number;
}

const NO_SETS: Deviation = { signed: 0, absolute: 0, largest: 0 };

function withSet({ signed, absolute, largest }: Deviation, deviation: number): Deviation {
  return {
    signed: signed + deviation,
    absolute: absolute + Math.abs(deviation),
    largest: Math.max(largest, Math.abs(deviation)),
  };
}

/** Whether the deviations that are sure by now are less than the best known. */
function isBetter(sure: Deviation, best: Deviation): boolean {
  const total = sure.absolute + Math.abs(sure.signed);
  const bestTotal = best.absolute + Math.abs(best.signed);
  const tolerance = SUM_ROUNDING * Math.max(1, bestTotal);
  if (total < bestTotal - tolerance) return true;
  return total <= bestTotal + tolerance && sure.largest < best.largest - tolerance;
}

function sumOf(loads: readonly number[], set: readonly number[]): number {
  return set.reduce((sum, index) => sum + loads[index], 0);
}

function dealGreedily(
  loads: readonly number[],
  heaviestFirst: readonly number[],
  perSet: number,
): number[][] {
  const sets = Array.from({ length: loads.length / perSet }, (): number[] => []);
  for (const index of heaviestFirst) {
    const open = sets.filter((set) => set.length < perSet);
    open.reduce((a, b) => (sumOf(loads, b) < sumOf(loads, a) ? b : a)).push(index);
  }
  return sets;
}
