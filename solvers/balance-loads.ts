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
  const mean = loads.reduce((sum, load) => sum + load, 0) / numSets;
  const heaviestFirst = loads.map((_, index) => index).sort((one, other) => loads[other] - loads[one]);
  let best = dealGreedily(loads, heaviestFirst, perSet);
  let bestDeviation = deviationOf(best.map((set) => sumOf(loads, set) - mean));
  const used = new Uint8Array(loads.length);
  const sets: number[][] = [];
  let triedSets = 0;

  const fill = (set: number[], from: number, deviations: readonly number[]): void => {
    if (set.length === perSet) {
      triedSets++;
      const next = [...deviations, sumOf(loads, set) - mean];
      if (!isBetter(deviationOf(next), bestDeviation)) return;
      sets.push(set);
      openSet(next);
      sets.pop();
      return;
    }
    for (let place = from; place < heaviestFirst.length && triedSets < maxSets; place++) {
      if (used[place]) continue;
      used[place] = 1;
      fill([...set, heaviestFirst[place]], place + 1, deviations);
      used[place] = 0;
    }
  };
  const openSet = (deviations: readonly number[]): void => {
    const first = used.indexOf(0);
    if (first < 0) {
      best = sets.map((set) => [...set]);
      bestDeviation = deviationOf(deviations);
      return;
    }
    used[first] = 1;
    fill([heaviestFirst[first]], first + 1, deviations);
    used[first] = 0;
  };
  openSet([]);
  return best;
}

interface Deviation {
  readonly total: number;
  readonly largest: number;
}

/** Of the sets so far; what is missing to a mean of 0 must still be deviated by the sets to come. */
function deviationOf(deviations: readonly number[]): Deviation {
  const sum = deviations.reduce((total, one) => total + one, 0);
  return {
    total: deviations.reduce((total, one) => total + Math.abs(one), Math.abs(sum)),
    largest: Math.max(0, ...deviations.map(Math.abs)),
  };
}

function isBetter(one: Deviation, other: Deviation): boolean {
  const tolerance = 1e-9 * Math.max(1, other.total);
  if (one.total < other.total - tolerance) return true;
  return one.total <= other.total + tolerance && one.largest < other.largest - tolerance;
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
    open.reduce((one, other) => (sumOf(loads, other) < sumOf(loads, one) ? other : one)).push(index);
  }
  return sets;
}
