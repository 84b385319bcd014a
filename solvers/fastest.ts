import type { Chiplets, FoundPlacement, Solution } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import type { Solver } from "../lib/placement/solver.js";

/** Caps on the largest chiplet load over the mean, under which C_T is minimised: the bottleneck's surrogates. */
const LOAD_CAPS = [Infinity, 1.6, 1.3, 1.15, 1.05];

/** Options of {@link fastest}. */
export interface FastestOptions {
  /** Modelled time of a seating of the problem's layer, in ns. */
  readonly judge: (problem: PlacementProblem, chiplets: Chiplets) => number;
  /** Solvers whose placements are candidates too, so that the answer is never slower than theirs. */
  readonly rivals: readonly Solver[];
}

/**
 * Makes a solver that minimises the modelled time of a layer.
 *
 * Time is set by the busiest link or chiplet, which the trade of C_T against load stands in for: `solver` is run under
 * several caps on the load, and the model decides among what it finds and what the rivals find. Nothing is proved of
 * the time; a bound on C_T is kept, as it holds for every placement.
 */
export function fastest(solver: Solver, { judge, rivals }: FastestOptions): Solver {
  return {
    name: solver.name,
    summary: `least modelled time among many candidates, made by ${solver.summary}`,
    async solve(problem, options) {
      const meanLoad = problem.load.reduce((sum, load) => sum + load, 0) / problem.numChiplets;
      const capped = LOAD_CAPS.filter(
        (cap) => cap === Infinity || cap * meanLoad < problem.limits.chipletLoad,
      ).map((cap) => ({
        ...problem,
        limits: { ...problem.limits, chipletLoad: Math.min(problem.limits.chipletLoad, cap * meanLoad) },
      }));
      const solutions = await Promise.all([
        ...capped.map((variant) => solver.solve(variant, options)),
        ...rivals.map((rival) => rival.solve(problem, options)),
      ]);
      const [uncapped] = solutions;
      const found = solutions.filter((solution) => "chiplets" in solution);
      if (found.length === 0) return uncapped;
      const timed = found.map((placement) => ({ placement, ns: judge(problem, placement.chiplets) }));
      timed.sort((one, other) => one.ns - other.ns || one.placement.cost - other.placement.cost);
      return claimOf(timed[0].placement, uncapped);
    },
  };
}

/** The chosen placement with the bound on C_T that holds under no cap. */
function claimOf(chosen: FoundPlacement, uncapped: Solution): FoundPlacement {
  const bound = "bound" in uncapped ? uncapped.bound : undefined;
  const { chiplets, cost } = chosen;
  if (chosen === uncapped) return chosen;
  return {
    status: "feasible",
    chiplets,
    cost,
    ...(bound !== undefined && { bound: Math.min(bound, cost) }),
    stoppedBy: chosen.stoppedBy === "proof" ? "budget" : chosen.stoppedBy,
  };
}
