import {
  evaluatePlacement,
  type Evaluation,
  type Placement,
  type RoutingTrace,
  type Seating,
} from "../index.js";
import type { SplitTrace } from "./load-trace.js";
import type { Machine } from "./machine.js";

/** Evaluates a placement on a trace as far as machine and model are known. */
export function evaluateOn(trace: RoutingTrace, placement: Seating, machine: Machine): Evaluation {
  const { hardware, shape } = machine;
  return evaluatePlacement(trace, placement, {
    chipletsPerGroup: hardware.chipletsPerGroup,
    tokensStart: hardware.tokensStart,
    ...(shape && { machine: { hardware, shape } }),
  });
}

/** Evaluates a placement on the tokens it was made from and on those held out. */
export function judge(
  placement: Placement,
  { learn, heldOut }: SplitTrace,
  machine: Machine,
): { learned: Evaluation; heldOut?: Evaluation } {
  return {
    learned: evaluateOn(learn, placement, machine),
    ...(heldOut && { heldOut: evaluateOn(heldOut, placement, machine) }),
  };
}
