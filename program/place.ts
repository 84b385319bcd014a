import { chooseObjective } from "../lib/flows/choose-objective.js";
import type { PlaceOutcome } from "../lib/flows/place.js";
import { isRoutingTrace } from "../lib/flows/pose.js";
import { provenanceOf, recordPlacement } from "../lib/flows/provenance.js";
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
}

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
 */
export async function place(trace: RoutingTrace | LoadTrace, options: PlaceOptions): Promise<PlaceOutcome> {
  const { solver = "auto", holdout = 0, from, maxMoves, ...request } = options;
  const solvers = [typeof solver === "string" ? solver : solver.name];
  const { minimise: objective } = chooseObjective(
    { ...request, solvers, running: minimisedBySolver(from) },
    request.machine,
  );
  const asked = { ...request, objective };
  const { machine, seed = DEFAULT_SOLVER_OPTIONS.seed, backends = DEFAULT_SOLVER_OPTIONS.backends } = asked;
  const running = from && { from, maxMoves: maxMoves ?? Infinity };
  const learn = isRoutingTrace(trace) ? splitParts([trace], holdout).learn : trace;
  const outcome = await withThreads(asked, (placing) => placing(learn, solver, running));
  if (outcome.status !== "placed") return outcome;
  const provenance = provenanceOf([trace], {
    machine,
    request: asked,
    holdout,
    ...(from && { maxMoves: maxMoves ?? null }),
    backends,
  });
  return { ...outcome, placement: recordPlacement(outcome, { provenance, seed }) };
}
