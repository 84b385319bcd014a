import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

/**
 * Takes a running placement to another number of chiplets, slots or replicas with the fewest moves.
 *
 * Chiplets keep their numbers: new ones are the last, and the last ones leave. What stays on a chiplet that stays does not
 * move. Of chiplets with too many for their slots, replicas go whose expert is elsewhere too, then experts that are least
 * chosen together with the others there. Experts that would be left without a chiplet come back to one of theirs where
 * another can make room by a replica of its own (augmenting paths, so that as many experts as can be stay somewhere); the
 * others, the busiest first, go to a free slot on the chiplet with whose experts they are chosen together most. Replicas beyond
 * those allowed are dropped, those with the least load first. Time O(pairs of experts in patterns + numExperts^2).
 *
 * @param running Every expert somewhere.
 * @returns Every expert somewhere, pinned ones where they are pinned, within slots and replicas. Shape [numChiplets][].
 */
export function resizeChiplets(running: Chiplets, problem: PlacementProblem): number[][] {
  const { numExperts, numChiplets, slotsPerChiplet, numReplicas, load, pins } = problem;
  const kept = keptChiplets(running, numChiplets);
  const pinnedTo = new Map(pins.map(({ expert, chiplet }) => [expert, chiplet]));
  const staying = kept.map((experts) => new Set(experts));
  for (const { expert, chiplet } of pins) staying[chiplet].add(expert);
  const copies = new Uint32Array(numExperts);
  for (const experts of staying) for (const expert of experts) copies[expert]++;
  const add = (expert: number, chiplet: number) => {
    staying[chiplet].add(expert);
    copies[expert]++;
  };
  const drop = (expert: number, chiplet: number) => {
    staying[chiplet].delete(expert);
    copies[expert]--;
  };
  const affinity = affinityOf(problem);

  staying.forEach((experts, chiplet) => {
    while (experts.size > slotsPerChiplet) {
      const [loosest] = [...experts]
        .filter((expert) => pinnedTo.get(expert) !== chiplet)
        .sort(
          (a, b) =>
            Number(copies[b] > 1) - Number(copies[a] > 1) ||
            affinity(a, experts) - affinity(b, experts) ||
            a - b,
        );
      drop(loosest, chiplet);
    }
  });

  const comesBack = (expert: number, tried: Set<number>): boolean =>
    kept.some((experts, chiplet) => {
      if (tried.has(chiplet) || !experts.includes(expert)) return false;
      tried.add(chiplet);
      if (staying[chiplet].size === slotsPerChiplet) {
        const here = [...staying[chiplet]].filter((other) => pinnedTo.get(other) !== chiplet);
        const spare =
          here.find((other) => copies[other] > 1) ?? here.find((other) => comesBack(other, tried));
        if (spare === undefined) return false;
        drop(spare, chiplet);
      }
      add(expert, chiplet);
      return true;
    });
  const missing = () =>
    Array.from(copies.keys())
      .filter((expert) => copies[expert] === 0)
      .sort((a, b) => load[b] - load[a] || a - b);
  for (const expert of missing()) comesBack(expert, new Set());

  const dropSpare = () => {
    const [spare] = staying
      .flatMap((experts, chiplet) =>
        [...experts]
          .filter((expert) => copies[expert] > 1 && pinnedTo.get(expert) !== chiplet)
          .map((expert) => ({ expert, chiplet })),
      )
      .sort(
        (a, b) =>
          load[a.expert] / copies[a.expert] - load[b.expert] / copies[b.expert] ||
          affinity(a.expert, staying[a.chiplet]) - affinity(b.expert, staying[b.chiplet]) ||
          a.expert - b.expert,
      );
    drop(spare.expert, spare.chiplet);
  };
  for (const expert of missing()) {
    if (staying.every(({ size }) => size === slotsPerChiplet)) dropSpare();
    const open = [...staying.entries()].filter(([, { size }]) => size < slotsPerChiplet);
    const [[target]] = open.sort(
      ([, a], [, b]) => affinity(expert, b) - affinity(expert, a) || a.size - b.size,
    );
    add(expert, target);
  }
  const numPlaced = () => staying.reduce((total, { size }) => total + size, 0);
  while (numPlaced() > numExperts + numReplicas) dropSpare();
  return staying.map((experts) => [...experts].sort((a, b) => a - b));
}

/** What is on the chiplets of another number of them before anything moves: the last ones leave, or are empty. */
export function keptChiplets(running: Chiplets, numChiplets: number): readonly (readonly number[])[] {
  return Array.from({ length: numChiplets }, (_, chiplet) => running.at(chiplet) ?? []);
}

/** Tells tokens that chose an expert together with others, of each of which they count. */
function affinityOf({
  numExperts,
  patterns,
}: PlacementProblem): (expert: number, others: Iterable<number>) => number {
  const together = countPairs(patterns);
  return (expert, others) => {
    let total = 0;
    for (const other of others) if (other !== expert) total += together[expert * numExperts + other];
    return total;
  };
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
