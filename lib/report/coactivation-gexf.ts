import gexf from "graphology-gexf";
import { coactivationGraph, type Coactivation } from "../trace/coactivation.js";

/**
 * Writes the co-activation graph of a layer as GEXF, which Gephi opens: experts with `load` and `community`, pairs with the
 * tokens that chose both as their weight.
 *
 * @param communityOf Community of every expert. Shape [numExperts].
 *
 * @example
 * coactivationGexf(countCoactivation(patterns), [0, 0, 1, 1]).slice(0, 38); // '<?xml version="1.0" encoding="UTF-8"?>'
 */
export function coactivationGexf(coactivation: Coactivation, communityOf: ArrayLike<number>): string {
  return gexf.write(coactivationGraph(coactivation), {
    formatNode: (expert, { load }) => ({
      label: `expert ${expert}`,
      attributes: { load, community: communityOf[Number(expert)] },
    }),
    formatEdge: (_, { weight }) => ({ weight }),
  });
}
