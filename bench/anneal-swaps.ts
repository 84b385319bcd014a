import { expertsOfChiplets, type Chiplets } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { createRandom } from "../lib/random.js";
import { SwapGains } from "../solvers/search/swap-gains.js";
import { contiguousPlacement } from "../solvers/starts/contiguous-placement.js";

/** How plain annealing is run. */
export interface SwapAnnealing {
  readonly seed: number;
  /** Swaps that are tried. */
  readonly swaps: number;
  /** Temperatures at the start and at the end, in token copies per token of all slots together. */
  readonly hot: number;
  readonly cold: number;
}

/** Simulated annealing by random swaps, from the contiguous placement; the best placement met. */
export function annealSwaps(problem: PlacementProblem, { seed, swaps, hot, cold }: SwapAnnealing): Chiplets {
  const random = createRandom(seed);
  const state = new SwapGains(problem);
  state.place(contiguousPlacement(problem));
  const scale = problem.patterns.numTokens / state.numOccupants;
  let least = state.tokenCopies;
  let best = state.expertChiplets();
  for (let move = 0; move < swaps; move++) {
    const [e, f] = [random.below(state.numOccupants), random.below(state.numOccupants)];
    if (state.chipletOf[e] === state.chipletOf[f]) continue;
    const temperature = scale * hot * (cold / hot) ** (move / swaps);
    const gain = state.gain(e, f);
    if (gain < 0 && random.next() >= Math.exp(gain / temperature)) continue;
    state.swap(e, f);
    if (state.tokenCopies >= least) continue;
    least = state.tokenCopies;
    best = state.expertChiplets();
  }
  return expertsOfChiplets(best, problem.numChiplets);
}
