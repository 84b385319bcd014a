import type { MigrationBudget } from "../../lib/placement/migration.js";
import { OPTIMALITY_GAP, TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type Solution,
} from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { createRandom, type Random } from "../../lib/random.js";
import { eplbGlobal, eplbHierarchical } from "../eplb.js";
import { finish } from "../constraints/complete-placement.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { createAddedMoves } from "../migration/added-moves.js";
import { createSwapRule } from "../search/feasible-swaps.js";
import { SwapGains } from "../search/swap-gains.js";
import { contiguousPlacement } from "../starts/contiguous-placement.js";
import { largest, smallest, sum } from "../../lib/statistics.js";

const KICKS = 400;

/**
 * Makes a solver that minimises the largest chiplet load first and C_T second.
 *
 * The least largest load is sought by swaps between the heaviest chiplet and the others, iterated with kicks; it then
 * caps the loads of `solver`, which minimises C_T. The load's bound is proved by counting; the bound of `solver`
 * on C_T holds under the cap and only where the load is proved least, so elsewhere it is left out. Where the problem
 * allows replicas, `solver` puts balance first by itself.
 */
export function balanced(solver: Solver): Solver {
  return {
    ...solver,
    summary: `least largest chiplet load, then ${solver.summary}`,
    async solve(problem, options) {
      if (problem.numReplicas > 0) {
        return solver.solve({ ...problem, objective: { minimise: "load" } }, options);
      }
      const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
      const start = await placeEvenly(problem, options);
      if (!(start instanceof Uint16Array)) return start;
      const mean = meanChipletLoad(problem);
      const cost = largest(loadsOf(problem, start));
      const bound = leastLargestLoad(problem);
      const capped = { ...problem, limits: { ...problem.limits, chipletLoad: cost } };
      const solution = await solver.solve(capped, {
        ...options,
        ...timeLeft(deadline),
        start: expertsOfChiplets(start, problem.numChiplets),
      });
      return withLoad(capped, solution, { mean, bound });
    },
  };
}

/** Answers with the least largest load of a chiplet that is found, whatever token copies that makes. */
export async function evenest(problem: PlacementProblem, options: SolverOptions): Promise<Solution> {
  const chipletOf = await placeEvenly(problem, options);
  return chipletOf instanceof Uint16Array
    ? finish(problem, chipletOf, { ...options, stoppedBy: "budget" })
    : chipletOf;
}

/**
 * Looks for the least largest load of a chiplet without replicas.
 *
 * @returns Chiplet of every expert, or why there is none. Shape [numExperts].
 */
export async function placeEvenly(
  problem: PlacementProblem,
  options: SolverOptions,
): Promise<Uint16Array | Exclude<Solution, { chiplets: Chiplets }>> {
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const begun = await beginEvenly(problem, options);
  return begun instanceof Uint16Array
    ? balancePlacement(problem, begun, { seed: options.seed, deadline })
    : begun;
}

/** The most even of what engines do, so that no answer is less even, or why there is none. */
async function beginEvenly(
  problem: PlacementProblem,
  options: SolverOptions,
): Promise<Uint16Array | Exclude<Solution, { chiplets: Chiplets }>> {
  const finished = { ...options, stoppedBy: "budget" } as const;
  const begun = await finish(problem, contiguousPlacement(problem), finished);
  if (!("chiplets" in begun)) return begun;
  const rivals = await Promise.all([
    eplbGlobal.solve(problem, options),
    eplbHierarchical.solve(problem, options),
  ]);
  const found = [begun, ...rivals].flatMap((answer) =>
    "chiplets" in answer ? [chipletOfExperts(answer.chiplets, problem.numExperts)] : [],
  );
  const peaks = found.map((chipletOf) => largest(loadsOf(problem, chipletOf)));
  return found[peaks.indexOf(smallest(peaks))];
}

/**
 * A load that no placement's largest load is below: the mean, and what the heaviest expert must share its chiplet with.
 *
 * Loads are integers, so the mean is rounded up. Where the slots are exactly filled, the chiplet of the heaviest
 * expert takes on at least the lightest others.
 */
export function leastLargestLoad({
  load,
  numChiplets,
  slotsPerChiplet,
  numExperts,
}: PlacementProblem): number {
  const ascending = load.toSorted();
  const spare = numChiplets * slotsPerChiplet - numExperts;
  const companions = Math.max(0, Math.min(numExperts, slotsPerChiplet - spare) - 1);
  const heaviest = ascending[numExperts - 1] + sum(ascending.subarray(0, companions));
  return Math.max(Math.ceil(sum(load) / numChiplets - TOKEN_ROUNDING), heaviest);
}

/** Options of {@link balancePlacement}. */
export interface BalanceOptions {
  readonly seed: number;
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  /** Keeps the search within some moves of a running placement. */
  readonly budget?: MigrationBudget;
}

/**
 * Swaps until the largest load of a chiplet is as small as the budget finds; limits stay respected.
 *
 * @param begun Respects all limits, and the moves allowed. Shape [numExperts].
 * @returns Chiplet of every expert, the largest load no larger than it was. Shape [numExperts].
 */
export function balancePlacement(
  problem: PlacementProblem,
  begun: Uint16Array,
  { seed, deadline, budget }: BalanceOptions,
): Uint16Array {
  const state = new SwapGains(problem);
  state.place(begun);
  const { chipletOf, numOccupants } = state;
  const respects = createSwapRule(constraintModelOf(problem), state);
  const moves = budget && createMoveBudget(state, problem.numExperts, budget);
  const allows = (e: number, f: number) => moves?.allows(e, f) !== false && respects?.(e, f) !== false;
  const random = createRandom(seed, problem.layer, KICKS);
  const loadOf = new Float64Array(numOccupants);
  loadOf.set(problem.load);
  const loads = loadsOf(problem, begun);
  const swap = (e: number, f: number) => {
    const change = loadOf[f] - loadOf[e];
    loads[chipletOf[e]] += change;
    loads[chipletOf[f]] -= change;
    moves?.count(e, f);
    state.swap(e, f);
  };
  /** Makes the swap with the heaviest chiplet that leaves the larger load of the two smallest. */
  const improve = (): boolean => {
    const heaviest = loads.indexOf(largest(loads));
    let best = loads[heaviest];
    let chosen: [number, number] | undefined;
    for (const e of state.occupants.slice(heaviest * state.slots, (heaviest + 1) * state.slots)) {
      for (let f = 0; f < numOccupants; f++) {
        const target = chipletOf[f];
        const change = loadOf[f] - loadOf[e];
        const larger = Math.max(loads[heaviest] + change, loads[target] - change);
        if (target === heaviest || larger >= best || !allows(e, f)) continue;
        best = larger;
        chosen = [e, f];
      }
    }
    if (chosen) swap(chosen[0], chosen[1]);
    return chosen !== undefined;
  };
  /** Makes two random swaps, where moves are few after an expert or two went back. */
  const kick = () => {
    for (let swaps = 0; swaps < 2; swaps++) {
      const back = moves?.drawReturn(random);
      if (back && allows(back[0], back[1])) swap(back[0], back[1]);
    }
    for (let swaps = 0; swaps < 2; swaps++) {
      const e = random.below(numOccupants);
      const f = random.below(numOccupants);
      if (chipletOf[e] !== chipletOf[f] && allows(e, f)) swap(e, f);
    }
  };
  let best = begun;
  let bestLoad = largest(loads);
  const target = leastLargestLoad(problem);
  for (let kicks = 0; kicks <= KICKS && bestLoad > target && performance.now() < deadline; kicks++) {
    while (performance.now() < deadline && improve());
    const load = largest(loads);
    if (load < bestLoad) {
      bestLoad = load;
      best = state.expertChiplets();
    }
    kick();
  }
  return best;
}

/** Counts the experts of a placement under change that are away from where they run. */
function createMoveBudget(
  { chipletOf, occupants, slots }: SwapGains,
  numExperts: number,
  { running, maxMoves }: MigrationBudget,
) {
  const runningOn = chipletOfExperts(running, numExperts);
  const addedMoves = createAddedMoves(runningOn, chipletOf);
  const isAway = (expert: number) => chipletOf[expert] !== runningOn[expert];
  let moves = runningOn.reduce((away, _, expert) => away + Number(isAway(expert)), 0);
  return {
    allows: (e: number, f: number) => moves + addedMoves(e, f) <= maxMoves,
    /** Told of every swap, before it is made. */
    count(e: number, f: number) {
      moves += addedMoves(e, f);
    },
    /** A swap that takes an expert back to where it runs, and no other one away; undefined where there is none. */
    drawReturn(random: Random): [number, number] | undefined {
      const away = [...runningOn.keys()].filter(isAway);
      if (away.length === 0) return undefined;
      const expert = away[random.below(away.length)];
      const first = runningOn[expert] * slots;
      const others = occupants
        .subarray(first, first + slots)
        .filter((other) => addedMoves(expert, other) < 0);
      return others.length > 0 ? [expert, others[random.below(others.length)]] : undefined;
    },
  };
}

/** The answer with its largest load over the mean, and what is proved about that. */
export function withLoad(
  problem: PlacementProblem,
  solution: Solution,
  { mean, bound }: { mean: number; bound: number },
): Solution {
  if (!("chiplets" in solution)) return solution;
  const heaviest = largest(loadsOf(problem, chipletOfExperts(solution.chiplets, problem.numExperts)));
  const isLeast = heaviest <= bound * (1 + OPTIMALITY_GAP);
  const load = {
    status: isLeast ? "optimal" : "feasible",
    cost: heaviest / mean,
    bound: bound / mean,
  } as const;
  if (isLeast) return { ...solution, load };
  const { bound: underThisCap, ...found } = solution;
  return { ...found, status: "feasible", stoppedBy: underThisCap ? "budget" : found.stoppedBy, load };
}

/** Load of every chiplet. Shape [numChiplets]. */
export function loadsOf({ load, numChiplets }: PlacementProblem, chipletOf: Uint16Array): number[] {
  const loads = new Array<number>(numChiplets).fill(0);
  chipletOf.forEach((chiplet, expert) => (loads[chiplet] += load[expert]));
  return loads;
}
