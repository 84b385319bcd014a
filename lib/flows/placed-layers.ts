import { InputError } from "../errors.js";
import type { Chiplets, Placement } from "../placement/placement.js";
import type { OnLayer } from "../trace/layer-progress.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns, type TokenPatterns } from "../trace/token-patterns.js";

/**
 * Every layer of a trace with its chiplets.
 *
 * @throws InputError if a layer of the trace is not in the placement, or their experts differ in number.
 *
 * @example
 * placedLayers(trace, placement)[0].chiplets === placement.layers[0].chiplets; // true
 */
export function placedLayers(
  trace: RoutingTrace,
  placement: Placement,
  onLayer?: OnLayer,
): { layer: number; tokens: number; patterns: TokenPatterns; chiplets: Chiplets }[] {
  if (trace.numExperts !== placement.numExperts) {
    const { sharedExperts = 0 } = placement;
    throw new InputError(
      `placement: found ${placement.numExperts} experts, expected ${trace.numExperts} as in the trace`,
      placement.numExperts - sharedExperts === trace.numExperts
        ? `Maybe pass sharedExperts ${sharedExperts}, because it places them, too.`
        : undefined,
    );
  }
  const chipletsOf = new Map<number, Chiplets>(
    placement.layers.map(({ layer, chiplets }) => [layer, chiplets]),
  );
  return trace.layers.map((current, index) => {
    onLayer?.(index, trace.layers.length);
    const chiplets = chipletsOf.get(current.layer);
    if (chiplets === undefined) {
      const common = trace.layers.map(({ layer }) => layer).filter((layer) => chipletsOf.has(layer));
      throw new InputError(
        `placement: found no layer ${current.layer}, expected every layer of the trace`,
        common.length > 0 ? `Maybe pass layers ${common.join(",")}, which it has.` : undefined,
      );
    }
    const { layer, numTokens } = current;
    return { layer, tokens: numTokens, patterns: collectPatterns(current, trace), chiplets };
  });
}
