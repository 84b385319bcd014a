import { evaluatePlacement, type Evaluation, type EvaluationOptions } from "../doors/flows.js";
import type { Placement } from "../doors/placement.js";
import type { RoutingTrace, SplitTrace } from "../doors/traces.js";
import type { Machine } from "./machine.js";

/** Evaluates a placement on a trace as far as machine and model are known. */
export function evaluateOn(
  trace: RoutingTrace,
  placement: Placement,
  { scheduled = false, bounds, ...machine }: Machine & Pick<EvaluationOptions, "scheduled" | "bounds">,
): Evaluation {
  const { hardware, shape, workload } = machine;
  return evaluatePlacement(trace, placement, {
    chipletsPerGroup: hardware.chipletsPerGroup,
    tokensStart: hardware.tokensStart,
    ...(shape && { machine: { hardware, shape, workload } }),
    scheduled,
    ...(bounds && { bounds }),
  });
}

/**
 * Evaluates a placement on the tokens it was made from and on those held out.
 *
 * @param machine.scheduled Whether to schedule the layers of the tokens learned from, by which `--objective time` judges.
 */
export function judge(
  placement: Placement,
  { learn, heldOut }: SplitTrace,
  { scheduled = false, ...machine }: Machine & { scheduled?: boolean },
): { learned: Evaluation; heldOut?: Evaluation } {
  return {
    learned: evaluateOn(learn, placement, { ...machine, scheduled, bounds: boundsOf(placement) }),
    ...(heldOut && { heldOut: evaluateOn(heldOut, placement, machine) }),
  };
}

/** What is proved of C_T, by layer. */
function boundsOf({ layers }: Placement): Map<number, number> {
  return new Map(
    layers.flatMap(({ layer, bound }) => (bound === undefined ? [] : [[layer, bound] as const])),
  );
}
