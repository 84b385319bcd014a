import type { OnLayer } from "../trace/layer-progress.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import type { LayerPlacement, Placement } from "./placement.js";
import { NO_LIMITS, type PlacementLimits } from "./constraints.js";
import { numberingOf } from "./numbering.js";
import { verifyByTokens } from "./verify.js";
import { countTokens, type TokenCount } from "./verify-tokens.js";
import { largest } from "../statistics.js";

/**
 * Lists where a placement file says something else of a trace than the trace itself: costs are recomputed from the
 * rows of the trace, by the slow and obvious road for C_T, and so are the loads and tokens that its provenance limits.
 *
 * Bounds are checked against costs; the proof behind them is not repeated. Costs of layers with replicas are passed
 * over where the file does not say how tokens are dispatched.
 *
 * @param trace The tokens that the placement was made from.
 * @returns One sentence a violation; empty if nothing is wrong.
 */
export function verifyAgainstTrace(
  placement: Placement,
  trace: RoutingTrace,
  { onLayer }: { readonly onLayer?: OnLayer } = {},
): string[] {
  if (placement.numExperts !== trace.numExperts) {
    return [`found ${placement.numExperts} experts, expected ${trace.numExperts} as in the trace`];
  }
  const filed = new Map(placement.layers.map((layer) => [layer.layer, layer]));
  return trace.layers.flatMap((current, index) => {
    onLayer?.(index, trace.layers.length);
    const layer = filed.get(current.layer);
    if (layer === undefined)
      return [`layer ${current.layer}: found no placement, expected one for every layer`];
    return verifyClaims(layer, { placement, tokens: countTokens(current, trace.topK) }).map(
      (violation) => `layer ${current.layer}: ${violation}`,
    );
  });
}

/**
 * Lists where two placements differ.
 *
 * @param expected The placement that `found` should be.
 * @returns One sentence a difference; empty if both are the same.
 */
export function verifyAgainstPlacement(found: Placement, expected: Placement): string[] {
  const differences = (["numExperts", "numChiplets"] as const)
    .filter((count) => found[count] !== expected[count])
    .map((count) => `${count} is ${found[count]}, expected ${expected[count]}`);
  if (differences.length > 0) return differences;
  const shifted = shiftedLayers(found, expected);
  if (shifted !== undefined) return [shifted];
  const layersFound = new Map(found.layers.map(({ layer, chiplets }) => [layer, chiplets]));
  return expected.layers.flatMap(({ layer, chiplets }) => {
    const others = layersFound.get(layer);
    if (others === undefined) return [`layer ${layer}: found no placement`];
    return chiplets.flatMap((experts, chiplet) =>
      String(experts) === String(others[chiplet])
        ? []
        : [`layer ${layer}: chiplet ${chiplet} holds ${list(others[chiplet])}, expected ${list(experts)}`],
    );
  });
}

/** Files that do not number their layers are read as if they began at 0. */
function shiftedLayers({ layers: found }: Placement, { layers: expected }: Placement): string | undefined {
  const shift = expected[0].layer - found[0].layer;
  const isShifted = found.every(({ layer }, index) => expected.at(index)?.layer === layer + shift);
  if (shift === 0 || !isShifted || found.length !== expected.length) return undefined;
  const [first, last] = [expected[0].layer, expected[expected.length - 1].layer];
  const numbers = first === last ? `layer ${first}` : `layers ${first} to ${last}`;
  return `${numbers}: found no placement, but layers from ${found[0].layer} on; where the file does not number its layers, pass firstMoeLayer ${first}`;
}

function verifyClaims(
  layer: LayerPlacement,
  { placement, tokens }: { placement: Placement; tokens: readonly TokenCount[] },
): string[] {
  const { chiplets, cost } = layer;
  const { numExperts, numChiplets, numGroups = 1, dispatch, provenance } = placement;
  const slotsPerChiplet = placement.slotsPerChiplet ?? largest(chiplets.map((experts) => experts.length));
  const numReplicas = chiplets.flat().length - numExperts;
  const limits = limitsOn(tokens, placement);
  const isClaimed = cost !== undefined || limits !== NO_LIMITS;
  if (!isClaimed || (numReplicas > 0 && dispatch === undefined)) return [];
  const problem = {
    numExperts,
    numChiplets,
    chipletsPerGroup: numChiplets / numGroups,
    slotsPerChiplet,
    numReplicas,
    dispatch: dispatch ?? "nearest",
    expertBytes: new Float64Array(numExperts),
    limits,
    pins: [],
    antiAffinity: [],
    ...numberingOf(provenance ?? {}),
  };
  return verifyByTokens(problem, layer, tokens);
}

/** The limits of a layer as its placement was asked for them, in its tokens: on purpose not by the table that solvers use. */
function limitsOn(tokens: readonly TokenCount[], { provenance, numChiplets }: Placement): PlacementLimits {
  const { maxLoad, chipletTokenShare, groupTokenShare } = provenance?.limits ?? {};
  if (maxLoad === undefined && chipletTokenShare === undefined && groupTokenShare === undefined)
    return NO_LIMITS;
  const numTokens = tokens.reduce((sum, { count }) => sum + count, 0);
  const numChoices = tokens.reduce((sum, { members, count }) => sum + count * members.length, 0);
  return {
    ...NO_LIMITS,
    chipletLoad: (maxLoad ?? Infinity) * (numChoices / numChiplets),
    chipletTokens: (chipletTokenShare ?? Infinity) * numTokens,
    groupTokens: (groupTokenShare ?? Infinity) * numTokens,
  };
}

function list(experts: readonly number[]): string {
  return experts.length > 0 ? experts.join(", ") : "nothing";
}
