import { countTokenCopies } from "../../lib/placement/cost.js";
import { chipletOfExperts, expertsOfChiplets } from "../../lib/placement/placement.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { createRandom, type Random } from "../../lib/random.js";
import { countCoactivation } from "../../lib/trace/coactivation.js";
import type { Column } from "../columns/column.js";
import { ColumnPool } from "../columns/column-pool.js";
import { randomPairDescent } from "../starts/coactivation-descent.js";
import { bestCommunities } from "../starts/communities.js";
import { SwapGains, type SwapRule } from "./swap-gains.js";
import type { SwapModel } from "./swap-model.js";

/** How long to search. Counted, not timed, so that a seed gives the same answer on every machine. */
export interface SearchBudget {
  /** Random placements that are descended on pairs. */
  readonly starts: number;
  /** The best of those that are searched on C_T itself; the best of the communities always is. */
  readonly restarts: number;
  /** Kicks of each of those searches. */
  readonly kicks: number;
}

/** About a fifth of a second on 64 experts and 8,000 tokens. */
export const QUICK_SEARCH: SearchBudget = { starts: 20, restarts: 2, kicks: 50 };
/** More local optima to take columns from. */
export const DEEP_SEARCH: SearchBudget = { starts: 60, restarts: 6, kicks: 100 };

/**
 * Of more experts, random placements descended on pairs end above the communities, and take half the time: what there is goes
 * into kicks of the best placement.
 */
const MOST_EXPERTS_OF_RANDOM_STARTS = 160;
/** Kicks there, against those of the budget. */
const KICKS_INSTEAD = 4;

/** How a search leaves a local optimum. */
export interface KickRule {
  /** Random swaps of a kick. */
  readonly swaps: number;
  /** A kicked and descended placement is gone on from if it costs at most this much more than the best, in parts of it. */
  readonly acceptedLoss: number;
}

const ACCEPTED_LOSS = 3e-4;
/** Varied by `npm run bench:annealing`. */
export const KICK_RULE: KickRule = { swaps: 2, acceptedLoss: ACCEPTED_LOSS };

/** A search in progress; every run goes on with new starts and keeps the best of all. */
export interface Search {
  /** Every column of every local optimum met. */
  readonly pool: ColumnPool;
  readonly stoppedBy: "budget" | "time limit";
  /** @returns Chiplet of every expert in the best placement so far, or undefined if no admissible one was met. */
  run(budget: SearchBudget): Uint16Array | undefined;
  /** The columns of a placement, with their tokens. */
  columnsOf(chipletOf: ArrayLike<number>): Column[];
}

/** What of a solver's options concerns a search. */
export interface SearchOptions extends Pick<SolverOptions, "seed" | "timeLimitMs" | "start" | "onProgress"> {
  /** Default {@link KICK_RULE}. */
  readonly kickRule?: KickRule;
}

/**
 * Begins a search of one layer's placement; nothing is searched before `run`.
 *
 * Iterated local search: descend by the best swap between two chiplets until none gains, kick by random swaps, descend
 * again, and go on from there unless it is worse than the best by more than a hair.
 */
export function startSearch(model: SwapModel, options: SearchOptions): Search {
  const { patterns, numChiplets, slotsPerChiplet, layer } = model;
  const { seed, timeLimitMs = Infinity, onProgress, kickRule = KICK_RULE } = options;
  const deadline = performance.now() + timeLimitMs;
  const pool = new ColumnPool();
  const state = new SwapGains(model);
  const allows = model.createRule(state);
  const { pairs } = countCoactivation(patterns);
  let best: Uint16Array | undefined;
  let leastTokenCopies = Infinity;
  let stoppedBy: Search["stoppedBy"] = "budget";
  let round = 0;

  const keepIfBest = () => {
    if (state.tokenCopies >= leastTokenCopies) return;
    leastTokenCopies = state.tokenCopies;
    best = state.expertChiplets();
    onProgress?.({
      chiplets: expertsOfChiplets(best, numChiplets),
      cost: leastTokenCopies / patterns.numTokens,
      phase: "search",
    });
  };
  const searchFrom = (chipletOf: Uint16Array, kicks: number, random: Random) => {
    state.place(chipletOf);
    descend(state, allows, { deadline });
    for (let kick = 0; ; kick++) {
      for (const column of columnsOf(state)) pool.add(column);
      keepIfBest();
      if (performance.now() > deadline) stoppedBy = "time limit";
      if (kick === kicks || stoppedBy === "time limit") return;
      state.save();
      const changed = perturbPlacement(state, random, { swaps: kickRule.swaps, allows });
      descend(state, allows, { changed, deadline });
      if (state.tokenCopies > leastTokenCopies * (1 + kickRule.acceptedLoss)) state.restore();
    }
  };
  const descendFromRandom = ({ starts, restarts }: SearchBudget, random: Random): Uint16Array[] =>
    Array.from({ length: starts }, () =>
      randomPairDescent(pairs, { numChiplets, slots: slotsPerChiplet, random }),
    )
      .map((chipletOf) => ({ chipletOf, tokenCopies: countTokenCopies(patterns, chipletOf) }))
      .sort((a, b) => a.tokenCopies - b.tokenCopies)
      .slice(0, restarts)
      .map(({ chipletOf }) => chipletOf);
  return {
    pool,
    get stoppedBy() {
      return stoppedBy;
    },
    run(budget) {
      if (best && performance.now() > deadline) return best;
      const random = createRandom(seed, layer, ++round);
      const starts: Uint16Array[] = [];
      if (round === 1) {
        if (options.start) starts.push(chipletOfExperts(options.start, patterns.numExperts));
        starts.push(bestCommunities(model, { seed, layer }));
      }
      const searchAll = (kicks: number) => {
        for (const start of starts) {
          const admissible = model.admit(start, random);
          if (admissible) searchFrom(admissible, kicks, random);
          if (stoppedBy === "time limit") break;
        }
      };
      if (patterns.numExperts > MOST_EXPERTS_OF_RANDOM_STARTS) {
        if (best) starts.push(best);
        searchAll(KICKS_INSTEAD * budget.kicks);
        if (best) return best;
        starts.length = 0;
      }
      // A start that is found first is enough where the clock has run out.
      if (starts.length === 0 || performance.now() < deadline)
        for (const added of descendFromRandom(budget, random)) starts.push(added);
      searchAll(budget.kicks);
      return best;
    },
    columnsOf(chipletOf) {
      state.place(chipletOf);
      return columnsOf(state);
    },
  };
}

/** The columns of a placement; empty chiplets have none. */
function columnsOf(state: SwapGains): Column[] {
  return Array.from(state.chipletTokens, (tokens, chiplet) => ({
    experts: state.expertsOn(chiplet),
    tokens,
  })).filter(({ experts }) => experts.length > 0);
}

/**
 * Swaps for as long as a swap gains, always by the best swap between the two chiplets at hand.
 *
 * @param options.changed Chiplets that changed since the last descent; all, if absent. Emptied.
 * @param options.deadline Clock of `performance.now()` at which to stop; the placement is whole at any time.
 */
export function descend(
  state: SwapGains,
  allows: SwapRule | undefined,
  {
    changed = new Set(Array.from({ length: state.numChiplets }, (_, chiplet) => chiplet)),
    deadline = Infinity,
  }: { readonly changed?: Set<number>; readonly deadline?: number } = {},
): void {
  const swap = new Uint16Array(2);
  // The gain of a swap depends on its two chiplets alone: only pairs with a changed chiplet are searched again.
  for (const a of changed) {
    if (performance.now() > deadline) return;
    changed.delete(a);
    for (let b = 0; b < state.numChiplets; b++) {
      if (b === a || state.bestSwapBetween(a, b, swap, allows) === 0) continue;
      state.swap(swap[0], swap[1]);
      changed.add(a).add(b);
    }
  }
}

/** Makes random swaps; returns the chiplets they changed. */
function perturbPlacement(
  state: SwapGains,
  random: Random,
  { swaps, allows }: { swaps: number; allows: SwapRule | undefined },
): Set<number> {
  const changed = new Set<number>();
  for (let swap = 0; swap < swaps; swap++) {
    const e = random.below(state.numOccupants);
    const f = random.below(state.numOccupants);
    if (state.chipletOf[e] === state.chipletOf[f] || (allows && !allows(e, f))) continue;
    changed.add(state.chipletOf[e]).add(state.chipletOf[f]);
    state.swap(e, f);
  }
  return changed;
}
