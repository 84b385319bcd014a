import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type Solution,
  type StoppedBy,
} from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { countReplication } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom, type Random } from "../../lib/random.js";
import { enumerateReplicas } from "../replicas/enumerate-replicas.js";
import { fillReplicas } from "../replicas/fill-replicas.js";
import { separateReplicas } from "../replicas/separation.js";
import { constraintModelOf, type ConstraintModel } from "./constraint-model.js";
import { decideFeasibility } from "./feasibility.js";
import { repairPlacement } from "./repair.js";

/** How the placement came about, and what is left to put it right. */
export interface FinishOptions {
  readonly stoppedBy: StoppedBy;
  readonly seed: number;
  readonly timeLimitMs?: number;
}

/**
 * Turns the placement a rule or a search arrived at into its answer, with the exact cost.
 *
 * Rules know nothing of pins and constraints: a placement that breaks one is repaired, and where that fails,
 * integer programming finds an admissible one or proves that there is none. Every solver that proves nothing ends here.
 *
 * @param chipletOf Chiplet of every expert, at most `slotsPerChiplet` on each. Shape [numExperts].
 */
export function finish(
  problem: PlacementProblem,
  chipletOf: ArrayLike<number>,
  options: FinishOptions,
): Promise<Solution> {
  return completePlacement(problem, expertsOfChiplets(chipletOf, problem.numChiplets), options);
}

/** Does as {@link finish} for a placement that may have replicas; those that it lacks, or that repair took, are given. */
export async function completePlacement(
  problem: PlacementProblem,
  chiplets: Chiplets,
  { stoppedBy, seed, timeLimitMs = Infinity }: FinishOptions,
): Promise<Solution> {
  const { numChiplets, numReplicas } = problem;
  const isSound = (found: Chiplets) => verifyChiplets(problem, found).length === 0;
  const answer = (found: Chiplets): Solution => {
    const placement = fillReplicas(problem, found, isSound);
    const { tokenReplication: cost } = countReplication(problem.patterns, placement, problem);
    return { status: "feasible", chiplets: placement, cost, stoppedBy };
  };
  if (isSound(chiplets)) return answer(chiplets);
  const model = constraintModelOf(problem);
  const { groupsPerExpert } = problem.limits;
  const random = createRandom(seed, problem.layer);
  const repaired =
    groupsPerExpert > 1
      ? separateReplicas(model, chiplets, { groupsPerExpert, load: problem.load, random })
      : repairWithoutReplicas(model, chiplets, random);
  if (repaired && isSound(repaired)) return answer(repaired);
  const feasibility = await decideFeasibility(model, { numReplicas, groupsPerExpert, timeLimitMs });
  if (feasibility.status === "feasible") return answer(expertsOfChiplets(feasibility.chipletOf, numChiplets));
  if (feasibility.status === "infeasible") return feasibility;
  const tried = enumerateReplicas(problem, { mostCost: Infinity, isSound });
  if (tried?.chiplets) return answer(tried.chiplets);
  return tried?.isComplete
    ? { status: "infeasible", reason: "no placement respects all limits, pins and separations at once" }
    : { status: "undecided", stoppedBy };
}

function repairWithoutReplicas(
  model: ConstraintModel,
  chiplets: Chiplets,
  random: Random,
): Chiplets | undefined {
  const repaired = repairPlacement(model, chipletOfExperts(chiplets, model.numExperts), { random });
  return repaired && expertsOfChiplets(repaired, model.numChiplets);
}
