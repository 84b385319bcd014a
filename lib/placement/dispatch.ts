/**
 * Which copy of an expert a token uses, where there are several.
 *
 * - `nearest`: the token visits as few chiplets as it can. Experts with one copy decide which chiplets it has to visit,
 *   and every expert with copies there is served there, evenly. The experts left are served by the smallest set of
 *   further chiplets that holds them all; where several sets are smallest, tokens are spread over them evenly.
 *   What SGLang's static dispatch does for the ranks of a server, here for the chiplets a token visits anyway.
 * - `uniform`: every token draws one of the copies of each of its experts, all equally likely. What EPLB balances
 *   for, and what vLLM does.
 */
export type DispatchModel = (typeof DISPATCH_MODELS)[number];

export const DISPATCH_MODELS = ["nearest", "uniform"] as const;

/** Chiplets that hold each expert, ascending. Shape [numExperts][]. */
export type CopiesOf = readonly (readonly number[])[];

/**
 * Turns a placement, with or without replicas, into the chiplets that hold each expert.
 *
 * @example
 * chipletsWithExperts([[0, 2], [1, 2]], 3); // [[0], [1], [0, 1]]
 */
export function chipletsWithExperts(
  chiplets: readonly (readonly number[])[],
  numExperts: number,
): number[][] {
  const copiesOf = Array.from({ length: numExperts }, (): number[] => []);
  chiplets.forEach((experts, chiplet) => {
    for (const expert of experts) copiesOf[expert].push(chiplet);
  });
  return copiesOf;
}

/**
 * Finds all the smallest sets of chiplets that hold a copy of every one of the experts.
 *
 * Tries sizes from 1 on, depth first over the copies of the first expert not yet held: exponential in the experts at
 * worst, which are few, since experts of one copy never come here.
 *
 * @param experts At least one, each with at least one copy.
 * @returns Distinct sets, in no order.
 *
 * @example
 * smallestCovers([0, 1], [[0, 1], [1, 2]]); // [[1]]
 */
export function smallestCovers(experts: readonly number[], copiesOf: CopiesOf): number[][] {
  const covers: number[][] = [];
  const extend = (chosen: readonly number[], left: readonly number[], size: number): void => {
    for (const chiplet of copiesOf[left[0]]) {
      if (size === 1) {
        const cover = [...chosen, chiplet];
        const holdsAll = left.every((expert) => copiesOf[expert].includes(chiplet));
        if (holdsAll && !covers.some((known) => cover.every((one) => known.includes(one))))
          covers.push(cover);
      } else {
        // A set that holds all with a chiplet to spare is not among the smallest, and was found before.
        const rest = left.filter((expert) => !copiesOf[expert].includes(chiplet));
        if (rest.length > 0) extend([...chosen, chiplet], rest, size - 1);
      }
    }
  };
  for (let size = 1; covers.length === 0; size++) extend([], experts, size);
  return covers;
}
