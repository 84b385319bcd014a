import type { Placement } from "../placement/placement.js";

/** Models whose router chooses groups of expert ids first, so that ids mean something beyond their own expert. */
const GROUPED: readonly { readonly matches: RegExp; readonly numGroups: number }[] = [
  { matches: /deepseek.*v2(?!.*lite)/i, numGroups: 8 },
  { matches: /deepseek.*(v3|r1)(?!.*distill)/i, numGroups: 8 },
];

/**
 * Groups of ids that a model's router chooses among before it chooses experts; 1 where it chooses among all, or the model
 * is not known.
 *
 * Source: `n_group` of config.json, where `topk_group` is less.
 */
export function routerGroups(model: string | undefined): number {
  return GROUPED.find(({ matches }) => model !== undefined && matches.test(model))?.numGroups ?? 1;
}

/**
 * Layers in which a renumbering by rank would take experts out of their router group, so that the model would answer
 * otherwise.
 *
 * @example
 * // Groups 0-1 and 2-3 of ids; the groups change places, which a router does not see:
 * layersThatSplitGroups({ ...placement, layers: [{ layer: 0, chiplets: [[2, 3], [0, 1]] }] }, 2); // []
 */
export function layersThatSplitGroups({ layers, numExperts }: Placement, numGroups: number): number[] {
  const size = numExperts / numGroups;
  const groupOf = (id: number) => Math.floor(id / size);
  return layers
    .filter(({ chiplets }) => {
      const newToOld = chiplets.flat();
      return newToOld.some((old, id) => groupOf(old) !== groupOf(newToOld[groupOf(id) * size]));
    })
    .map(({ layer }) => layer);
}
