import { timeLeft, type Solver } from "../lib/placement/solver.js";
import { finish } from "./constraints/complete-placement.js";
import { contiguousPlacement } from "./contiguous.js";
import { placeColumns } from "./groups/assign-groups.js";
import { startSearch, type SearchBudget } from "./search/iterated-local-search.js";
import { swapModelOf } from "./search/swap-model.js";

/** About a fifth of a second on 64 experts and 8,000 tokens. */
export const QUICK_SEARCH: SearchBudget = { starts: 20, restarts: 2, kicks: 50 };

/** Iterated swap local search on C_T, from communities and from descents on pairs. */
export const localSearch: Solver = {
  name: "local-search",
  kind: "search",
  proves: false,
  summary: "iterated swap search on C_T itself, from communities and descents on pairs",
  async solve(problem, options) {
    const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
    const search = startSearch(swapModelOf(problem), options);
    const best = search.run(QUICK_SEARCH);
    // Without an admissible placement met, the question is whether there is any.
    if (!best) return finish(problem, contiguousPlacement(problem), { ...options, stoppedBy: "budget" });
    return placeColumns(problem, search.columnsOf(best), {
      ...options,
      ...timeLeft(deadline),
      stoppedBy: search.stoppedBy,
    });
  },
};
