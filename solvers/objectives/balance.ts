import { OPTIMALITY_GAP, TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { chipletOfExperts, expertsOfChiplets, type Solution } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver } from "../../lib/placement/solver.js";
import { createRandom } from "../../lib/random.js";
import { finish } from "../constraints/complete-placement.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { createSwapRule } from "../search/feasible-swaps.js";
import { SwapGains } from "../search/swap-gains.js";
import { contiguousPlacement } from "../starts/contiguous-placement.js";
import { largest, sum } from "../../lib/statistics.js";

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
      const begun = await finish(problem, contiguousPlacement(problem), { ...options, stoppedBy: "budget" });
      if (!("chiplets" in begun)) return begun;
      const start = balancePlacement(problem, chipletOfExperts(begun.chiplets, problem.numExperts), {
        seed: options.seed,
        deadline,
      });
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

function loadsOf({ load, numChiplets }: PlacementProblem, chipletOf: Uint16Array): number[] {
  const loads = new Array<number>(numChiplets).fill(0);
  chipletOf.forEach((chiplet, expert) => (loads[chiplet] += load[expert]));
  return loads;
}
