import type { Placement } from "../placement/placement.js";
import type { SplitTrace } from "../trace/holdout.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { evaluatePlacement, type Evaluation, type EvaluationOptions } from "./evaluate.js";
import type { PosedMachine } from "./pose.js";
import type { ProvedOfLayer } from "./step-time.js";

/** Evaluates a placement on a trace as far as machine and model are known. */
export function evaluateOn(
  trace: RoutingTrace,
  placement: Placement,
  {
    scheduled = false,
    bounds,
    boundEffort,
    ...machine
  }: PosedMachine & Pick<EvaluationOptions, "scheduled" | "bounds" | "boundEffort">,
): Evaluation {
  const { hardware, shape, workload } = machine;
  return evaluatePlacement(trace, placement, {
    chipletsPerGroup: hardware.chipletsPerGroup,
    tokensStart: hardware.tokensStart,
    ...(shape && { machine: { hardware, shape, ...(workload && { workload }) } }),
    scheduled,
    ...(bounds && { bounds, boundEffort }),
  });
}

/** A machine to judge on, and how much is asked about it. */
export type JudgedMachine = PosedMachine & Pick<EvaluationOptions, "scheduled" | "boundEffort">;

/**
 * Evaluates a placement on the tokens it was made from and on those held out.
 * With `scheduled`, the layers of the tokens learned from are scheduled, too, by which the objective time judges.
 */
export function judge(
  placement: Placement,
  { learn, heldOut }: SplitTrace,
  { scheduled = false, boundEffort, ...machine }: JudgedMachine,
): { learned: Evaluation; heldOut?: Evaluation } {
  return {
    learned: evaluateOn(learn, placement, {
      ...machine,
      scheduled,
      boundEffort,
      bounds: boundsOf(placement),
    }),
    ...(heldOut && { heldOut: evaluateOn(heldOut, placement, machine) }),
  };
}

/** What is proved of every layer, by its number. */
function boundsOf({ layers }: Placement): Map<number, ProvedOfLayer> {
  return new Map(layers.map((layer) => [layer.layer, layer]));
}
