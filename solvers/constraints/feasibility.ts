import type { PlacementProblem } from "../../lib/placement/problem.js";
import { createAssignmentModel, LIMIT_FAMILIES, type LimitFamily } from "./assignment-model.js";
import { solveMilp } from "../milp/solve-milp.js";
import { createTokenCounter } from "./violations.js";

/** Whether a problem has any admissible placement. */
export type Feasibility =
  | { readonly status: "feasible"; readonly chipletOf: Uint16Array }
  | { readonly status: "infeasible"; readonly reason: string }
  | { readonly status: "undecided" };

/** Simplex iterations spent on one question: about half a minute at worst, far less than a second as a rule. */
const MAX_ITERATIONS = 100_000;

/**
 * Decides whether a problem has an admissible placement, by integer programming over all its limits at once.
 *
 * Where there is none, each kind of limit is lifted alone and as little as possible, which names the limit to blame
 * and by how much it is too low.
 */
export async function decideFeasibility(
  problem: PlacementProblem,
  timeLimitMs = Infinity,
): Promise<Feasibility> {
  const conflict = findConflict(problem);
  if (conflict) return { status: "infeasible", reason: conflict };
  // The model below seats every expert once; that it has no solution says nothing of placements with replicas.
  if (problem.numReplicas > 0) return { status: "undecided" };
  const deadline = performance.now() + timeLimitMs;
  const ask = (lifted?: LimitFamily) => {
    const assignmentModel = createAssignmentModel(problem, lifted);
    const options = { backend: "highs", maxIterations: MAX_ITERATIONS } as const;
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
      ? { status: "feasible", chipletOf: first.placementOf(answer.values) }
      : { status: "undecided" };
  }
  const reasons: string[] = [];
  for (const family of LIMIT_FAMILIES) {
    if (family.limitOf(problem) === Infinity) continue;
    const lifted = await ask(family).solution;
    const least = lifted.status === "optimal" || lifted.status === "feasible" ? lifted.bound : undefined;
    if (least === undefined || least <= family.limitOf(problem)) continue;
    reasons.push(tooLow(family.name, least, family.limitOf(problem)));
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
 * findConflict(problem); // "expert 3 alone has load 40, the limit of a chiplet is 30: 10 too low"
 */
export function findConflict(problem: PlacementProblem): string | undefined {
  return pinConflict(problem) ?? apartConflict(problem) ?? totalConflict(problem) ?? singleConflict(problem);
}

function pinConflict(problem: PlacementProblem): string | undefined {
  const { pins, apart, slotsPerChiplet, load, limits, numReplicas } = problem;
  const pinnedTo = new Map<number, number[]>();
  for (const { expert, chiplet } of pins) pinnedTo.set(chiplet, [...(pinnedTo.get(chiplet) ?? []), expert]);
  for (const [chiplet, experts] of pinnedTo) {
    if (experts.length > slotsPerChiplet) {
      const above = experts.length - slotsPerChiplet;
      return `${experts.length} experts are pinned to chiplet ${chiplet}, its slots are ${slotsPerChiplet}: ${above} too many`;
    }
    const pinnedLoad = experts.reduce((sum, expert) => sum + load[expert], 0);
    if (numReplicas === 0 && pinnedLoad > limits.chipletLoad * (1 + 1e-9)) {
      return tooLow(`the load of the experts pinned to chiplet ${chiplet}`, pinnedLoad, limits.chipletLoad);
    }
    for (const members of apart) {
      const together = experts.filter((expert) => members.includes(expert));
      if (together.length > 1) {
        return `experts ${together.join(" and ")} are pinned to chiplet ${chiplet} and must be apart`;
      }
    }
  }
  return undefined;
}

function apartConflict({ apart, numChiplets }: PlacementProblem): string | undefined {
  const crowded = apart.find((experts) => experts.length > numChiplets);
  return (
    crowded &&
    `${crowded.length} experts must be apart, there are ${numChiplets} chiplets: ${crowded.length - numChiplets} too few`
  );
}

function totalConflict(problem: PlacementProblem): string | undefined {
  const { limits, numChiplets, chipletsPerGroup, load, expertBytes, patterns } = problem;
  const numGroups = numChiplets / chipletsPerGroup;
  const totalOf = (values: Float64Array) => values.reduce((sum, one) => sum + one, 0);
  const shares: [string, number, number][] = [
    ["the mean load of a chiplet", totalOf(load) / numChiplets, limits.chipletLoad],
    ["the mean bytes of a chiplet group", totalOf(expertBytes) / numGroups, limits.groupBytes],
    ["the mean tokens on the link of a chiplet", patterns.numTokens / numChiplets, limits.chipletTokens],
    ["the mean tokens on the link of a chiplet group", patterns.numTokens / numGroups, limits.groupTokens],
  ];
  return firstTooLow(shares);
}

function singleConflict(problem: PlacementProblem): string | undefined {
  const { numExperts, limits, load, expertBytes, numReplicas, numChiplets } = problem;
  const tokensOf = createTokenCounter(problem);
  // Copies can share an expert's tokens, one part a chiplet.
  const parts = Math.min(numReplicas + 1, numChiplets);
  const each = parts > 1 ? `each of ${parts} copies of expert` : "expert";
  for (let expert = 0; expert < numExperts; expert++) {
    const conflict = firstTooLow([
      [`the load of ${each} ${expert} alone`, load[expert] / parts, limits.chipletLoad],
      [`the bytes of expert ${expert} alone`, expertBytes[expert], limits.groupBytes],
      [
        `the tokens of ${each} ${expert} alone`,
        tokensOf([expert]) / parts,
        Math.min(limits.chipletTokens, limits.groupTokens),
      ],
    ]);
    if (conflict) return conflict;
  }
  return undefined;
}

function firstTooLow(needs: readonly [what: string, needed: number, limit: number][]): string | undefined {
  const broken = needs.find(([, needed, limit]) => needed > limit * (1 + 1e-12));
  return broken && tooLow(...broken);
}

function tooLow(what: string, needed: number, limit: number): string {
  const round = (value: number) => Number(value.toPrecision(6));
  return `${what} is at least ${round(needed)}, the limit is ${round(limit)}: ${round(needed - limit)} too low`;
}
