import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { Solver, SolverOptions } from "../../lib/placement/solver.js";
import type { Candidate } from "./time-candidates.js";

/** What a solver of some name answered. */
export interface Answered {
  readonly name: string;
  readonly solution: Candidate;
}

/** Asks solvers for placements that theirs are to be no slower than; of those that find none nothing is told. */
export async function askRivals(
  rivals: readonly Solver[],
  problem: PlacementProblem,
  options: SolverOptions,
): Promise<Answered[]> {
  const solutions = await Promise.all(rivals.map((rival) => rival.solve(problem, options)));
  return rivals.flatMap(({ name }, index) => {
    const solution = solutions[index];
    return "chiplets" in solution ? [{ name, solution }] : [];
  });
}

/** Their placements as candidates for the step of all layers, by name. */
export function toldOf(answered: readonly Answered[]): Record<string, { chiplets: Chiplets; cost: number }> {
  return Object.fromEntries(
    answered.map(({ name, solution: { chiplets, cost } }) => [name, { chiplets, cost }]),
  );
}
