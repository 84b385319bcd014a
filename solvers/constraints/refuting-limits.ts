import { isAbove } from "../../lib/placement/constraints.js";
import { expertsOfChiplets, type Solution } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { largest } from "../../lib/statistics.js";
import { leastLargestLoad, loadsOf, placeEvenly } from "../objectives/balance.js";
import { constraintModelOf } from "./constraint-model.js";
import { decideFeasibility, findConflict, tooLow, type ReplicaDemand } from "./feasibility.js";

/** Simplex iterations spent on a cap that no search met: seconds, rather than minutes without a word. */
const PROOF_ITERATIONS = 2_000;
/** A cap this close above the least load found is met by few placements, of which the solver is given one. */
const TIGHT = 1.02;

/**
 * Makes a solver that answers at once where counting proves that a limit cannot be met and, of a cap on the load of chiplets,
 * where evening loads finds none within it: with a proof, or else with the least largest load that a search for it alone found.
 *
 * Where counting proves nothing, loads are evened out as far as a search does it; only what is within the cap is solved.
 * With replicas, counting alone is asked before, and the evenest placement found after.
 */
export function refutingLimits(solver: Solver): Solver {
  return {
    ...solver,
    async solve(problem, options) {
      const { limits, numReplicas } = problem;
      // Whatever limit it is: to repair what no placement can meet takes seconds.
      const conflict = findConflict(constraintModelOf(problem), demandOf(problem));
      if (conflict !== undefined) return { status: "infeasible", reason: conflict };
      if (limits.chipletLoad === Infinity) return solver.solve(problem, options);
      return numReplicas > 0 || limits.groupsPerExpert > 1
        ? solveWithReplicas(solver, problem, options)
        : solveOnce(solver, problem, options);
    },
  };
}

async function solveOnce(
  solver: Solver,
  problem: PlacementProblem,
  options: SolverOptions,
): Promise<Solution> {
  const { chipletLoad: cap } = problem.limits;
  const least = leastLargestLoad(problem);
  if (isAbove(least, cap)) {
    const reason = tooLow(
      "the load of a chiplet with the busiest expert and the lightest beside it",
      least,
      cap,
    );
    return { status: "infeasible", reason };
  }
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const silent = withoutProgress(options);
  const even = await placeEvenly(withoutCap(problem), silent);
  if (!(even instanceof Uint16Array)) return even;
  const found = largest(loadsOf(problem, even));
  const solveFrom = (chipletOf: Uint16Array) =>
    solver.solve(problem, {
      ...options,
      ...timeLeft(deadline),
      start: expertsOfChiplets(chipletOf, problem.numChiplets),
    });
  if (!isAbove(found, cap)) {
    return cap <= TIGHT * found ? solveFrom(even) : solver.solve(problem, options);
  }
  const decided = await decideFeasibility(constraintModelOf(problem), {
    ...demandOf(problem),
    ...timeLeft(deadline),
    maxIterations: PROOF_ITERATIONS,
  });
  if (decided.status === "feasible") return solveFrom(decided.chipletOf);
  return decided.status === "infeasible" ? decided : unmet(problem, found);
}

async function solveWithReplicas(
  solver: Solver,
  problem: PlacementProblem,
  options: SolverOptions,
): Promise<Solution> {
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const answer = await solver.solve(problem, options);
  if (answer.status !== "undecided" || solver.kind === "baseline") return answer;
  const silent = withoutProgress(options);
  const even = await solver.solve(
    { ...withoutCap(problem), objective: { minimise: "load" } },
    { ...silent, ...timeLeft(deadline) },
  );
  if (!("chiplets" in even) || even.load === undefined) return answer;
  const found = even.load.cost * meanChipletLoad(problem);
  return isAbove(found, problem.limits.chipletLoad) ? unmet(problem, found) : even;
}

function demandOf({ numReplicas, limits }: PlacementProblem): ReplicaDemand {
  return { numReplicas, groupsPerExpert: limits.groupsPerExpert };
}

/** Progress is of what was asked for. */
function withoutProgress({ seed, timeLimitMs, signal, backends }: SolverOptions): SolverOptions {
  return {
    seed,
    backends,
    ...(timeLimitMs !== undefined && { timeLimitMs }),
    ...(signal && { signal }),
  };
}

function withoutCap(problem: PlacementProblem): PlacementProblem {
  return { ...problem, limits: { ...problem.limits, chipletLoad: Infinity } };
}

/** Neither met nor proved to be impossible. */
function unmet(problem: PlacementProblem, found: number): Solution {
  const mean = meanChipletLoad(problem);
  const [least, cap] = [found, problem.limits.chipletLoad].map((load) =>
    Number((load / mean).toPrecision(5)),
  );
  return {
    status: "undecided",
    stoppedBy: "budget",
    reason: `no placement was found whose largest load of a chiplet is at most ${cap} times the mean, and no proof that there is none; the least found is ${least}`,
  };
}
