import type { Objective } from "../../lib/placement/objective.js";
import type { Solver } from "../../lib/placement/solver.js";
import { evenly } from "../constraints/even-slots.js";
import { refutingLimits } from "../constraints/refuting-limits.js";
import { keepingRouterGroups } from "../groups/router-groups.js";
import { asksForReplicas, replicate } from "../replicas/replicate.js";
import { annealStep } from "./anneal-step.js";
import { balanced } from "./balance.js";
import { dealing, isDealt } from "./dealt-replicas.js";
import { estimatedTime, provedTime, scheduledTime } from "./modelled-time.js";
import { fastest } from "./time.js";
import type { Asked } from "./hurried.js";

/** Solvers that help another to pursue an objective which is not its own. */
export interface Helpers {
  /** Asked in place of any solver where the time is minimised, so that all answer with the same. */
  readonly portfolio: Solver;
  /** Quick solver that finds candidates under caps on the load. */
  readonly search: Solver;
  /** Solvers whose placements are candidates too. */
  readonly rivals: (asked: Asked) => readonly Solver[];
}

/**
 * Makes a solver of one replica an expert and the least traffic answer whatever a problem asks: its objective, which
 * baselines do not know, then caps that counting decides, and what the numbers of experts and chiplets have to keep.
 */
export function answering(solver: Solver, helpers: Helpers): Solver {
  const pursued = solver.kind === "baseline" ? solver : pursuing(solver, helpers);
  return keepingRouterGroups(evenly(refutingLimits(pursued)));
}

/**
 * Makes a solver of one replica an expert and the least traffic pursue the objective of every problem it is given, with
 * the replicas that are asked for. A problem that asks for no more than the solver does goes straight to it.
 */
function pursuing(solver: Solver, helpers: Helpers): Solver {
  return {
    ...solver,
    answersAs(problem) {
      // Proofs are of placements without replicas, so all solvers begin from a search where there may be some.
      if (asksForReplicas(problem)) return helpers.search.name;
      const asked = problem.objective.minimise === "time" ? helpers.portfolio : solver;
      return asked.answersAs?.(problem) ?? asked.name;
    },
    solve(problem, options) {
      const pursue = PURSUITS[problem.objective.minimise];
      const once = pursue(solver, helpers);
      if (!asksForReplicas(problem)) return once.solve(problem, options);
      const replicated = pursue(replicating(solver), {
        portfolio: replicating(helpers.portfolio),
        search: replicating(helpers.search),
        rivals: (asked) => helpers.rivals(asked).map(replicating),
      });
      const pursued = isDealt(problem)
        ? dealing(once, { otherwise: replicated, rivals: helpers.rivals(problem), judge: scheduledTime })
        : replicated;
      return pursued.solve(problem, options);
    },
    improveStep: annealStep,
  };
}

/** How a solver that minimises traffic is made to minimise something else. */
const PURSUITS: Record<Objective["minimise"], (solver: Solver, helpers: Helpers) => Solver> = {
  traffic: (solver) => solver,
  load: balanced,
  time: (_, helpers) =>
    fastest(helpers.portfolio, {
      ...helpers,
      estimate: estimatedTime,
      judge: scheduledTime,
      least: provedTime,
    }),
};

/** The same solver with replicas; baselines have their own way with them. */
function replicating(solver: Solver): Solver {
  if (solver.kind === "baseline") return solver;
  const { proves, kind } = solver;
  const boundBy = kind === "proof" ? solver : undefined;
  return { ...solver, solve: (problem, options) => replicate(problem, { ...options, proves, boundBy }) };
}
