import type { Solver } from "../lib/placement/solver.js";
import { placeByColumns } from "./columns/place-by-columns.js";
import { recombine } from "./columns/recombine.js";
import { DEEP_SEARCH, QUICK_SEARCH } from "./search/iterated-local-search.js";

/**
 * Communities, then search, then recombination: the best choice among the chiplet columns of many local optima, and
 * those that column generation, priced by search, adds to them.
 *
 * Begins with what `local-search` does, so it never answers with more. The choice is optimal among the columns at
 * hand, which proves nothing about the rest: no bound is claimed.
 */
export const ilp: Solver = {
  name: "ilp",
  kind: "search",
  proves: false,
  summary: "communities, local search, then an ILP that recombines the columns of all local optima",
  solve: (problem, options) =>
    placeByColumns(problem, options, {
      searches: [QUICK_SEARCH, DEEP_SEARCH],
      choose: (searched) => recombine(searched, options),
    }),
};
