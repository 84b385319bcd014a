import type { Objective } from "../../lib/placement/objective.js";
import type { Solver } from "../../lib/placement/solver.js";
import { balanced } from "./balance.js";
import { fastest, estimatedTime, scheduledTime } from "./time.js";

/** Solvers that help another to pursue an objective which is not its own. */
export interface Helpers {
  /** Asked in place of any solver where the time is minimised, so that all answer with the same. */
  readonly portfolio: Solver;
  /** Quick solver that finds candidates under caps on the load. */
  readonly search: Solver;
  /** Solvers whose placements are candidates too. */
  readonly rivals: readonly Solver[];
}

/** How a solver that minimises traffic is made to minimise something else. */
const PURSUITS: Record<Objective["minimise"], (solver: Solver, helpers: Helpers) => Solver> = {
  traffic: (solver) => solver,
  load: balanced,
  time: (_, helpers) =>
    fastest(helpers.portfolio, { ...helpers, estimate: estimatedTime, judge: scheduledTime }),
};

/** Makes a solver that minimises traffic pursue the objective of every problem it is given. */
export function pursuing(solver: Solver, helpers: Helpers): Solver {
  return {
    ...solver,
    answersAs: (problem) => {
      const asked = problem.objective.minimise === "time" ? helpers.portfolio : solver;
      return asked.answersAs?.(problem) ?? asked.name;
    },
    solve: (problem, options) =>
      PURSUITS[problem.objective.minimise](solver, helpers).solve(problem, options),
  };
}
