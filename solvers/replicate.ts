import type { Chiplets, Solution, StoppedBy } from "../lib/placement/placement.js";
import { NO_LIMITS, type PlacementProblem } from "../lib/placement/problem.js";
import type { Solver, SolverOptions } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { createRandom } from "../lib/random.js";
import { balanceCopies } from "./balance-copies.js";
import { searchCopies } from "./copy-search.js";
import { finishSeating } from "./finish.js";
import { localSearch } from "./local-search.js";

/**
 * What comes first where experts may have copies. `traffic`: fewest visits within the load limit. `balance`: least
 * largest load of a chiplet, then fewest visits at no more than that.
 */
export type FirstGoal = "traffic" | "balance";

/**
 * Makes a solver that uses replicas where the problem allows any: it seats the experts once, then decides together
 * which to copy and where all copies sit.
 * Proofs are of seatings without replicas, so all solvers begin from local search then.
 */
export function replicating(solver: Solver): Solver {
  return {
    ...solver,
    solve: (problem, options) =>
      problem.numReplicas === 0 ? solver.solve(problem, options) : replicate(problem, options, "traffic"),
  };
}

/** Solves a problem that allows replicas. */
export async function replicate(
  problem: PlacementProblem,
  options: SolverOptions,
  first: FirstGoal,
): Promise<Solution> {
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const begun = await seatOnce(problem, options);
  if (!("chiplets" in begun)) return begun;
  let stoppedBy: StoppedBy = "budget";
  const search = (start: Chiplets, stream: number, maxLoad = problem.limits.chipletLoad) => {
    const random = createRandom(options.seed, problem.layer, stream);
    const found = searchCopies(problem, start, { random, maxLoad, deadline });
    if (found.isCut) stoppedBy = "time limit";
    return found.chiplets;
  };
  const chiplets =
    first === "traffic" ? search(begun.chiplets, 0) : searchBalanced(problem, begun.chiplets, search);
  const answer = await finishSeating(problem, chiplets, { ...options, stoppedBy });
  return first === "balance" && "chiplets" in answer
    ? { ...answer, load: loadClaim(problem, answer.chiplets) }
    : answer;
}

/**
 * Seats every expert once, evenly over the chiplets, so that every chiplet has room for copies.
 *
 * Only what copies cannot put right is asked of it: pins, separations and bytes.
 */
async function seatOnce(problem: PlacementProblem, options: SolverOptions): Promise<Solution> {
  const bare = {
    ...problem,
    numReplicas: 0,
    limits: { ...NO_LIMITS, groupBytes: problem.limits.groupBytes },
  };
  const even = { ...bare, slotsPerChiplet: Math.ceil(problem.numExperts / problem.numChiplets) };
  const begun = await localSearch.solve(even, options);
  // Pins and separations may need a chiplet fuller than its share.
  return "chiplets" in begun ? begun : localSearch.solve(bare, options);
}

/** Looks for the least largest load on two ways, and then for the fewest visits under it. */
function searchBalanced(
  problem: PlacementProblem,
  begun: Chiplets,
  search: (start: Chiplets, stream: number, maxLoad: number) => number[][],
): number[][] {
  const balanced = [search(begun, 1, meanLoad(problem))];
  // Spreading loads alone knows no rules.
  if (problem.pins.length === 0 && problem.apart.length === 0 && problem.limits.groupBytes === Infinity) {
    const { load, numExperts, numReplicas, numChiplets, slotsPerChiplet } = problem;
    balanced.push(balanceCopies(load, { numCopies: numExperts + numReplicas, numChiplets, slotsPerChiplet }));
  }
  const peaks = balanced.map((chiplets) => peakLoad(problem, chiplets));
  const least = Math.min(...peaks);
  return search(balanced[peaks.indexOf(least)], 2, least);
}

/** Loads can be shared out evenly at best. */
function loadClaim(problem: PlacementProblem, chiplets: Chiplets) {
  const cost = peakLoad(problem, chiplets) / meanLoad(problem);
  return { status: cost <= 1 + 1e-6 ? "optimal" : "feasible", cost, bound: 1 } as const;
}

function meanLoad({ load, numChiplets }: PlacementProblem): number {
  return load.reduce((sum, one) => sum + one, 0) / numChiplets;
}

function peakLoad({ patterns, dispatch, chipletsPerGroup }: PlacementProblem, chiplets: Chiplets): number {
  return Math.max(...countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch }).chipletLoad);
}
