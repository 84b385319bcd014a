import { createRandom } from "../lib/random.js";
import { createRoutingTrace, type RoutingTrace } from "../lib/trace/routing-trace.js";

/** Three layers of 16 experts top-3: neighbours go together, and low ids are chosen more. */
export function skewedTrace(): RoutingTrace {
  const random = createRandom(5);
  const layers = [1, 2, 3].map((layer) => {
    const tokens = Array.from({ length: 300 }, () => {
      const start = Math.min(random.below(16), random.below(16));
      return [start, (start + 3) % 16, (start + 3 * (2 + random.below(3))) % 16];
    });
    return { layer, numTokens: tokens.length, experts: Uint16Array.from(tokens.flat()) };
  });
  return createRoutingTrace({ model: undefined, numExperts: 16, topK: 3, layers });
}
