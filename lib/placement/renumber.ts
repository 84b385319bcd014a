import type { Chiplets } from "./placement.js";

/** A layer whose chiplets may be renumbered. */
export interface NumberedLayer {
  readonly chiplets: Chiplets;
  /** What every chiplet has to do in this layer, in any unit that adds up over layers. Shape [numChiplets]. */
  readonly work: ArrayLike<number>;
}

/**
 * Renumbers chiplet groups, and the chiplets of each group, layer by layer, so that over all layers every memory and
 * every chiplet has about as much to do.
 *
 * A layer by itself is the same under any numbers; a step is not, because its weights are streamed ahead of the layers
 * that need them: the memory of a group that is busy in one layer makes up for it in another. The groups of each layer,
 * busiest first, take the numbers that have had least to do so far. Time O(layers * numChiplets * log numChiplets).
 * Source: longest processing time first, Graham, SIAM Journal on Applied Mathematics 17 (1969).
 *
 * @returns The chiplets of every layer under their new numbers.
 *
 * @example
 * const busyFirst = { chiplets: [[0], [1]], work: [3, 1] };
 * renumberChiplets([busyFirst, busyFirst], 1); // [[[0], [1]], [[1], [0]]]
 */
export function renumberChiplets(layers: readonly NumberedLayer[], chipletsPerGroup: number): Chiplets[] {
  const numChiplets = layers[0]?.chiplets.length ?? 0;
  const numGroups = numChiplets / chipletsPerGroup;
  const workSoFar = new Float64Array(numChiplets);
  const groupWorkSoFar = new Float64Array(numGroups);
  return layers.map(({ chiplets, work }) => {
    const groups = Array.from({ length: numGroups }, (_, group) =>
      Array.from({ length: chipletsPerGroup }, (__, place) => group * chipletsPerGroup + place),
    );
    const workOf = (members: readonly number[]) => members.reduce((sum, chiplet) => sum + work[chiplet], 0);
    const busiestGroups = groups.toSorted((a, b) => workOf(b) - workOf(a));
    const idlestNumbers = [...groupWorkSoFar.keys()].sort((a, b) => groupWorkSoFar[a] - groupWorkSoFar[b]);
    const renumbered: (readonly number[])[] = chiplets.slice();
    busiestGroups.forEach((members, rank) => {
      const number = idlestNumbers[rank];
      groupWorkSoFar[number] += workOf(members);
      const busiest = members.toSorted((a, b) => work[b] - work[a]);
      const idlest = groups[number].toSorted((a, b) => workSoFar[a] - workSoFar[b]);
      busiest.forEach((chiplet, place) => {
        renumbered[idlest[place]] = chiplets[chiplet];
        workSoFar[idlest[place]] += work[chiplet];
      });
    });
    return renumbered;
  });
}
