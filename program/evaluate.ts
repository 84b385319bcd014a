import type { Evaluation } from "../lib/flows/evaluate.js";
import { judge, provedOn } from "../lib/flows/judge.js";
import type { Machine } from "../lib/hardware/machine.js";
import type { Placement } from "../lib/placement/placement.js";
import { verifyAgainstTrace } from "../lib/placement/verify-against.js";
import { verifyPlacementFile } from "../lib/placement/placement-file.js";
import { verifyRecord } from "../lib/placement/verify-record.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  /**
   * Share of the effort, some seconds a layer of 256 experts over several servers, that the time that is proved is worth, in [0, 1];
   * 0 for none of it. Default 1 on the tokens that the placement was made from, as the commands have it, else 0.
   */
  readonly boundEffort?: number;
}

/**
 * Judges a placement on any trace of its model: C_T, C_G, loads, and time and energy of a step on the machine.
 *
 * `step.atLeastNs` is proved of these tokens: no placement with as many replicas takes less on them. It is nearer on the tokens that
 * the placement was made from, where what is proved of it counts.
 *
 * @throws InputError if a layer of the trace is not in the placement, or their experts differ in number.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * evaluate(trace, placement, target).mean.tokenReplication; // 5.37
 */
export function evaluate(
  trace: RoutingTrace,
  placement: Placement,
  machine: Machine,
  { boundEffort }: EvaluateOptions = {},
): Evaluation {
  const proved = provedOn(placement, { parts: [trace], holdout: 0 });
  return judge(
    proved,
    { learn: trace, heldOut: undefined },
    { ...machine, boundEffort: boundEffort ?? (proved === placement ? 1 : 0) },
  ).learned;
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
