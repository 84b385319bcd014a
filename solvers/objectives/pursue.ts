import type { Objective } from "../../lib/placement/objective.js";
import type { Solver } from "../../lib/placement/solver.js";
import { balanced } from "./balance.js";
import { fastest, estimatedTime, scheduledTime } from "./time.js";

/** Solvers that help another to pursue an objective which is not its own. */
export interface Helpers {
  /** Quick solver that finds candidates under caps on the load. */
  readonly search: Solver;
  /** Solvers whose placements are candidates too. */
  readonly rivals: readonly Solver[];
}

/** How a solver that minimises traffic is made to minimise something else. */
const PURSUITS: Record<Objective["minimise"], (solver: Solver, helpers: Helpers) => Solver> = {
  traffic: (solver) => solver,
  load: balanced,
  time: (solver, helpers) => fastest(solver, { ...helpers, estimate: estimatedTime, judge: scheduledTime }),
};

/** Makes a solver that minimises traffic pursue the objective of every problem it is given. */
export function pursuing(solver: Solver, helpers: Helpers): Solver {
  return {
    ...solver,
    solve: (problem, options) =>
      PURSUITS[problem.objective.minimise](solver, helpers).solve(problem, options),
  };
}
