import type { DispatchModel } from "../placement/dispatch.js";
import type { Placement } from "../placement/placement.js";
import { hashTrace } from "../placement/provenance.js";
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
 *
 * The time that is proved of either is of its own tokens: of those held out without what the placement proves, and without effort.
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
    ...(heldOut && {
      heldOut: evaluateOn(heldOut, placement, { ...machine, bounds: new Map(), boundEffort: 0 }),
    }),
  };
}

/** What is proved of every layer, by its number. */
function boundsOf({ layers }: Placement): Map<number, ProvedOfLayer> {
  return new Map(layers.map((layer) => [layer.layer, layer]));
}

/** Tokens as they were read, and what is kept aside of them. */
export interface ReadTokens {
  /** The trace files, held-out tokens included. */
  readonly parts: readonly RoutingTrace[];
  /** Last share of each that is not learned from. */
  readonly holdout: number;
  /** How they choose among replicas, where that is not as the placement says. */
  readonly dispatch?: DispatchModel | undefined;
}

/** The same placement where it was made from these tokens, and else without what is proved of it, which holds for no others. */
export function provedOn(placement: Placement, { parts, holdout, dispatch }: ReadTokens): Placement {
  const { provenance } = placement;
  const isOfTokens =
    provenance !== undefined &&
    (dispatch ?? placement.dispatch) === (placement.dispatch ?? dispatch) &&
    provenance.holdout === holdout &&
    provenance.traceSha256 === hashTrace(parts);
  return isOfTokens ? placement : withoutProof(placement);
}

function withoutProof(placement: Placement): Placement {
  const layers = placement.layers.map(({ layer, chiplets, cost, stoppedBy }) => ({
    layer,
    chiplets,
    status: "feasible" as const,
    ...(cost !== undefined && { cost }),
    ...(stoppedBy !== undefined && { stoppedBy }),
  }));
  return { ...placement, layers };
}

/** Share of the effort of a proof where the search was cut by the clock. */
const EFFORT_OF_CUT = 0.2;

/** How much of the effort a bound on the time of a placement just found is worth: less where the clock has cut the search. */
export function boundEffortOf({ layers }: Placement): number {
  return layers.some(({ stoppedBy }) => stoppedBy === "time limit") ? EFFORT_OF_CUT : 1;
}
