import { chipletsWithExperts } from "./dispatch.js";
import type { PlacementProblem } from "./problem.js";
import type { Chiplets, Solved, Proved } from "./placement.js";
import { waysToServe } from "./slow-dispatch.js";

/**
 * Lists everything that is wrong with a placement of one layer, by the slow and obvious road.
 *
 * Shares no code with the solvers or the cost they minimise: a set for every token, a sum for every limit.
 *
 * @returns One sentence a violation; empty if the placement is admissible.
 *
 * @example
 * verifyChiplets(problem, [[0, 1], [1, 2]]); // ["expert 1 is on chiplets 0 and 1, expected on one", "expert 3 is on no chiplet"]
 */
export function verifyChiplets(problem: PlacementProblem, chiplets: Chiplets): string[] {
  const structural = [...slotViolations(problem, chiplets), ...coverageViolations(problem, chiplets)];
  // Limits of a placement that is not even one would only repeat the complaint.
  return structural.length > 0
    ? structural
    : [...limitViolations(problem, chiplets), ...ruleViolations(problem, chiplets)];
}

/**
 * Verifies a found placement whole: its placement, that its cost is the true one, and that its bound does not exceed it.
 *
 * @returns One sentence a violation; empty if all holds.
 */
export function verifyFound(problem: PlacementProblem, found: Solved): string[] {
  const violations = verifyChiplets(problem, found.chiplets);
  if (violations.length > 0) return violations;
  const { chipletLoad, chipletTokens, groupTokens } = serveSlowly(problem, found.chiplets);
  const perToken = (tokens: number[]) => sumOf(tokens, tokens.keys()) / problem.patterns.numTokens;
  violations.push(...claimViolations("cost", found, perToken(chipletTokens)));
  if (found.groups)
    violations.push(...claimViolations("cost of groups", found.groups, perToken(groupTokens)));
  if (found.load) {
    const mean = sumOf(problem.load, problem.load.keys()) / problem.numChiplets;
    violations.push(...claimViolations("load", found.load, Math.max(...chipletLoad) / mean));
  }
  return violations;
}

/** Holds a claimed cost, and what is said to be proved of it, against the true one. */
function claimViolations(what: string, { status, cost, bound }: Proved, truth: number): string[] {
  const violations: string[] = [];
  const tolerance = 1e-9 * truth;
  if (Math.abs(truth - cost) > tolerance)
    violations.push(`${what} is given as ${cost}, recomputed as ${truth}`);
  if (bound !== undefined && bound > truth + tolerance) {
    violations.push(`bound ${bound} is above the ${what} ${truth}`);
  }
  if (status === "optimal" && !(bound !== undefined && truth - bound <= 1e-6 * truth)) {
    violations.push(`status is optimal with ${what} ${truth} and bound ${bound ?? "none"}`);
  }
  return violations;
}

function slotViolations({ numChiplets, slotsPerChiplet }: PlacementProblem, chiplets: Chiplets): string[] {
  const violations: string[] = [];
  if (chiplets.length !== numChiplets) {
    violations.push(`found ${chiplets.length} chiplets, expected ${numChiplets}`);
  }
  chiplets.forEach((experts, chiplet) => {
    if (experts.length > slotsPerChiplet) {
      violations.push(`chiplet ${chiplet} holds ${experts.length} experts, its slots are ${slotsPerChiplet}`);
    }
  });
  return violations;
}

function coverageViolations({ numExperts, numReplicas }: PlacementProblem, chiplets: Chiplets): string[] {
  const violations: string[] = [];
  const incumbents = new Map<number, number[]>();
  chiplets.forEach((experts, chiplet) => {
    for (const expert of experts) incumbents.set(expert, [...(incumbents.get(expert) ?? []), chiplet]);
  });
  for (const [expert, where] of incumbents) {
    if (!Number.isInteger(expert) || expert < 0 || expert >= numExperts) {
      violations.push(`chiplet ${where[0]} holds expert ${expert}, out of range [0, ${numExperts})`);
    }
    if (where.length > 1 && numReplicas === 0) {
      violations.push(`expert ${expert} is on chiplets ${where.join(" and ")}, expected on one`);
    } else if (new Set(where).size < where.length) {
      violations.push(
        `expert ${expert} is on chiplets ${where.join(" and ")}, expected at most once on each`,
      );
    }
  }
  for (let expert = 0; expert < numExperts; expert++) {
    if (!incumbents.has(expert)) violations.push(`expert ${expert} is on no chiplet`);
  }
  const numPlaced = chiplets.flat().length;
  if (numReplicas > 0 && numPlaced > numExperts + numReplicas) {
    violations.push(
      `found ${numPlaced} copies of ${numExperts} experts, expected at most ${numReplicas} more`,
    );
  }
  return violations;
}

function limitViolations(problem: PlacementProblem, chiplets: Chiplets): string[] {
  const { limits, expertBytes } = problem;
  if (Object.values(limits).every((limit) => limit === Infinity)) return [];
  const service = serveSlowly(problem, chiplets);
  const violations: string[] = [];
  const check = (what: string, found: number, limit: number) => {
    // Shares of tokens are rounded, and so are their sums.
    if (found > limit * (1 + 1e-9)) violations.push(`${what} ${found}, the limit is ${limit}`);
  };
  chiplets.forEach((_, chiplet) => {
    check(`chiplet ${chiplet} has load`, service.chipletLoad[chiplet], limits.chipletLoad);
    check(`link of chiplet ${chiplet} carries tokens`, service.chipletTokens[chiplet], limits.chipletTokens);
  });
  joinGroups(problem, chiplets).forEach((experts, group) => {
    check(`chiplet group ${group} has load`, service.groupLoad[group], limits.groupLoad);
    check(`chiplet group ${group} holds bytes`, sumOf(expertBytes, experts), limits.groupBytes);
    check(`link of chiplet group ${group} carries tokens`, service.groupTokens[group], limits.groupTokens);
  });
  return violations;
}

/** The experts of every chiplet group. */
function joinGroups({ chipletsPerGroup }: PlacementProblem, chiplets: Chiplets): number[][] {
  const groups: number[][] = [];
  chiplets.forEach((experts, chiplet) => {
    (groups[Math.floor(chiplet / chipletsPerGroup)] ??= []).push(...experts);
  });
  return groups;
}

function sumOf(values: ArrayLike<number>, indices: Iterable<number>): number {
  let sum = 0;
  for (const index of indices) sum += values[index];
  return sum;
}

function ruleViolations({ pins, antiAffinity }: PlacementProblem, chiplets: Chiplets): string[] {
  const violations: string[] = [];
  for (const { expert, chiplet } of pins) {
    if (!chiplets[chiplet].includes(expert)) {
      violations.push(`expert ${expert} is not on chiplet ${chiplet}, to which it is pinned`);
    }
  }
  for (const experts of antiAffinity) {
    chiplets.forEach((held, chiplet) => {
      const together = experts.filter((expert) => held.includes(expert));
      if (together.length > 1) {
        violations.push(`experts ${together.join(" and ")} share chiplet ${chiplet}, expected apart`);
      }
    });
  }
  return violations;
}

/** Walks over the tokens and adds up who serves them and where they go. */
function serveSlowly(problem: PlacementProblem, chiplets: Chiplets) {
  const chipletLoad = chiplets.map(() => 0);
  const chipletTokens = chiplets.map(() => 0);
  const groupTokens = joinGroups(problem, chiplets).map(() => 0);
  const groupLoad = groupTokens.slice();
  const copiesOf = chipletsWithExperts(chiplets, problem.numExperts);
  const waysOf = waysToServe(copiesOf, problem.dispatch, problem);
  for (const { members, count } of patternList(problem)) {
    for (const { share, servedOn } of waysOf(members)) {
      const tokens = count * share;
      for (const where of servedOn.values()) {
        for (const chiplet of where) {
          chipletLoad[chiplet] += tokens / where.length;
          groupLoad[Math.floor(chiplet / problem.chipletsPerGroup)] += tokens / where.length;
        }
      }
      const visited = new Set([...servedOn.values()].flat());
      for (const chiplet of visited) chipletTokens[chiplet] += tokens;
      const groups = new Set([...visited].map((chiplet) => Math.floor(chiplet / problem.chipletsPerGroup)));
      for (const group of groups) groupTokens[group] += tokens;
    }
  }
  return { chipletLoad, groupLoad, chipletTokens, groupTokens };
}

function* patternList({ patterns }: PlacementProblem): Generator<{ members: number[]; count: number }> {
  for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
    const members = [...patterns.experts.subarray(patterns.offsets[pattern], patterns.offsets[pattern + 1])];
    yield { members, count: patterns.counts[pattern] };
  }
}
