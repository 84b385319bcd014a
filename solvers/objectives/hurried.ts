import type { PlacementProblem } from "../../lib/placement/problem.js";

/**
 * Beyond so many experts searches for the least time are shorter and fewer, as annealing makes up for them, and bounds take
 * several times as long as all that finds a placement.
 */
const MANY_EXPERTS = 160;

/** Whether a solver is asked for one of many placements that a search for the least time of many experts goes on from. */
export function isHurried({
  objective,
  numExperts,
}: Pick<PlacementProblem, "objective" | "numExperts">): boolean {
  return objective.minimise === "time" && numExperts > MANY_EXPERTS;
}
