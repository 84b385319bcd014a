import { evaluatePlacement, type Evaluation } from "../lib/flows/evaluate.js";
import type { Machine } from "../lib/hardware/machine.js";
import type { Placement } from "../lib/placement/placement.js";
import { verifyAgainstTrace } from "../lib/placement/verify-against.js";
import { verifyPlacementFile } from "../lib/placement/placement-file.js";
import { verifyRecord } from "../lib/placement/verify-record.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";

/**
 * Judges a placement on any trace of its model: C_T, C_G, loads, and time and energy of a step on the machine.
 *
 * @throws InputError if a layer of the trace is not in the placement, or their experts differ in number.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * evaluate(trace, placement, target).mean.tokenReplication; // 5.37
 */
export function evaluate(trace: RoutingTrace, placement: Placement, machine: Machine): Evaluation {
  const { chipletsPerGroup } = machine.hardware;
  return evaluatePlacement(trace, placement, { chipletsPerGroup, machine });
}

/**
 * Checks a placement by code of its own: every violation, of what its provenance says, too, and of the trace it was made from
 * if that is given.
 *
 * @returns One sentence a violation; none if the placement is sound.
 *
 * @example
 * verify(placement, { against: trace }); // []
 */
export function verify(
  placement: Placement,
  { against }: { readonly against?: RoutingTrace } = {},
): string[] {
  const violations = verifyPlacementFile(placement);
  if (violations.length > 0) return violations;
  const recorded = verifyRecord(placement);
  return recorded.length > 0 || against === undefined ? recorded : verifyAgainstTrace(placement, against);
}
