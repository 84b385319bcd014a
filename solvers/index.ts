import type { Solver } from "../lib/placement/solver.js";
import { contiguous } from "./contiguous.js";

/** Every solver, in the order in which `compare` shows them. */
export const solvers: readonly Solver[] = [contiguous];

/** Finds a solver by name. */
export function findSolver(name: string): Solver | undefined {
  return solvers.find((solver) => solver.name === name);
}
