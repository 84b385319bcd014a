import { heldLimits } from "../../lib/placement/constraints.js";
import { countMoves, type MigrationBudget } from "../../lib/placement/migration.js";
import type { Chiplets, Solution, StoppedBy } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { annealReplicas, type ReplicaSearchOptions } from "../replicas/annealing.js";
import { enumerateReplicas } from "../replicas/enumerate-replicas.js";
import { searchBoundedMoves } from "./bounded-moves-search.js";
import { claims, type Found } from "./renamed.js";

/** How a placement within the budget is looked for. */
export interface WithinMoves extends MigrationBudget {
  /** A placement to aim for, which may be beyond the budget. */
  readonly target: Found | undefined;
  readonly seed: number;
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  /** What the answer says of why the search came to no proof. */
  readonly stoppedBy: StoppedBy;
  /** Told of every better placement within the budget, to keep if the search is cut off. */
  readonly onBetter?: (chiplets: Chiplets) => void;
}

/** Part of a whole search for replicas that a hurried one is: within few moves there is little to look for. */
const HURRIED_EFFORT = 0.1;

/**
 * Finds the placement of least C_T within some moves of a running one.
 *
 * @returns Undecided where none was found that respects all limits, infeasible where all could be tried.
 */
export async function trafficWithinMoves(problem: PlacementProblem, within: WithinMoves): Promise<Solution> {
  const { running, maxMoves, target, stoppedBy } = within;
  const chiplets = await fewestCopies(problem, within);
  const searched = chiplets && { ...claims(problem, chiplets, target), chiplets, stoppedBy };
  const isReached = target !== undefined && countMoves(running, target.chiplets) <= maxMoves;
  const found = isReached && !(searched && searched.cost < target.cost) ? target : searched;
  if (found && problem.numReplicas === 0) return found;
  return tryAllWithin(problem, within, found) ?? found ?? { status: "undecided", stoppedBy };
}

/** Where, and how long, is searched for few token copies. */
interface CopiesSearch {
  /** Placements to begin at, without replicas; default the running one and the target. */
  readonly starts?: readonly Chiplets[];
  /** Whether to look at what is near the starts only, with replicas for a short time only. */
  readonly isHurried?: boolean;
}

/** What {@link searchCopies} finds, where that respects all limits; undefined where it does not. */
export async function fewestCopies(
  problem: PlacementProblem,
  within: WithinMoves,
  how: CopiesSearch = {},
): Promise<Chiplets | undefined> {
  const chiplets = await searchCopies(problem, within, how);
  return chiplets && verifyChiplets(problem, chiplets).length === 0 ? chiplets : undefined;
}

/**
 * What {@link searchBoundedMoves} finds, or with replicas the annealing over replicas and slots, kept within the budget.
 *
 * @returns A placement that may break a limit on the load; undefined where none was found.
 */
export async function searchCopies(
  problem: PlacementProblem,
  { running, maxMoves, target, seed, deadline, onBetter }: WithinMoves,
  { starts = target ? [running, target.chiplets] : [running], isHurried = false }: CopiesSearch,
): Promise<Chiplets | undefined> {
  const budget = { running, maxMoves };
  const random = createRandom(seed, problem.layer);
  return problem.numReplicas > 0
    ? moveCopies(problem, { budget, random, deadline, effort: isHurried ? HURRIED_EFFORT : 1 })
    : searchBoundedMoves(constraintModelOf(problem), starts, {
        ...{ ...budget, random, isHurried, deadline },
        ...(onBetter && { onBetter }),
      });
}

/** Moves experts and replicas away from the running placement, if that is one but for the loads. */
function moveCopies(
  problem: PlacementProblem,
  options: Omit<ReplicaSearchOptions, "maxLoad"> & { readonly budget: MigrationBudget },
): Chiplets | undefined {
  const { limits } = problem;
  const { running } = options.budget;
  if (verifyChiplets({ ...problem, limits: heldLimits(limits) }, running).length > 0) return undefined;
  return annealReplicas(problem, running, { ...options, maxLoad: limits.chipletLoad }).chiplets;
}

/** The best of all placements within the budget, or that there is none, where all can be tried. */
export function tryAllWithin(
  problem: PlacementProblem,
  { running, maxMoves }: MigrationBudget,
  found: Found | undefined,
): Solution | undefined {
  const tried = enumerateReplicas(problem, {
    mostCost: found?.cost ?? Infinity,
    isSound: (chiplets) =>
      countMoves(running, chiplets) <= maxMoves && verifyChiplets(problem, chiplets).length === 0,
    keepsNumbers: true,
  });
  if (!tried) return undefined;
  if (tried.chiplets) {
    const better = claims(problem, tried.chiplets, found);
    return { ...better, chiplets: tried.chiplets, stoppedBy: found?.stoppedBy ?? "budget" };
  }
  if (found || !tried.isComplete) return undefined;
  const reason = `no placement within ${maxMoves} moves of the running one respects all limits: all were tried`;
  return { status: "infeasible", reason };
}
