import { TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { balanceLoads } from "./partition-loads.js";

/** Sets of chiplets that are tried before swaps take over. */
const MOST_SETS_DEALT = 20_000;

/**
 * Moves the columns of chiplets between chiplet groups until the groups are loaded evenly.
 *
 * Columns are dealt anew; where experts are pinned, their chiplets stay and the others begin where they are. Then the
 * sum of squared group loads descends by the best swap of two columns, O(numChiplets^2) a swap. What chiplets hold does
 * not change, and without replicas neither does C_T; whether the groups respect their limits is for the caller to verify.
 *
 * @example
 * const groups = createProblem(patterns, { numChiplets: 4, numGroups: 2 });
 * regroupByLoad(groups, [[0], [1], [2], [3]]); // [[1], [3], [0], [2]], two a group with loads 3, 4, 1 and 0
 */
export function regroupByLoad(problem: PlacementProblem, chiplets: Chiplets): Chiplets {
  const { numChiplets, chipletsPerGroup, pins } = problem;
  const found = countTraffic(problem.patterns, chiplets, problem).chipletLoad;
  const order =
    pins.length > 0 ? [...found.keys()] : balanceLoads([...found], chipletsPerGroup, MOST_SETS_DEALT).flat();
  const load = Float64Array.from(order, (chiplet) => found[chiplet]);
  const groupOf = (chiplet: number) => groupOfChiplet(chiplet, chipletsPerGroup);
  const groupLoad = new Float64Array(numChiplets / chipletsPerGroup);
  load.forEach((tokens, chiplet) => (groupLoad[groupOf(chiplet)] += tokens));
  const free = [...load.keys()].filter((chiplet) => pins.every((pin) => pin.chiplet !== chiplet));
  const regrouped = order.map((chiplet) => chiplets[chiplet]);
  for (;;) {
    const swap = bestSwap(free, { load, groupLoad, groupOf });
    if (swap === undefined) return regrouped;
    const [from, to] = swap;
    const excess = load[from] - load[to];
    groupLoad[groupOf(from)] -= excess;
    groupLoad[groupOf(to)] += excess;
    [load[from], load[to]] = [load[to], load[from]];
    [regrouped[from], regrouped[to]] = [regrouped[to], regrouped[from]];
  }
}

/** The swap that lessens the sum of squared group loads most; undefined where none lessens it. */
function bestSwap(
  free: readonly number[],
  {
    load,
    groupLoad,
    groupOf,
  }: { load: Float64Array; groupLoad: Float64Array; groupOf: (chiplet: number) => number },
): [number, number] | undefined {
  let best: [number, number] | undefined;
  // Loads of replicas are fractions: a gain of rounding errors would swap for ever.
  let mostGained = TOKEN_ROUNDING;
  for (const from of free) {
    for (const to of free) {
      const excess = load[from] - load[to];
      const gained = excess * (groupLoad[groupOf(from)] - groupLoad[groupOf(to)] - excess);
      if (groupOf(from) !== groupOf(to) && gained > mostGained) {
        mostGained = gained;
        best = [from, to];
      }
    }
  }
  return best;
}
