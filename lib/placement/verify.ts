import { largest } from "../statistics.js";
import type { PlacementProblem } from "./problem.js";
import type { Chiplets, LayerPlacement, Peaks, Proved } from "./placement.js";
import { waysToServe } from "./slow-dispatch.js";
import { OPTIMALITY_GAP, SHARE_ROUNDING } from "./tolerance.js";
import { tokensOfPatterns, type TokenCount } from "./verify-tokens.js";

/** What the verifier reads of a problem: never its patterns or the loads that were summed from them. */
export type VerifiedProblem = Omit<PlacementProblem, "layer" | "patterns" | "batches" | "load" | "objective">;

/**
 * Lists everything that is wrong with a placement of one layer, by the slow and obvious road.
 *
 * Shares no code with the solvers or the cost they minimise, nor with the table of constraints: a set for every token, a
 * sum for every limit.
 *
 * @returns One sentence a violation; empty if the placement is admissible.
 *
 * @example
 * verifyChiplets(problem, [[0, 1], [1, 2]]); // ["expert 1 is on chiplets 0 and 1, expected on one", "expert 3 is on no chiplet"]
 */
export function verifyChiplets(problem: PlacementProblem, chiplets: Chiplets): string[] {
  return chipletViolations(problem, chiplets, () =>
    serveSlowly(problem, chiplets, tokensOfPatterns(problem.patterns)),
  );
}

/**
 * Verifies a found placement whole: its placement, and of what is said of it, that its cost is the true one and that its
 * bound does not exceed it.
 *
 * Believes the problem's patterns; where the tokens are at hand, `verifyByTokens` believes less.
 *
 * @returns One sentence a violation; empty if all holds.
 */
export function verifyFound(problem: PlacementProblem, found: Omit<LayerPlacement, "layer">): string[] {
  return verifyByTokens(problem, found, tokensOfPatterns(problem.patterns));
}

/**
 * Does as {@link verifyFound} by tokens counted elsewhere, so that what collected the patterns is verified too.
 *
 * @param tokens As `countTokens` counts them from the rows of a trace.
 */
export function verifyByTokens(
  problem: VerifiedProblem,
  found: Omit<LayerPlacement, "layer">,
  tokens: readonly TokenCount[],
): string[] {
  const service = () => serveSlowly(problem, found.chiplets, tokens);
  const violations = chipletViolations(problem, found.chiplets, service);
  if (violations.length > 0) return violations;
  const { chipletLoad, chipletTokens, groupTokens } = service();
  const numTokens = tokens.reduce((sum, { count }) => sum + count, 0);
  const perToken = (tokens: number[]) => sumOf(tokens, tokens.keys()) / numTokens;
  for (const violation of claimViolations("cost", found, perToken(chipletTokens))) violations.push(violation);
  if (found.groups)
    for (const violation of claimViolations("cost of groups", found.groups, perToken(groupTokens)))
      violations.push(violation);
  if (found.load) {
    const mean =
      tokens.reduce((sum, { members, count }) => sum + count * members.length, 0) / problem.numChiplets;
    for (const violation of claimViolations("load", found.load, largest(chipletLoad) / mean))
      violations.push(violation);
  }
  const has = ({ load, tokens: visits, cost }: Peaks) =>
    isAtLeast(largest(chipletLoad) / numTokens, load) &&
    isAtLeast(largest(chipletTokens) / numTokens, visits) &&
    isAtLeast(perToken(chipletTokens), cost);
  if (found.peaks && !found.peaks.some(has)) {
    violations.push(
      "the placement has less than what every placement is said to have, whichever of its peaks is taken",
    );
  }
  return violations;
}

function isAtLeast(truth: number, claim: number): boolean {
  return truth * (1 + SHARE_ROUNDING) >= claim;
}

function chipletViolations(problem: VerifiedProblem, chiplets: Chiplets, service: () => Service): string[] {
  const structural = structuralViolations(problem, chiplets);
  // Limits of a placement that is not even one would only repeat the complaint.
  return structural.length > 0
    ? structural
    : [...limitViolations(problem, chiplets, service), ...ruleViolations(problem, chiplets)];
}

/** What is asked of where experts are, whatever tokens choose. */
export type HeldProblem = Pick<
  VerifiedProblem,
  | "numExperts"
  | "numChiplets"
  | "chipletsPerGroup"
  | "slotsPerChiplet"
  | "numReplicas"
  | "pins"
  | "antiAffinity"
  | "routerGroups"
  | "evenSlots"
> & { readonly limits: Pick<VerifiedProblem["limits"], "groupExperts" | "groupsPerExpert"> };

/**
 * Lists what is wrong with where experts are, without any tokens.
 *
 * @returns One sentence a violation; empty if all holds.
 */
export function heldViolations(problem: HeldProblem, chiplets: Chiplets): string[] {
  const structural = structuralViolations(problem, chiplets);
  if (structural.length > 0) return structural;
  const { groupExperts, groupsPerExpert } = problem.limits;
  const violations = separationViolations(problem, chiplets, groupsPerExpert);
  joinGroups(problem, chiplets).forEach((experts, group) => {
    if (experts.length > groupExperts) {
      violations.push(`chiplet group ${group} holds experts ${experts.length}, the limit is ${groupExperts}`);
    }
  });
  return [...violations, ...ruleViolations(problem, chiplets)];
}

function structuralViolations(problem: HeldProblem, chiplets: Chiplets): string[] {
  return [
    ...slotViolations(problem, chiplets),
    ...coverageViolations(problem, chiplets),
    ...evenViolations(problem, chiplets),
  ];
}

/** Holds a claimed cost, and what is said to be proved of it, against the true one. */
function claimViolations(what: string, { status, cost, bound }: Partial<Proved>, truth: number): string[] {
  if (cost === undefined) return [];
  const violations: string[] = [];
  const tolerance = SHARE_ROUNDING * truth;
  if (Math.abs(truth - cost) > tolerance)
    violations.push(`${what} is given as ${cost}, recomputed as ${truth}`);
  if (bound !== undefined && bound > truth + tolerance) {
    violations.push(`bound ${bound} is above the ${what} ${truth}`);
  }
  if (status === "optimal" && !(bound !== undefined && truth - bound <= OPTIMALITY_GAP * truth)) {
    violations.push(`status is optimal with ${what} ${truth} and bound ${bound ?? "none"}`);
  }
  return violations;
}

function slotViolations({ numChiplets, slotsPerChiplet }: HeldProblem, chiplets: Chiplets): string[] {
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

function coverageViolations({ numExperts, numReplicas }: HeldProblem, chiplets: Chiplets): string[] {
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
      `found ${numPlaced} replicas of ${numExperts} experts, expected at most ${numReplicas} more`,
    );
  }
  return violations;
}

function limitViolations(problem: VerifiedProblem, chiplets: Chiplets, serve: () => Service): string[] {
  const { expertBytes } = problem;
  const { groupsPerExpert, ...limits } = problem.limits;
  const violations = separationViolations(problem, chiplets, groupsPerExpert);
  const check = (what: string, found: number, limit: number) => {
    // Shares of tokens are rounded, and so are their sums.
    if (found > limit * (1 + SHARE_ROUNDING)) violations.push(`${what} ${found}, the limit is ${limit}`);
  };
  joinGroups(problem, chiplets).forEach((experts, group) => {
    check(`chiplet group ${group} holds bytes`, sumOf(expertBytes, experts), limits.groupBytes);
    check(`chiplet group ${group} holds experts`, experts.length, limits.groupExperts);
  });
  // Walking over the tokens is what takes time.
  const { chipletLoad, chipletTokens, groupLoad, groupTokens } = limits;
  if (Math.min(chipletLoad, chipletTokens, groupLoad, groupTokens) === Infinity) return violations;
  const service = serve();
  chiplets.forEach((_, chiplet) => {
    check(`chiplet ${chiplet} has load`, service.chipletLoad[chiplet], chipletLoad);
    check(`link of chiplet ${chiplet} carries tokens`, service.chipletTokens[chiplet], chipletTokens);
  });
  service.groupLoad.forEach((load, group) => {
    check(`chiplet group ${group} has load`, load, groupLoad);
    check(`link of chiplet group ${group} carries tokens`, service.groupTokens[group], groupTokens);
  });
  return violations;
}

/** Looks for every expert in every chiplet group: each has to be in at least so many. */
export function separationViolations(
  problem: Pick<VerifiedProblem, "numExperts" | "chipletsPerGroup">,
  chiplets: Chiplets,
  least: number,
): string[] {
  if (least <= 1) return [];
  const groups = joinGroups(problem, chiplets);
  return Array.from({ length: problem.numExperts }, (_, expert) => expert).flatMap((expert) => {
    const found = [...groups.keys()].filter((group) => groups[group].includes(expert));
    return found.length >= least
      ? []
      : [`expert ${expert} is in chiplet group ${found.join(" and ")} alone, expected in ${least}`];
  });
}

/** The experts of every chiplet group. */
function joinGroups(
  { chipletsPerGroup }: Pick<VerifiedProblem, "chipletsPerGroup">,
  chiplets: Chiplets,
): number[][] {
  const groups: number[][] = [];
  chiplets.forEach((experts, chiplet) => {
    const group = (groups[Math.floor(chiplet / chipletsPerGroup)] ??= []);
    for (const expert of experts) group.push(expert);
  });
  return groups;
}

function sumOf(values: ArrayLike<number>, indices: Iterable<number>): number {
  let sum = 0;
  for (const index of indices) sum += values[index];
  return sum;
}

function ruleViolations(problem: HeldProblem, chiplets: Chiplets): string[] {
  const { pins, antiAffinity } = problem;
  const violations = routerGroupViolations(problem, chiplets);
  for (const { expert, chiplet } of pins) {
    // A file may pin to a chiplet that is not there.
    if (!chiplets.at(chiplet)?.includes(expert)) {
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

function evenViolations({ numExperts, numChiplets, evenSlots }: HeldProblem, chiplets: Chiplets): string[] {
  if (!evenSlots) return [];
  return chiplets.flatMap((experts, chiplet) => {
    const share = Math.floor((numExperts + numChiplets - 1 - chiplet) / numChiplets);
    return experts.length === share
      ? []
      : [`chiplet ${chiplet} holds ${experts.length} experts, its even share is ${share}`];
  });
}

/** Side by side, chiplet after chiplet, experts have to come in whole groups of the router. */
function routerGroupViolations({ numExperts, routerGroups }: HeldProblem, chiplets: Chiplets): string[] {
  const size = numExperts / routerGroups;
  const inOrder = chiplets.flat();
  const violations: string[] = [];
  for (let first = 0; first < numExperts; first += size) {
    const groups = new Set(inOrder.slice(first, first + size).map((expert) => Math.floor(expert / size)));
    if (groups.size > 1) {
      violations.push(`router groups ${[...groups].join(" and ")} are mixed, expected side by side`);
    }
  }
  return violations;
}

/** Who serves the tokens and where they go. */
interface Service {
  readonly chipletLoad: number[];
  readonly groupLoad: number[];
  readonly chipletTokens: number[];
  readonly groupTokens: number[];
}

/** Walks over the tokens and adds up who serves them and where they go. */
function serveSlowly(problem: VerifiedProblem, chiplets: Chiplets, tokens: readonly TokenCount[]): Service {
  const groupOf = (chiplet: number) => Math.floor(chiplet / problem.chipletsPerGroup);
  const chipletLoad = chiplets.map(() => 0);
  const chipletTokens = chiplets.map(() => 0);
  const groupTokens = joinGroups(problem, chiplets).map(() => 0);
  const groupLoad = groupTokens.slice();
  const chipletsOf = Array.from({ length: problem.numExperts }, (_, expert) =>
    [...chiplets.keys()].filter((chiplet) => chiplets[chiplet].includes(expert)),
  );
  const waysOf = waysToServe(chipletsOf, problem.dispatch, problem);
  for (const { members, count } of tokens) {
    for (const { share, servedOn } of waysOf(members)) {
      for (const where of servedOn.values()) {
        for (const chiplet of where) {
          chipletLoad[chiplet] += (count * share) / where.length;
          groupLoad[groupOf(chiplet)] += (count * share) / where.length;
        }
      }
      const visited = new Set([...servedOn.values()].flat());
      for (const chiplet of visited) chipletTokens[chiplet] += count * share;
      for (const group of new Set([...visited].map(groupOf))) groupTokens[group] += count * share;
    }
  }
  return { chipletLoad, groupLoad, chipletTokens, groupTokens };
}
