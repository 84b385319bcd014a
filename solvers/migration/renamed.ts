import type { Chiplets, LayerPlacement, Proved, Solution } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { relabelChiplets } from "../../lib/placement/relabel.js";
import { countReplication, countTraffic } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { largest } from "../../lib/statistics.js";

/** A placement that a solver answered with. */
export type Found = Extract<Solution, Proved>;

/**
 * The same columns under chiplet numbers that move as few experts as possible, and those of the candidates. Engines choose
 * among replicas by the numbers of ranks, so that with replicas costs are counted anew, and the numbers stay where other
 * ones would break a limit.
 */
export function relabelled(problem: PlacementProblem, target: Found, running: Chiplets): Found {
  const { chipletsPerGroup, pins, routerGroups, numChiplets, evenSlots, numReplicas } = problem;
  const chipletsPerRun = Math.max(1, routerGroups === 1 ? 1 : numChiplets / routerGroups);
  const kept = { chipletsPerGroup, chipletsPerRun, pins, keepsSizes: evenSlots };
  const renamed = (chiplets: Chiplets) => relabelChiplets(chiplets, running, kept);
  const chiplets = renamed(target.chiplets);
  if (numReplicas === 0) {
    const { candidates = {} } = target;
    const told = Object.entries(candidates).map(([name, candidate]) => [
      name,
      { ...candidate, chiplets: renamed(candidate.chiplets) },
    ]);
    return {
      ...target,
      chiplets,
      ...(told.length > 0 && { candidates: Object.fromEntries(told) as typeof candidates }),
    };
  }
  if (verifyChiplets(problem, chiplets).length > 0) return target;
  const { load } = target;
  return {
    ...target,
    ...claims(problem, chiplets, target),
    chiplets,
    ...(load && { load: { ...load, status: "feasible", cost: loadMaxOverMean(problem, chiplets) } }),
  };
}

/** What is known of a placement: its costs, and what was proved for every one of the same problem. */
export function claims(
  problem: PlacementProblem,
  chiplets: Chiplets,
  proved: Pick<LayerPlacement, "bound" | "groups"> | undefined,
): Proved & Pick<LayerPlacement, "groups"> {
  const { tokenReplication, groupReplication } = countReplication(problem.patterns, chiplets, problem);
  return {
    status: "feasible",
    cost: tokenReplication,
    ...(proved?.bound !== undefined && { bound: proved.bound }),
    ...(proved?.groups && { groups: { status: "feasible", cost: groupReplication } }),
  };
}

function loadMaxOverMean(problem: PlacementProblem, chiplets: Chiplets): number {
  const { chipletLoad } = countTraffic(problem.patterns, chiplets, problem);
  return largest(chipletLoad) / meanChipletLoad(problem);
}
