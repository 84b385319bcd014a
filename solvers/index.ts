import type { Placement } from "../lib/placement/placement.js";
import type { Solver } from "../lib/placement/solver.js";
import { unknownName } from "../lib/unknown-name.js";
import { auto } from "./auto.js";
import { contiguous } from "./contiguous.js";
import { eplbGlobal, eplbHierarchical } from "./eplb.js";
import { exact } from "./exact.js";
import { ilp } from "./ilp.js";
import { localSearch } from "./local-search.js";
import { louvain } from "./louvain.js";
import { mozart } from "./mozart.js";
import { isHurried, type Asked } from "./objectives/hurried.js";
import { answering } from "./objectives/pursue.js";
import { random } from "./random.js";
import { spectral } from "./spectral.js";

/** Every solver as it minimises traffic without replicas, in the order in which `compare` shows them. */
const trafficSolvers: readonly Solver[] = [
  contiguous,
  random,
  eplbGlobal,
  eplbHierarchical,
  mozart,
  spectral,
  louvain,
  localSearch,
  ilp,
  exact,
  auto,
];

const baselines = trafficSolvers.filter((solver) => solver.kind === "baseline");

const helpers = {
  portfolio: auto,
  search: localSearch,
  // What competes where the time is minimised: rows of their own, whose placements are candidates too.
  // Of many experts spectral takes longer than all the rest, the third power of them, and is far behind what annealing makes of others.
  rivals: (asked: Asked) =>
    isHurried(asked) ? baselines.filter((solver) => solver !== spectral) : baselines,
};

/** Every solver, answering whatever the problem that it is given asks; baselines know no objective. */
export const solvers: readonly Solver[] = trafficSolvers.map((solver) => answering(solver, helpers));

/** Finds a solver by name. */
export function findSolver(name: string): Solver | undefined {
  return solvers.find((solver) => solver.name === name);
}

/**
 * Finds a solver by the name a user gave.
 *
 * @throws InputError if there is none of that name.
 */
export function requireSolver(name: string): Solver {
  const solver = findSolver(name);
  if (solver !== undefined) return solver;
  throw unknownName("solver", { found: name, known: solvers.map((known) => known.name) });
}

/** A placement of a solver that minimised something; undefined of a rule, as engines have them, which tells nothing of what is wanted. */
export function minimisedBySolver<P extends Pick<Placement, "solver">>(
  placement: P | undefined,
): P | undefined {
  return findSolver(placement?.solver ?? "")?.kind === "baseline" ? undefined : placement;
}
