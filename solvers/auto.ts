import type { Solver } from "../lib/placement/solver.js";
import { hasTokensOfOneExpert } from "../lib/trace/token-patterns.js";
import type { ChainBudget } from "./bounds/chain-proof.js";
import { proveOrBound } from "./exact.js";
import { localSearch } from "./local-search.js";

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
  mostSets: 800_000,
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
    return proveOrBound(problem, options, {
      mostColumns: MOST_COLUMNS,
      chains: CHAINS,
      mostSubsets: MOST_SUBSETS,
    });
  },
};
