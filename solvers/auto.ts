import type { Solution } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import type { Solver, SolverOptions } from "../lib/placement/solver.js";
import { hasTokensOfOneExpert } from "../lib/trace/token-patterns.js";
import type { ChainBudget } from "./bounds/chain-proof.js";
import { lagrangianBound } from "./bounds/lagrangian-bound.js";
import { placeByColumns } from "./columns/place-by-columns.js";
import { proveOrBound } from "./exact.js";
import { localSearch } from "./local-search.js";
import { isHurried, quickPlan } from "./objectives/hurried.js";
import { raisesTimeBound } from "./objectives/time-bound.js";

/** Columns of which a proof takes seconds: 64 experts by 4 slots are 635,376. */
const MOST_COLUMNS = 1e6;
/**
 * Subsets priced for a bound where columns are more: quadruples of 64 experts, triples of 128 and pairs of 256, which takes
 * as long as the search at most.
 */
const MOST_SUBSETS = 1e6;
/** Chains of 64 to 384 experts by 8 slots, to about 5 % or less: what `npm run bench:bounds` prints. */
const CHAINS: ChainBudget = {
  mostBoxes: 3,
  mostExperts: 512,
  firstSets: 400_000,
  mostSets: 1_400_000,
  mostRounds: 0,
  mostListed: 0,
};

/** The default: a proof where it takes seconds, a placement with a proved bound elsewhere. */
export const auto: Solver = {
  name: "auto",
  kind: "portfolio",
  proves: true,
  summary: "exact where the proof takes seconds a layer, else ilp with a proved bound",
  // Of loads without tokens there is no traffic to prove anything about.
  answersAs: (problem) => (hasTokensOfOneExpert(problem.patterns) ? localSearch.name : "auto"),
  async solve(problem, options) {
    if (hasTokensOfOneExpert(problem.patterns)) {
      const found = await localSearch.solve(problem, options);
      // A token of one expert makes one copy wherever that is; what the search stopped by is told as it is, by either name.
      if ("chiplets" in found) return { ...found, status: "optimal", bound: found.cost };
    }
    if (isHurried(problem)) return hurry(problem, options);
    return proveOrBound(problem, options, {
      mostColumns: MOST_COLUMNS,
      chains: CHAINS,
      mostSubsets: MOST_SUBSETS,
    });
  },
};

/**
 * What is asked of the default where its answer is one of many that begin a search for the least time: a quick search, and a
 * bound on C_T by pairs where it raises the bound on the time at all.
 */
function hurry(problem: PlacementProblem, options: SolverOptions): Promise<Solution> {
  return placeByColumns(problem, options, {
    ...quickPlan(problem),
    choose({ model, incumbent, chipletOf, deadline }) {
      if (!raisesTimeBound(problem, chipletOf)) return Promise.resolve({ columns: incumbent });
      const tokensBound = lagrangianBound(model, { chipletOf, mostSubsets: MOST_SUBSETS, deadline });
      return Promise.resolve({ columns: incumbent, tokensBound: Math.ceil(tokensBound) });
    },
  });
}
