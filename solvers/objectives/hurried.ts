import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { ColumnPlan } from "../columns/place-by-columns.js";
import { QUICK_SEARCH, type SearchBudget } from "../search/iterated-local-search.js";

/**
 * Beyond so many experts searches for the least time are shorter and fewer, as annealing makes up for them, and bounds take
 * several times as long as all that finds a placement.
 */
const MANY_EXPERTS = 160;

const HURRIED_SEARCH: SearchBudget = { starts: 20, restarts: 2, kicks: 10 };

/** What of a problem searches are long or short by. */
export type Asked = Pick<PlacementProblem, "objective" | "numExperts">;

/** Whether a solver is asked for one of many placements that a search for the least time of many experts goes on from. */
export function isHurried({ objective, numExperts }: Asked): boolean {
  return objective.minimise === "time" && numExperts > MANY_EXPERTS;
}

/** How long is searched for a placement that others are made of. */
export function quickPlan(asked: Asked): Pick<ColumnPlan, "searches"> {
  return { searches: [isHurried(asked) ? HURRIED_SEARCH : QUICK_SEARCH] };
}
