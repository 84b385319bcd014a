import type { LayerLoad, LoadTrace } from "../trace/load-trace.js";
import { chipletsWithExperts } from "../placement/dispatch.js";
import type { Chiplets } from "../placement/placement.js";
import type { PlacementFile } from "../placement/placement-file.js";
import { createProblem, type PlacementProblem } from "../placement/problem.js";
import { verifyFound } from "../placement/verify.js";
import type { PlaceTraceOptions, PosingOptions } from "./place.js";
import type { TokenPatterns } from "../trace/token-patterns.js";
import { largest } from "../statistics.js";

/** What placing by loads came to. */
export type PlaceLoadsOutcome =
  | { readonly status: "placed"; readonly placement: PlacementFile }
  | { readonly status: "infeasible"; readonly layer: number; readonly reason: string }
  | { readonly status: "undecided"; readonly layer: number };

/** Options of {@link placeLoads}: those of {@link placeTrace} that do not depend on tokens. */
export interface PlaceLoadsOptions extends Pick<PlaceTraceOptions, "solver" | "solverOptions" | "onLayer"> {
  readonly posing: Omit<PosingOptions, "chipletTokenShare" | "groupTokenShare" | "dispatch">;
}

/**
 * Places the experts of every layer so that the largest load of a chiplet is least, from loads without tokens.
 *
 * To a solver every choice of an expert is a token of its own, so that loads and their balance are true, and C_T, which
 * nobody can know, is the same for all placements; it is left out of the answer. Copies share their expert's load evenly.
 *
 * @throws Error if a solver's answer fails the independent verifier, which is a bug in the solver.
 *
 * @example
 * const outcome = await placeLoads(loadsOf(trace), {
 *   posing: { numChiplets: 16, numReplicas: 32 }, solver, solverOptions: DEFAULT_SOLVER_OPTIONS });
 * outcome.status; // "placed"
 * outcome.placement.layers[0].load.cost; // 1.0013, the largest load over the mean
 */
export async function placeLoads(
  { model, numExperts, layers }: LoadTrace,
  { posing, solver, solverOptions, onLayer }: PlaceLoadsOptions,
): Promise<PlaceLoadsOutcome> {
  const solved = await Promise.all(
    layers.map(async (current) => {
      const problem = poseLoads(current, posing);
      const solution = await solver.solve(problem, solverOptions);
      if (!("chiplets" in solution)) return { layer: current.layer, ...solution };
      const violations = verifyFound(problem, solution);
      if (violations.length > 0) {
        throw new Error(`${solver.name}, layer ${current.layer}: ${violations.join("; ")}`);
      }
      const placed = { layer: current.layer, ...solution };
      onLayer?.(placed);
      return placed;
    }),
  );
  const placed: PlacementFile["layers"][number][] = [];
  for (const answer of solved) {
    if (!("chiplets" in answer)) return answer;
    const { layer, chiplets, load, stoppedBy } = answer;
    placed.push({ layer, chiplets, ...(load && { load }), stoppedBy });
  }
  const { numChiplets, numReplicas = 0 } = posing;
  return {
    status: "placed",
    placement: {
      model,
      numExperts,
      numChiplets,
      ...(numReplicas > 0 && { dispatch: "uniform" }),
      layers: placed,
    },
  };
}

/** Poses the placement problem of one layer of loads, in which every choice of an expert is a token. */
export function poseLoads(
  { layer, load }: LayerLoad,
  { maxLoad = Infinity, groupBytes = Infinity, groupsPerExpert = 1, ...posing }: PlaceLoadsOptions["posing"],
): PlacementProblem {
  const patterns = patternsOfLoads(load);
  const meanLoad = patterns.numTokens / posing.numChiplets;
  return createProblem(patterns, {
    ...posing,
    dispatch: "uniform",
    objective: { minimise: "load" },
    layer,
    limits: { groupBytes, groupsPerExpert, chipletLoad: maxLoad * meanLoad },
  });
}

/** A pattern for every expert that has load. Loads that are no counts, or too large for 32 bits, are scaled. */
function patternsOfLoads(load: Float64Array): TokenPatterns {
  const largest = load.reduce((most, one) => Math.max(most, one), 0);
  const isCounted = largest < 2 ** 32 && load.every((one) => Number.isInteger(one));
  const scale = isCounted ? 1 : 2 ** 31 / largest;
  const counts = Uint32Array.from(load, (one) => Math.round(one * scale));
  const experts = Uint16Array.from(counts.keys()).filter((expert) => counts[expert] > 0);
  return {
    numExperts: load.length,
    numPatterns: experts.length,
    numTokens: counts.reduce((sum, count) => sum + count, 0),
    offsets: Uint32Array.from({ length: experts.length + 1 }, (_, pattern) => pattern),
    experts,
    counts: counts.filter((count) => count > 0),
  };
}

/**
 * Largest load of a chiplet over the mean, where copies share their expert's load evenly.
 *
 * @param load Times each expert was chosen. Shape [numExperts].
 *
 * @example
 * spreadLoad(Float64Array.of(4, 2), [[0], [0, 1]]); // 1.3333, 4 of a mean of 3
 */
export function spreadLoad(load: ArrayLike<number>, chiplets: Chiplets): number {
  const copies = chipletsWithExperts(chiplets, load.length);
  const loads = chiplets.map((experts) =>
    experts.reduce((sum, expert) => sum + load[expert] / copies[expert].length, 0),
  );
  const mean = loads.reduce((sum, one) => sum + one, 0) / loads.length;
  return largest(loads) / mean;
}
