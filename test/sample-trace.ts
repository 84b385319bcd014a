import { createRandom } from "../lib/random.js";
import { createRoutingTrace, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { writeJsonLines } from "../traces/formats/json-lines.js";

/** A small trace in which experts e and e + numExperts / 2 like to go together. */
export function sampleTrace({
  numExperts = 8,
  layers = [1, 2],
  numTokens = 200,
  seed = 1,
} = {}): RoutingTrace {
  return createRoutingTrace({
    model: "sample",
    numExperts,
    topK: 2,
    layers: layers.map((layer) => {
      const random = createRandom(seed, layer);
      const tokens = Array.from({ length: numTokens }, () => {
        const first = random.below(numExperts);
        const hop = random.next() < 0.6 ? numExperts / 2 : 1 + random.below(numExperts - 1);
        return [first, (first + Math.floor(hop)) % numExperts];
      });
      return { layer, numTokens, experts: Uint16Array.from(tokens.flat()) };
    }),
  });
}

/** The trace as moeplace JSON Lines. */
export function traceText(trace: RoutingTrace): string {
  return [...writeJsonLines(trace)].join("");
}
