import { collectPatterns } from "../trace/token-patterns.js";
import type { Placement, LayerPlacement } from "../placement/placement.js";
import { createProblem, type PlacementProblem, type ProblemOptions } from "../placement/problem.js";
import type { Solver, SolverOptions, SolverProgress } from "../placement/solver.js";
import { verifyByTokens } from "../placement/verify.js";
import { countTokens } from "../placement/verify-tokens.js";
import { countChoices, type LayerTrace, type RoutingTrace } from "../trace/routing-trace.js";

/** How the layers of a trace become placement problems. */
export interface PosingOptions extends Omit<ProblemOptions, "layer" | "limits"> {
  /** Largest load of a chiplet over the mean load, at least 1; no cap by default. */
  readonly maxLoad?: number | undefined;
  /** Most bytes of one layer's expert weights behind a chiplet group's memory; no limit by default. */
  readonly groupBytes?: number | undefined;
  /** Fewest chiplet groups in which each expert has a replica; 1 by default. */
  readonly groupsPerExpert?: number | undefined;
  /** Most tokens over a chiplet's link, as a share of a layer's tokens; no limit by default. */
  readonly chipletTokenShare?: number | undefined;
  /** Most tokens over a chiplet group's link, as a share of a layer's tokens; no limit by default. */
  readonly groupTokenShare?: number | undefined;
}

/** What placing a trace came to. */
export type PlaceOutcome =
  | { readonly status: "placed"; readonly placement: Placement }
  | { readonly status: "infeasible"; readonly layer: number; readonly reason: string }
  | { readonly status: "undecided"; readonly layer: number };

/** Options of {@link placeTrace}. */
export interface PlaceTraceOptions {
  readonly posing: PosingOptions;
  /** Run on every layer at once; a solver that queues its calls keeps that within its means. */
  readonly solver: Solver;
  readonly solverOptions: Omit<SolverOptions, "onProgress">;
  /** Told of every better placement or bound of a layer. */
  readonly onProgress?: (layer: number, progress: SolverProgress) => void;
  /** Told of every layer that is placed. */
  readonly onLayer?: (placed: LayerPlacement) => void;
}

/**
 * Places the experts of every layer of a trace: the main job.
 *
 * trace -> token patterns -> placement problem -> solver -> verified placement, a layer at a time.
 *
 * @throws Error if a solver's answer fails the independent verifier, which is a bug in the solver.
 *
 * @example
 * const outcome = await placeTrace(trace, {
 *   posing: { numChiplets: 16, numGroups: 4 }, solver: exact, solverOptions: DEFAULT_SOLVER_OPTIONS });
 * if (outcome.status === "placed") outcome.placement.layers[0].cost;
 */
export async function placeTrace(
  trace: RoutingTrace,
  { posing, solver, solverOptions, onProgress, onLayer }: PlaceTraceOptions,
): Promise<PlaceOutcome> {
  const solved = await Promise.all(
    trace.layers.map(async (layer) => {
      const problem = poseLayer(trace, layer, posing);
      const solution = await solver.solve(problem, {
        ...solverOptions,
        ...(onProgress && {
          onProgress: (progress) => {
            onProgress(layer.layer, progress);
          },
        }),
      });
      if (!("chiplets" in solution)) return { layer: layer.layer, ...solution };
      const violations = verifyByTokens(problem, solution, countTokens(layer, trace.topK));
      if (violations.length > 0) {
        throw new Error(`${solver.name}, layer ${layer.layer}: ${violations.join("; ")}`);
      }
      const placed = { layer: layer.layer, ...solution };
      onLayer?.(placed);
      return placed;
    }),
  );
  const layers: LayerPlacement[] = [];
  for (const answer of solved) {
    if (!("chiplets" in answer)) return answer;
    layers.push(answer);
  }
  const { model, numExperts } = trace;
  const { numChiplets, numReplicas = 0, dispatch = "nearest" } = posing;
  const placement = { model, numExperts, numChiplets, ...(numReplicas > 0 && { dispatch }), layers };
  return { status: "placed", placement };
}

/** Poses the placement problem of one layer of a trace. */
export function poseLayer(trace: RoutingTrace, layer: LayerTrace, options: PosingOptions): PlacementProblem {
  const { maxLoad = Infinity, groupBytes = Infinity, groupsPerExpert = 1, ...posing } = options;
  const { chipletTokenShare = Infinity, groupTokenShare = Infinity } = options;
  const meanLoad = countChoices(layer) / options.numChiplets;
  return createProblem(collectPatterns(layer, trace), {
    ...posing,
    layer: layer.layer,
    limits: {
      groupBytes,
      groupsPerExpert,
      chipletLoad: maxLoad * meanLoad,
      chipletTokens: chipletTokenShare * layer.numTokens,
      groupTokens: groupTokenShare * layer.numTokens,
    },
  });
}
