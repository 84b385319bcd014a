import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { largest } from "../../lib/statistics.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { assignGroups, orderChiplets } from "./assign-groups.js";
import { regroupByLoad } from "./balance-groups.js";

/**
 * Assigns the columns of a placement without replicas to chiplet groups anew, for the least C_G among assignments in
 * which no group's load is above `maxOverMean` times the mean, or above that of the most even assignment known.
 *
 * @returns Undefined where none was found that keeps the limits too.
 */
export async function regroupUnderLoad(
  problem: PlacementProblem,
  chiplets: Chiplets,
  { maxOverMean, ...options }: SolverOptions & { readonly maxOverMean: number },
): Promise<Chiplets | undefined> {
  const { chipletsPerGroup, limits } = problem;
  const even = regroupByLoad(problem, chiplets).map((experts) => sumOf(problem.load, experts));
  const groupLoads = new Float64Array(problem.numChiplets / chipletsPerGroup);
  even.forEach((load, chiplet) => (groupLoads[groupOfChiplet(chiplet, chipletsPerGroup)] += load));
  const mean = sumOf(groupLoads, groupLoads.keys()) / groupLoads.length;
  const groupLoad = Math.min(limits.groupLoad, largest(groupLoads, maxOverMean * mean));
  const model = constraintModelOf({ ...problem, limits: { ...limits, groupLoad } });
  const assigned = await assignGroups(model, chiplets, { ...options, layer: problem.layer });
  return assigned && orderChiplets(problem, chiplets, assigned.groupOf);
}

function sumOf(values: Float64Array, indices: Iterable<number>): number {
  let sum = 0;
  for (const index of indices) sum += values[index];
  return sum;
}
