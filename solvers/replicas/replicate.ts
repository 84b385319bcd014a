import { constraintsOf, heldLimits } from "../../lib/placement/constraints.js";
import type { Chiplets, Solution, StoppedBy } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { OPTIMALITY_GAP } from "../../lib/placement/tolerance.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { hasTokensOfOneExpert } from "../../lib/trace/token-patterns.js";
import { createRandom } from "../../lib/random.js";
import { placeByEplb } from "../eplb.js";
import { balanceReplicas } from "./balance-replicas.js";
import { annealReplicas } from "./annealing.js";
import { climbCaps, peakLoad, replicationOf, type Ways } from "./cap-ladder.js";
import { completePlacement, type FinishOptions } from "../constraints/complete-placement.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { findConflict } from "../constraints/feasibility.js";
import { separateReplicas } from "./separation.js";
import { enumerateReplicas } from "./enumerate-replicas.js";
import { fillReplicas } from "./fill-replicas.js";
import { boundReplicas, boundWithoutReplicas } from "./replica-bound.js";
import type { SearchBudget } from "../search/iterated-local-search.js";
import { placeByColumns } from "../columns/place-by-columns.js";
import { smallest } from "../../lib/statistics.js";

/** Whether a placement with replicas is what is asked for. */
export function asksForReplicas({
  numReplicas,
  limits,
}: Pick<PlacementProblem, "numReplicas" | "limits">): boolean {
  return numReplicas > 0 || limits.groupsPerExpert > 1;
}

/** A start is enough: annealing changes it from the ground up. */
const START_SEARCH: SearchBudget = { starts: 1, restarts: 0, kicks: 0 };
/** Tells the random stream of spreading loads from those of the searches. */
const BALANCE_STREAM = 3;
const SEPARATION_STREAM = 4;

/** What a replicating solver is told besides the problem. */
export interface ReplicateOptions extends SolverOptions {
  /** Whether to prove a bound on the traffic too. Default false. */
  readonly proves?: boolean;
  /** Solver that bounds placements without replicas, however long that takes, where they bound those with. Default none. */
  readonly boundBy?: Solver | undefined;
  /** Searches so many times as long as the size of the problem asks for. Default 1. */
  readonly effort?: number;
}

/**
 * Solves a problem that asks for replicas: places the experts once, then decides together which to replicate and where all
 * replicas go. Of small problems all placements are tried.
 */
export async function replicate(problem: PlacementProblem, options: ReplicateOptions): Promise<Solution> {
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const found = await searchReplicas(problem, options, deadline);
  if (found.status === "infeasible" || problem.objective.minimise === "load") return found;
  const begun = notWorse(problem, found, options.start);
  const answer = tryAll(problem, begun);
  if (!options.proves || !("chiplets" in answer) || answer.status === "optimal") return answer;
  const bound = Math.max(
    boundReplicas(problem, answer.chiplets, deadline),
    options.boundBy
      ? await boundWithoutReplicas(problem, options.boundBy, { ...options, ...timeLeft(deadline) })
      : 1,
  );
  return answer.cost - bound <= OPTIMALITY_GAP * answer.cost
    ? { ...answer, status: "optimal", bound, stoppedBy: "proof" }
    : { ...answer, bound };
}

async function searchReplicas(
  problem: PlacementProblem,
  options: ReplicateOptions,
  deadline: number,
): Promise<Solution> {
  const isLoadFirst = problem.objective.minimise === "load";
  if (isLoadFirst && isSpreadAlone(problem)) {
    return answerBalanced(problem, spreadReplicas(problem, options), { ...options, stoppedBy: "budget" });
  }
  const model = constraintModelOf(problem);
  const { numReplicas, load, limits } = problem;
  const { groupsPerExpert } = limits;
  const { effort = 1 } = options;
  const conflict = findConflict(model, { numReplicas, groupsPerExpert });
  if (conflict !== undefined) return { status: "infeasible", reason: conflict };
  const once = await placeOnce(problem, options);
  if (!("chiplets" in once)) return once;
  const separated = separateReplicas(model, once.chiplets, {
    groupsPerExpert,
    load,
    random: createRandom(options.seed, problem.layer, SEPARATION_STREAM),
  });
  if (!separated) return { status: "undecided", stoppedBy: "budget" };
  // All replicas are there from the first, so that no search ends with fewer and a cost that those missing change.
  const held = { ...problem, limits: heldLimits(limits) };
  const begun = fillReplicas(problem, separated, (chiplets) => verifyChiplets(held, chiplets).length === 0);
  let stoppedBy: StoppedBy = "budget";
  const ways: Ways = {
    search(start, stream, { maxLoad, effort: part = 1, cooled }) {
      const random = createRandom(options.seed, problem.layer, stream);
      const aim = { maxLoad, cooled, effort: part * effort };
      const found = annealReplicas(problem, start, { random, deadline, ...aim });
      if (found.isCut) stoppedBy = "time limit";
      return found.chiplets;
    },
    spread: () => spreadReplicas(problem, options),
    even: () =>
      spreadEvenly(problem, begun, { ...ways, rivals: () => eplbPlacements(problem, options.seed) }),
  };
  const chiplets = isLoadFirst ? searchBalanced(problem, ways) : climbCaps(problem, begun, ways);
  const finished = { ...options, stoppedBy };
  return isLoadFirst
    ? answerBalanced(problem, chiplets, { ...finished, ...timeLeft(deadline) })
    : completePlacement(problem, chiplets, { ...finished, ...timeLeft(deadline) });
}

/** The better of what was found and the placement begun with, where that keeps all limits. */
function notWorse(problem: PlacementProblem, found: Solution, start: Chiplets | undefined): Solution {
  if (!start || !isWhole(problem, start)) return found;
  const cost = replicationOf(problem, start);
  const isWorse = "cost" in found && found.cost <= cost;
  if (isWorse) return found;
  const stoppedBy = "stoppedBy" in found ? found.stoppedBy : "budget";
  return { status: "feasible", chiplets: start, cost, stoppedBy };
}

/** Proves the placement found least of all, or finds a better one, or that there is none, where all can be tried. */
function tryAll(problem: PlacementProblem, found: Solution): Solution {
  if (found.status === "infeasible") return found;
  // One that lacks replicas stands in only where none has all that are asked for.
  const isFound = "cost" in found && isWhole(problem, found.chiplets);
  const tried = enumerateReplicas(problem, {
    mostCost: isFound ? found.cost : Infinity,
    isSound: (chiplets) => isWhole(problem, chiplets),
  });
  if (!tried) return found;
  const chiplets = tried.chiplets ?? (isFound ? found.chiplets : undefined);
  if (!chiplets)
    return tried.isComplete && !("chiplets" in found)
      ? {
          status: "infeasible",
          reason: "no placement respects all limits, pins and separations at once: all were tried",
        }
      : found;
  const cost = replicationOf(problem, chiplets);
  return tried.isComplete
    ? { status: "optimal", chiplets, cost, bound: cost, stoppedBy: "proof" }
    : { status: "feasible", chiplets, cost, stoppedBy: found.stoppedBy };
}

/** Whether a placement keeps all limits, and has all the replicas that are asked for. */
function isWhole(problem: PlacementProblem, chiplets: Chiplets): boolean {
  const numPlaced = chiplets.reduce((sum, { length }) => sum + length, 0);
  return (
    numPlaced === problem.numExperts + problem.numReplicas && verifyChiplets(problem, chiplets).length === 0
  );
}

/** Places all replicas by spreading loads, and improves on it for a short time; rules may be broken. */
export function replicateQuickly(
  problem: PlacementProblem,
  { seed, timeLimitMs }: { seed: number; timeLimitMs: number },
): Chiplets {
  const random = createRandom(seed, problem.layer);
  const deadline = performance.now() + timeLimitMs;
  const { chipletLoad: maxLoad } = problem.limits;
  const spread = spreadReplicas(problem, { seed });
  if (problem.objective.minimise !== "traffic") return spread;
  return annealReplicas(problem, spread, { random, maxLoad, deadline }).chiplets;
}

/**
 * Places every expert once, quickly and evenly over the chiplets, so that every chiplet has room for replicas.
 *
 * Only what replicas cannot put right is asked of it: pins, and constraints on what chiplets hold.
 */
async function placeOnce(problem: PlacementProblem, options: SolverOptions): Promise<Solution> {
  const bare = { ...problem, numReplicas: 0, limits: heldLimits(problem.limits) };
  const even = { ...bare, slotsPerChiplet: Math.ceil(problem.numExperts / problem.numChiplets) };
  // A placement begun with may have replicas.
  const anew = { ...options, start: undefined };
  const begun = await placeByColumns(even, anew, { searches: [START_SEARCH] });
  // Pins and separations may need a chiplet fuller than its share.
  return "chiplets" in begun ? begun : placeByColumns(bare, anew, { searches: [START_SEARCH] });
}

/** Looks for the least largest load, and then for the fewest token copies under it. */
function searchBalanced(problem: PlacementProblem, ways: Ways): number[][] {
  const even = ways.even();
  return ways.search(even, 2, { maxLoad: peakLoad(problem, even) });
}

/** Looks for the least largest load on two ways. */
function spreadEvenly(
  problem: PlacementProblem,
  begun: Chiplets,
  ways: Omit<Ways, "even"> & { readonly rivals: () => number[][][] },
): number[][] {
  let found = [ways.search(begun, 1, { maxLoad: meanChipletLoad(problem) })];
  // With those of engines among them, no answer is less even than what engines run.
  if (!hasRules(problem)) found = [...found, ways.spread(), ...ways.rivals()];
  const peaks = found.map((chiplets) => peakLoad(problem, chiplets));
  return found[peaks.indexOf(smallest(peaks))];
}

/** Whether spreading loads is all there is to do: tokens of one expert make one copy wherever they go. */
function isSpreadAlone(problem: PlacementProblem): boolean {
  return hasTokensOfOneExpert(problem.patterns) && !hasRules(problem);
}

/** Whether there are rules of which spreading loads alone knows nothing. */
function hasRules(problem: PlacementProblem): boolean {
  const { pins, limits } = problem;
  return (
    pins.length > 0 ||
    limits.groupsPerExpert > 1 ||
    constraintsOf(problem).some(({ measure }) => measure === "held")
  );
}

/** DeepSeek's balancer by both of its policies. */
function eplbPlacements(problem: PlacementProblem, seed: number): number[][][] {
  const numGroups = problem.numChiplets / problem.chipletsPerGroup;
  return [1, ...(numGroups > 1 ? [numGroups] : [])].map((groups) => placeByEplb(problem, groups, seed));
}

/** Evens loads, blind to what tokens choose together. */
export function spreadReplicas(problem: PlacementProblem, { seed }: Pick<SolverOptions, "seed">): number[][] {
  const { layer, load, numExperts, numReplicas, numChiplets, slotsPerChiplet } = problem;
  const numPlaced = numExperts + numReplicas;
  return balanceReplicas(load, {
    numPlaced,
    starts: eplbPlacements(problem, seed).filter((chiplets) => chiplets.flat().length === numPlaced),
    numChiplets,
    slotsPerChiplet,
    random: createRandom(seed, layer, BALANCE_STREAM),
  });
}

/** The answer with its largest load, of which is proved that loads can be shared out evenly at best. */
async function answerBalanced(
  problem: PlacementProblem,
  chiplets: Chiplets,
  options: FinishOptions,
): Promise<Solution> {
  const answer = await completePlacement(problem, chiplets, options);
  if (!("chiplets" in answer)) return answer;
  const cost = peakLoad(problem, answer.chiplets) / meanChipletLoad(problem);
  const load = { status: cost <= 1 + OPTIMALITY_GAP ? "optimal" : "feasible", cost, bound: 1 } as const;
  return { ...answer, load };
}
