import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

/**
 * Takes a running placement to another number of chiplets or slots with the fewest moves.
 *
 * Chiplets keep their numbers: new ones are the last, and the last ones leave. What stays on a chiplet that stays does
 * not move: only experts of chiplets that leave, and of chiplets with too many for their slots, those that are least
 * chosen together with the others there. They go, the busiest first, to a free slot on the chiplet with whose experts
 * they are chosen together most. Replicas without a slot are dropped. Time O(pairs of experts in patterns + numExperts^2).
 *
 * @param running Every expert somewhere.
 * @returns Every expert somewhere, within the slots. Shape [numChiplets][].
 */
export function resizeChiplets(running: Chiplets, problem: PlacementProblem): number[][] {
  const { numExperts, numChiplets, slotsPerChiplet, patterns, load } = problem;
  const together = countPairs(patterns);
  const affinity = (expert: number, experts: Iterable<number>) => {
    let total = 0;
    for (const held of experts) if (held !== expert) total += together[expert * numExperts + held];
    return total;
  };
  const staying = keptChiplets(running, numChiplets).map((experts) => new Set(experts));
  for (const experts of staying) {
    while (experts.size > slotsPerChiplet) {
      const [loosest] = [...experts].sort((a, b) => affinity(a, experts) - affinity(b, experts) || a - b);
      experts.delete(loosest);
    }
  }
  const isPlaced = new Uint8Array(numExperts);
  for (const experts of staying) for (const expert of experts) isPlaced[expert] = 1;
  const moving = Array.from(isPlaced.keys())
    .filter((expert) => isPlaced[expert] === 0)
    .sort((a, b) => load[b] - load[a] || a - b);
  for (const expert of moving) {
    const open = staying.filter(({ size }) => size < slotsPerChiplet);
    const [target] = open.sort((a, b) => affinity(expert, b) - affinity(expert, a) || a.size - b.size);
    target.add(expert);
  }
  return staying.map((experts) => [...experts].sort((a, b) => a - b));
}

/** What is on the chiplets of another number of them before anything moves: the last ones leave, or are empty. */
export function keptChiplets(running: Chiplets, numChiplets: number): readonly (readonly number[])[] {
  return Array.from({ length: numChiplets }, (_, chiplet) => running.at(chiplet) ?? []);
}

/** Tokens that chose both of two experts. Shape [numExperts, numExperts], row-major. */
function countPairs({ numExperts, numPatterns, offsets, experts, counts }: TokenPatterns): Float64Array {
  const together = new Float64Array(numExperts * numExperts);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const pins = experts.subarray(offsets[pattern], offsets[pattern + 1]);
    for (const e of pins) for (const f of pins) together[e * numExperts + f] += counts[pattern];
  }
  return together;
}
