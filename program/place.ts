import { chooseObjective } from "../lib/flows/choose-objective.js";
import type { PlaceOutcome } from "../lib/flows/place.js";
import { isRoutingTrace } from "../lib/flows/pose.js";
import { boundEffortOf, judge } from "../lib/flows/judge.js";
import { provenanceOf, recordPlacement } from "../lib/flows/provenance.js";
import { stepTime, type StepTime } from "../lib/flows/step-time.js";
import type { Placement } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../lib/placement/solver.js";
import { splitParts } from "../lib/trace/holdout.js";
import type { LoadTrace } from "../lib/trace/load-trace.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { minimisedBySolver } from "../solvers/index.js";
import { withThreads, type PlacingOptions } from "./placing.js";

/** Options of {@link place}. */
export interface PlaceOptions extends PlacingOptions {
  /** Name of a solver, or one of your own, which runs in this thread; default auto. */
  readonly solver?: string | Solver;
  /** Last share of the tokens not to learn from; default 0. */
  readonly holdout?: number;
  /** Placement that runs now, from which as few experts move as possible. */
  readonly from?: Placement;
  /** Most experts of a layer to move from there; default all. */
  readonly maxMoves?: number;
  /**
   * Share of the effort, some seconds a layer of 256 experts over several servers, that the time that is proved is worth, in [0, 1];
   * 0 for none of it. Default 1, as the command has it, and less where the clock has cut the search.
   */
  readonly boundEffort?: number;
}

/** What {@link place} comes to. */
export type PlaceResult =
  | (PlaceOutcome & {
      readonly status: "placed";
      /** Of a step of all layers, with what is proved of it; null for loads without tokens, of which no time is known. */
      readonly time: StepTime | null;
    })
  | Exclude<PlaceOutcome, { readonly status: "placed" }>;

/**
 * Places the experts of every layer of a trace, or of loads without tokens, on a machine: the main job.
 *
 * Prints nothing and never exits; where no placement exists, the status says so, and which layer and why. The placement
 * carries its provenance: enough to make it again from the same trace.
 *
 * @throws InputError if what is asked contradicts itself.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * const outcome = await place(trace, { machine: target, solver: "louvain" });
 * outcome.placement.layers[0].cost; // 3.695
 * const { learnedNs, atLeastNs } = outcome.time; // no placement takes less than atLeastNs on these tokens
 */
export async function place(trace: RoutingTrace | LoadTrace, options: PlaceOptions): Promise<PlaceResult> {
  const { solver = "auto", holdout = 0, from, maxMoves, boundEffort, ...request } = options;
  const solvers = [typeof solver === "string" ? solver : solver.name];
  const { minimise: objective } = chooseObjective(
    { ...request, solvers, running: minimisedBySolver(from) },
    request.machine,
  );
  const asked = { ...request, objective };
  const { machine, seed = DEFAULT_SOLVER_OPTIONS.seed, backends = DEFAULT_SOLVER_OPTIONS.backends } = asked;
  const running = from && { from, maxMoves: maxMoves ?? Infinity };
  const split = isRoutingTrace(trace) ? splitParts([trace], holdout) : undefined;
  const learn = split?.learn ?? trace;
  const outcome = await withThreads(asked, (placing) => placing(learn, solver, running));
  if (outcome.status !== "placed") return outcome;
  const provenance = provenanceOf([trace], {
    machine,
    request: asked,
    holdout,
    ...(from && { maxMoves: maxMoves ?? null }),
    backends,
  });
  const { placement } = outcome;
  const effort = boundEffort ?? boundEffortOf(placement);
  const time = split ? stepTime(judge(placement, split, { ...machine, boundEffort: effort })) : null;
  return { ...outcome, time, placement: recordPlacement(outcome, { provenance, seed }) };
}
