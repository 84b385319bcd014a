import type { PlacementProblem } from "../../lib/placement/problem.js";
import { countReplication, countTraffic } from "../../lib/placement/traffic.js";
import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { provedTime } from "./modelled-time.js";

/**
 * Whether a bound on C_T, which is no more than that of a good placement, raises the bound on the time of a layer: not where adapters of servers bind, where every expert gets a
 * copy of its own, or where compute binds whatever travels.
 *
 * @param problem Its objective is the time.
 * @param chipletOf The chiplet of every expert in the good placement. Shape [numExperts].
 */
export function raisesTimeBound(problem: PlacementProblem, chipletOf: ArrayLike<number>): boolean {
  const { objective, patterns, numChiplets } = problem;
  if (objective.minimise !== "time") return false;
  const chiplets = expertsOfChiplets(chipletOf, numChiplets);
  const traffic = countTraffic(patterns, chiplets, problem);
  const { tokenReplication } = countReplication(patterns, chiplets, problem);
  const leastNs = provedTime(problem);
  return leastNs(traffic, tokenReplication) > leastNs(traffic, 1);
}
