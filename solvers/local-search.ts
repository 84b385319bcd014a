import type { Solver } from "../lib/placement/solver.js";
import { placeByColumns } from "./columns/place-by-columns.js";
import { quickPlan } from "./objectives/hurried.js";

/** Iterated swap local search on C_T, from communities and from descents on pairs. */
export const localSearch: Solver = {
  name: "local-search",
  kind: "search",
  proves: false,
  summary: "iterated swap search on C_T itself, from communities and descents on pairs",
  solve: (problem, options) => placeByColumns(problem, options, quickPlan(problem)),
};
