import type { Solver } from "../lib/placement/solver.js";
import { findSolver } from "../solvers/index.js";

/** @throws Error if there is no solver of that name. */
export function solverOf(name: string): Solver {
  const solver = findSolver(name);
  if (!solver) throw new Error(`no solver ${name}`);
  return solver;
}
