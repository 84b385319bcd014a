import { maximumAssignment } from "../assignment.js";
import type { Chiplets } from "./placement.js";
import type { Pin } from "./problem.js";

/** What may change places when chiplets are renamed. */
export interface RelabelOptions {
  /** Chiplets of a chiplet group stay together. */
  readonly chipletsPerGroup: number;
  /** So do chiplets of such a run, which divides the groups or is divided by them; default 1. */
  readonly chipletsPerRun?: number;
  /** Experts whose chiplet may not be renamed. */
  readonly pins?: readonly Pin[];
  /** Whether chiplets keep their numbers of experts; default false. */
  readonly keepsSizes?: boolean;
}

/**
 * Renames the chiplets of a placement so that as many experts as possible sit where they sit in another.
 *
 * Chiplets of one chiplet group are alike, and so are whole groups: swapping the contents of two changes neither C_T
 * nor C_G nor any limit. So each group of the placement is matched to a group of the running one, and inside each pair
 * the chiplets, all by maximum assignment; runs of chiplets that stay together are one level more. Time O(numChiplets^3).
 *
 * @param running The placement to stay close to, of as many chiplets.
 * @returns The same columns in another order.
 *
 * @example
 * relabelChiplets([[2, 3], [0, 1]], [[0, 1], [2, 4]], { chipletsPerGroup: 2 }); // [[0, 1], [2, 3]]
 */
export function relabelChiplets(
  chiplets: Chiplets,
  running: Chiplets,
  { chipletsPerGroup, chipletsPerRun = 1, pins = [], keepsSizes = false }: RelabelOptions,
): Chiplets {
  const pinned = new Map<number, number>();
  for (const { expert, chiplet } of pins) pinned.set(expert, chiplet);
  // More than all overlaps together: a pinned expert away from its chiplet is never worth it.
  const penalty = running.flat().length + 1;
  const weightOf = (from: number, to: number) => {
    const here = new Set(running[to]);
    const experts = chiplets[from];
    const overlap = experts.filter((expert) => here.has(expert)).length;
    const misplaced = experts.filter((expert) => (pinned.get(expert) ?? to) !== to).length;
    const isMisfit = keepsSizes && experts.length !== chiplets[to].length;
    return overlap - (misplaced + Number(isMisfit)) * penalty;
  };
  const sizes = [chiplets.length, chipletsPerGroup, chipletsPerRun, 1].sort((a, b) => b - a);
  const { columns } = matchBlocks({ from: 0, to: 0 }, sizes, weightOf);
  return columns.map((from) => chiplets[from]);
}

/** A block of chiplets in the place of another: what comes to each of its chiplets, and how much of it is there already. */
interface Match {
  readonly total: number;
  readonly columns: readonly number[];
}

/**
 * Matches the parts of one block to those of another.
 *
 * @param sizes Of blocks, of their parts, of the parts of those, down to 1; each divides the one before.
 */
function matchBlocks(
  { from, to }: { from: number; to: number },
  [size, ...parts]: readonly number[],
  weightOf: (from: number, to: number) => number,
): Match {
  if (parts.length === 0) return { total: weightOf(from, to), columns: [from] };
  const [part] = parts;
  if (part === size) return matchBlocks({ from, to }, parts, weightOf);
  const numParts = size / part;
  const pairs = Array.from({ length: numParts * numParts }, (_, pair) =>
    matchBlocks(
      { from: from + Math.floor(pair / numParts) * part, to: to + (pair % numParts) * part },
      parts,
      weightOf,
    ),
  );
  const placeOf = maximumAssignment(
    pairs.map(({ total }) => total),
    numParts,
  );
  const matched: Match[] = [];
  placeOf.forEach((place, index) => (matched[place] = pairs[index * numParts + place]));
  return {
    total: matched.reduce((sum, { total }) => sum + total, 0),
    columns: matched.flatMap(({ columns }) => columns),
  };
}
