import { groupOfChiplet } from "./chiplet-group.js";
import { maximumAssignment } from "../assignment.js";
import type { Chiplets } from "./placement.js";
import type { Pin } from "./problem.js";

/**
 * Renames the chiplets of a placement so that as many experts as possible sit where they sit in another.
 *
 * Chiplets of one chiplet group are alike, and so are whole groups: swapping the contents of two changes neither C_T
 * nor C_G nor any limit. So each group of the placement is matched to a group of the running one, and inside each pair
 * the chiplets, both by maximum assignment. Time O(numChiplets^3).
 *
 * @param running The placement to stay close to, of as many chiplets.
 * @param pins Experts whose chiplet may not be renamed.
 * @returns The same columns in another order.
 *
 * @example
 * relabelChiplets([[2, 3], [0, 1]], [[0, 1], [2, 4]], { chipletsPerGroup: 2 }); // [[0, 1], [2, 3]]
 */
export function relabelChiplets(
  chiplets: Chiplets,
  running: Chiplets,
  { chipletsPerGroup, pins = [] }: { chipletsPerGroup: number; pins?: readonly Pin[] },
): Chiplets {
  const numGroups = chiplets.length / chipletsPerGroup;
  const pinned = new Map<number, number>();
  for (const { expert, chiplet } of pins) pinned.set(expert, chiplet);
  // More than all overlaps together: a pinned expert away from its chiplet is never worth it.
  const penalty = running.flat().length + 1;
  const weightOf = (experts: readonly number[], chiplet: number) => {
    const here = new Set(running[chiplet]);
    const overlap = experts.filter((expert) => here.has(expert)).length;
    const misplaced = experts.filter((expert) => (pinned.get(expert) ?? chiplet) !== chiplet).length;
    return overlap - misplaced * penalty;
  };
  const matchGroups = (from: number, to: number) => {
    const weights = new Float64Array(chipletsPerGroup * chipletsPerGroup);
    for (let place = 0; place < chipletsPerGroup; place++) {
      for (let target = 0; target < chipletsPerGroup; target++) {
        weights[place * chipletsPerGroup + target] = weightOf(
          chiplets[from * chipletsPerGroup + place],
          to * chipletsPerGroup + target,
        );
      }
    }
    const placeOf = maximumAssignment(weights, chipletsPerGroup);
    const total = placeOf.reduce((sum, target, place) => sum + weights[place * chipletsPerGroup + target], 0);
    return { placeOf, total };
  };
  const pairs = Array.from({ length: numGroups * numGroups }, (_, pair) =>
    matchGroups(Math.floor(pair / numGroups), pair % numGroups),
  );
  const groupOf = maximumAssignment(
    pairs.map(({ total }) => total),
    numGroups,
  );
  const renamed: (readonly number[])[] = [...chiplets];
  chiplets.forEach((experts, chiplet) => {
    const group = groupOfChiplet(chiplet, chipletsPerGroup);
    const { placeOf } = pairs[group * numGroups + groupOf[group]];
    renamed[groupOf[group] * chipletsPerGroup + placeOf[chiplet % chipletsPerGroup]] = experts;
  });
  return renamed;
}
