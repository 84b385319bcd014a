import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import { isAbove, separationConflict, type Constraint } from "../../lib/placement/constraints.js";
import { createAssignmentModel } from "./assignment-model.js";
import type { ConstraintModel, SlotShape } from "./constraint-model.js";
import { solveMilp } from "../milp/solve-milp.js";
import { createMeter } from "./violations.js";
import { sum } from "../../lib/statistics.js";

/** Whether a problem has any admissible placement. */
export type Feasibility =
  | { readonly status: "feasible"; readonly chipletOf: Uint16Array }
  | { readonly status: "infeasible"; readonly reason: string }
  | { readonly status: "undecided" };

/** What a problem asks of replicas. */
export interface ReplicaDemand {
  /** Replicas allowed beyond one of every expert. */
  readonly numReplicas: number;
  /** Fewest chiplet groups in which each expert has a replica. */
  readonly groupsPerExpert: number;
}

/** Simplex iterations spent on one question: about half a minute at worst, far less than a second as a rule. */
const MAX_ITERATIONS = 100_000;

/**
 * Decides whether a problem has an admissible placement, by integer programming over all its constraints at once.
 *
 * Where there is none, each limit is lifted alone and as little as possible, which names the limit to blame
 * and by how much it is too low.
 *
 * @param maxIterations Simplex iterations for each question.
 */
export async function decideFeasibility(
  model: ConstraintModel,
  {
    timeLimitMs = Infinity,
    maxIterations = MAX_ITERATIONS,
    ...replicas
  }: ReplicaDemand & { readonly timeLimitMs?: number; readonly maxIterations?: number },
): Promise<Feasibility> {
  const conflict = findConflict(model, replicas);
  if (conflict) return { status: "infeasible", reason: conflict };
  // The model below places every expert once; that it has no solution says nothing of placements with replicas.
  if (replicas.numReplicas > 0) return { status: "undecided" };
  const deadline = performance.now() + timeLimitMs;
  const ask = (lifted?: Constraint["name"]) => {
    const assignmentModel = createAssignmentModel(model, lifted);
    const options = { backend: "highs", maxIterations } as const;
    const timeLeftMs = deadline - performance.now();
    const solution = solveMilp(assignmentModel.model, { ...options, timeLimitMs: timeLeftMs });
    return { ...assignmentModel, solution };
  };
  const first = ask();
  const answer = await first.solution;
  if (answer.status === "undecided") return { status: "undecided" };
  if (answer.status !== "infeasible") {
    // A model without its link tokens finds placements that may break those limits.
    return first.isWhole
      ? { status: "feasible", chipletOf: first.chipletOfPoint(answer.values) }
      : { status: "undecided" };
  }
  const reasons: string[] = [];
  for (const { name, quantity, place, cap, apart } of model.constraints) {
    if (apart) continue;
    const lifted = await ask(name).solution;
    const least = lifted.status === "optimal" || lifted.status === "feasible" ? lifted.bound : undefined;
    if (least === undefined || least <= cap) continue;
    reasons.push(tooLow(`the largest ${quantity} ${place}`, least, cap));
  }
  return {
    status: "infeasible",
    reason:
      reasons.length > 0
        ? reasons.join("; or else ")
        : "no placement respects all limits, pins and separations at once",
  };
}

/**
 * Looks for a limit that no placement can respect, by counting alone.
 *
 * @returns What is wrong and by how much, or undefined, which proves nothing.
 *
 * @example
 * const capped = createProblem(patterns, { numChiplets: 2, limits: { chipletLoad: 3 } });
 * findConflict(constraintModelOf(capped), { numReplicas: 0, groupsPerExpert: 1 }); // "the mean load of a chiplet is at least 4, the limit is 3: 1 too low"
 */
export function findConflict(model: ConstraintModel, replicas: ReplicaDemand): string | undefined {
  const { constraints } = model;
  const question = { ...model, ...replicas };
  return (
    separationConflict(question) ??
    pinConflict(question) ??
    firstConflict(constraints, (constraint) => totalConflict(question, constraint)) ??
    firstConflict(constraints, (constraint) => singleConflict(question, constraint))
  );
}

function firstConflict(
  constraints: readonly Constraint[],
  conflictOf: (constraint: Constraint) => string | undefined,
): string | undefined {
  for (const constraint of constraints) {
    const conflict = conflictOf(constraint);
    if (conflict !== undefined) return conflict;
  }
  return undefined;
}

/** Experts pinned to one chiplet, or to chiplets of one group, that break a constraint by themselves. */
function pinConflict({
  pins,
  patterns,
  slotsPerChiplet,
  chipletsPerGroup,
  numReplicas,
  constraints,
}: ConstraintModel & ReplicaDemand): string | undefined {
  if (pins.length === 0) return undefined;
  const pinnedBy = (blockOf: (chiplet: number) => number) => {
    const blocks = new Map<number, number[]>();
    for (const { expert, chiplet } of pins) {
      blocks.set(blockOf(chiplet), [...(blocks.get(blockOf(chiplet)) ?? []), expert]);
    }
    return [...blocks];
  };
  const pinnedTo = {
    chiplet: pinnedBy((chiplet) => chiplet),
    group: pinnedBy((chiplet) => groupOfChiplet(chiplet, chipletsPerGroup)),
  };
  for (const [chiplet, experts] of pinnedTo.chiplet) {
    const above = experts.length - slotsPerChiplet;
    if (above <= 0) continue;
    return `${experts.length} experts are pinned to chiplet ${chiplet}, its slots are ${slotsPerChiplet}: ${above} too many`;
  }
  const measure = createMeter(patterns);
  // Replicas elsewhere may take over what pinned experts serve, not what they hold.
  const fixed = constraints.filter((constraint) => numReplicas === 0 || constraint.measure === "held");
  return firstConflict(fixed, (constraint) => {
    const { scope, quantity, cap, apart } = constraint;
    for (const [block, experts] of pinnedTo[scope]) {
      const needed = measure(constraint, experts);
      if (!isAbove(needed, cap)) continue;
      if (apart) {
        const together = experts.filter((expert) => apart.includes(expert));
        return `experts ${together.join(" and ")} are pinned to chiplet ${block} and must be apart`;
      }
      const where = scope === "chiplet" ? `chiplet ${block}` : `chiplet group ${block}`;
      return tooLow(`the ${quantity} of the experts pinned to ${where}`, needed, cap);
    }
    return undefined;
  });
}

/** What all experts together bring, shared out evenly. */
function totalConflict(
  { numChiplets, chipletsPerGroup, patterns, groupsPerExpert }: ConstraintModel & ReplicaDemand,
  { scope, measure, weight, quantity, place, cap, apart }: Constraint,
): string | undefined {
  const numBlocks = scope === "chiplet" ? numChiplets : numChiplets / chipletsPerGroup;
  const once = measure === "tokens" ? patterns.numTokens : sum(weight);
  // What is held is held once by every replica that has to be there.
  const total = measure === "held" ? once * groupsPerExpert : once;
  if (!isAbove(total / numBlocks, cap)) return undefined;
  return apart && total === once
    ? `${apart.length} experts must be apart, there are ${numBlocks} chiplets: ${apart.length - numBlocks} too few`
    : tooLow(`the mean ${quantity} ${place}`, total / numBlocks, cap);
}

/** What one expert brings by itself. */
function singleConflict(
  { numExperts, numReplicas, numChiplets }: SlotShape & ReplicaDemand,
  { measure, weight, quantity, cap }: Constraint,
): string | undefined {
  // Replicas can share an expert's tokens, one part a chiplet.
  const parts = measure === "held" ? 1 : Math.min(numReplicas + 1, numChiplets);
  const each = parts > 1 ? `each of ${parts} replicas of expert` : "expert";
  for (let expert = 0; expert < numExperts; expert++) {
    const needed = weight[expert] / parts;
    if (isAbove(needed, cap)) return tooLow(`the ${quantity} of ${each} ${expert} alone`, needed, cap);
  }
  return undefined;
}

/** What is too low, and by how much. */
export function tooLow(what: string, needed: number, limit: number): string {
  const round = (value: number) => Number(value.toPrecision(6));
  return `${what} is at least ${round(needed)}, the limit is ${round(limit)}: ${round(needed - limit)} too low`;
}
