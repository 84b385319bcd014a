import { InputError } from "../errors.js";
import { checkModelSizes, DEFAULT_LIMITS } from "../plausible-size.js";
import { createRoutingTrace, expertsOfToken, NO_EXPERT, type RoutingTrace } from "./routing-trace.js";

/**
 * Counts shared experts among the others, to be placed like them: their ids come after those of the routed experts, and every
 * token chooses all of them, so that each takes a slot and adds the load of all tokens.
 *
 * @param numShared Shared experts of a layer, at least 1.
 * @returns A trace of numExperts + numShared experts, top-(k + numShared).
 * @throws InputError if the trace has shared experts among its own already: a last expert that all tokens of a layer choose.
 *
 * @example
 * const trace = createRoutingTrace({ model: undefined, numExperts: 4, topK: 2,
 *   layers: [{ layer: 0, numTokens: 2, experts: Uint16Array.of(0, 1, 2, 3) }] });
 * withSharedExperts(trace, 1).layers[0].experts; // Uint16Array [0, 1, 4, 2, 3, 4]
 */
export function withSharedExperts(trace: RoutingTrace, numShared: number): RoutingTrace {
  const { numExperts, topK, layers } = trace;
  const maxExperts = Math.max(DEFAULT_LIMITS.maxExperts, numExperts);
  checkModelSizes("sharedExperts", { numExperts: numExperts + numShared }, { maxExperts });
  const shared = Uint16Array.from({ length: numShared }, (_, index) => numExperts + index);
  const width = topK + numShared;
  return createRoutingTrace({
    ...trace,
    numExperts: numExperts + numShared,
    topK: width,
    sharedExperts: numShared,
    layers: layers.map((layer) => {
      const experts = new Uint16Array(layer.numTokens * width).fill(NO_EXPERT);
      let numLast = 0;
      for (let token = 0; token < layer.numTokens; token++) {
        const routed = expertsOfToken(layer, token, topK);
        numLast += Number(routed.includes(numExperts - 1));
        experts.set(routed, token * width);
        experts.set(shared, token * width + routed.length);
      }
      if (numLast === layer.numTokens && topK > 1) {
        throw new InputError(
          `sharedExperts: layer ${layer.layer}: found expert ${numExperts - 1} in every token, expected routed experts alone`,
          `Maybe it is shared already: pass dropExperts ${numExperts - 1} too.`,
        );
      }
      return { ...layer, experts };
    }),
  });
}
