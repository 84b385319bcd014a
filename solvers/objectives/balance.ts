import { OPTIMALITY_GAP, TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type Solution,
} from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { createRandom } from "../../lib/random.js";
import { eplbGlobal, eplbHierarchical } from "../eplb.js";
import { finish } from "../constraints/complete-placement.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
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

/** Swaps until the largest load of a chiplet is as small as the budget finds; limits stay respected. */
function balancePlacement(
  problem: PlacementProblem,
  begun: Uint16Array,
  { seed, deadline }: { readonly seed: number; readonly deadline: number },
): Uint16Array {
  const state = new SwapGains(problem);
  state.place(begun);
  const allows = createSwapRule(constraintModelOf(problem), state);
  const random = createRandom(seed, problem.layer, KICKS);
  const loadOf = new Float64Array(state.numOccupants);
  loadOf.set(problem.load);
  const loads = loadsOf(problem, begun);
  const swap = (e: number, f: number) => {
    const change = loadOf[f] - loadOf[e];
    loads[state.chipletOf[e]] += change;
    loads[state.chipletOf[f]] -= change;
    state.swap(e, f);
  };
  /** Makes the swap with the heaviest chiplet that leaves the larger load of the two smallest. */
  const improve = (): boolean => {
    const heaviest = loads.indexOf(largest(loads));
    let best = loads[heaviest];
    let chosen: [number, number] | undefined;
    for (const e of state.occupants.slice(heaviest * state.slots, (heaviest + 1) * state.slots)) {
      for (let f = 0; f < state.numOccupants; f++) {
        const target = state.chipletOf[f];
        const change = loadOf[f] - loadOf[e];
        const larger = Math.max(loads[heaviest] + change, loads[target] - change);
        if (target === heaviest || larger >= best || (allows && !allows(e, f))) continue;
        best = larger;
        chosen = [e, f];
      }
    }
    if (chosen) swap(chosen[0], chosen[1]);
    return chosen !== undefined;
  };
  let best = begun;
  let bestLoad = largest(loads);
  const target = leastLargestLoad(problem);
  for (let kick = 0; kick <= KICKS && bestLoad > target && performance.now() < deadline; kick++) {
    while (performance.now() < deadline && improve());
    const load = largest(loads);
    if (load < bestLoad) {
      bestLoad = load;
      best = state.expertChiplets();
    }
    for (let swaps = 0; swaps < 2; swaps++) {
      const e = random.below(state.numOccupants);
      const f = random.below(state.numOccupants);
      if (state.chipletOf[e] !== state.chipletOf[f] && (!allows || allows(e, f))) swap(e, f);
    }
  }
  return best;
}

function withLoad(
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
