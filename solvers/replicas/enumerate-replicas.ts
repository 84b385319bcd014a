import { ruleOf } from "../../lib/placement/dispatch.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { SUM_ROUNDING } from "../../lib/placement/tolerance.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { sum } from "../../lib/statistics.js";
import { countCoactivation } from "../../lib/trace/coactivation.js";
import { keepExperts, type TokenPatterns } from "../../lib/trace/token-patterns.js";

/** Experts, chiplets and patterns of a problem that is worth the try. */
const MOST_EXPERTS = 12;
const MOST_CHIPLETS = 5;
const MOST_PATTERNS = 2000;
/** Patterns counted in parts of placements: some tenths of a second. */
const MOST_WORK = 3e5;
/** What a part of a placement costs besides, in patterns. */
const WORK_OF_PART = 10;

/** What of a problem is enumerated. */
export type SmallProblem = Pick<
  PlacementProblem,
  | "numChiplets"
  | "numReplicas"
  | "slotsPerChiplet"
  | "chipletsPerGroup"
  | "patterns"
  | "dispatch"
  | "pins"
  | "evenSlots"
  | "routerGroups"
>;

/** Options of {@link enumerateReplicas}. */
export interface EnumerationOptions {
  /** C_T of the best placement known, Infinity for none. */
  readonly mostCost: number;
  /** Whether a placement within slots and replicas is wanted: keeps all limits, for instance. */
  readonly isSound: (chiplets: Chiplets) => boolean;
  /** Whether chiplets that are alike may not exchange their numbers, for the sake of a running placement. Default false. */
  readonly keepsNumbers?: boolean;
}

/** What an enumeration came to. */
export interface Enumerated {
  /** Whether nothing was left out: then no admissible placement costs less than the best known. */
  readonly isComplete: boolean;
  /** An admissible placement that costs less than asked for, if one was met. */
  readonly chiplets?: Chiplets;
}

/**
 * Tries all placements with replicas of a small problem, to prove the best known best.
 *
 * Depth first over the experts, heaviest first: each in turn gets its set of chiplets. What the tokens cost by these experts alone can
 * only grow with the others, by every dispatch model, so that what is dearer than the best known is left. Of chiplets that nothing tells
 * apart, only the first empty ones are filled.
 *
 * @returns Undefined where there are too many.
 */
export function enumerateReplicas(
  problem: SmallProblem,
  { mostCost, isSound, keepsNumbers = false }: EnumerationOptions,
): Enumerated | undefined {
  const { numChiplets, numReplicas, slotsPerChiplet, patterns } = problem;
  const { numExperts } = patterns;
  if (numExperts > MOST_EXPERTS || numChiplets > MOST_CHIPLETS || patterns.numPatterns > MOST_PATTERNS)
    return undefined;
  const { load } = countCoactivation(patterns);
  const order = Array.from({ length: numExperts }, (_, expert) => expert).sort(
    (a, b) => load[b] - load[a] || a - b,
  );
  const seenBy = order.map((_, depth) => {
    const placed = new Set(order.slice(0, depth + 1));
    return keepExperts(patterns, (expert) => placed.has(expert));
  });
  const areAlike = !keepsNumbers && chipletsAreAlike(problem);
  const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
  let workLeft = MOST_WORK;
  let least = mostCost;
  let best: number[][] | undefined;
  const assign = (depth: number, spare: number): void => {
    if (depth === numExperts) {
      const found = chiplets.map((experts) => experts.toSorted((a, b) => a - b));
      if (!isSound(found)) return;
      best = found;
      least = costOf(problem, patterns, found);
      return;
    }
    const firstEmpty = chiplets.findIndex((experts) => experts.length === 0);
    for (let held = 1; held < 2 ** numChiplets && workLeft > 0; held++) {
      const on = chiplets.filter((_, chiplet) => (held >> chiplet) & 1);
      if (on.length - 1 > spare || on.some((experts) => experts.length === slotsPerChiplet)) continue;
      if (areAlike && firstEmpty >= 0 && !fillsFirst(held >> firstEmpty)) continue;
      for (const experts of on) experts.push(order[depth]);
      workLeft -= WORK_OF_PART + seenBy[depth].numPatterns;
      if (costOf(problem, seenBy[depth], chiplets) < least * (1 - SUM_ROUNDING)) {
        assign(depth + 1, spare - on.length + 1);
      }
      for (const experts of on) experts.pop();
    }
  };
  assign(0, numReplicas);
  return { isComplete: workLeft > 0, ...(best && { chiplets: best }) };
}

/** Whether of the chiplets from the first empty one on, those chosen come first: ones of a bit mask without a gap. */
function fillsFirst(mask: number): boolean {
  return (mask & (mask + 1)) === 0;
}

/** Whether exchanging two chiplets changes neither the cost of a placement nor what it may be. */
function chipletsAreAlike(problem: SmallProblem): boolean {
  const { pins, chipletsPerGroup, numChiplets, dispatch, evenSlots, routerGroups } = problem;
  const hasGroups = routerGroups > 1 || (chipletsPerGroup > 1 && chipletsPerGroup < numChiplets);
  return pins.length === 0 && !hasGroups && !evenSlots && ruleOf(dispatch) !== "by-source";
}

/** C_T of the experts that are placed. */
function costOf(
  { chipletsPerGroup, dispatch, patterns: { numTokens } }: SmallProblem,
  patterns: TokenPatterns,
  chiplets: Chiplets,
): number {
  return sum(countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch }).chipletTokens) / numTokens;
}
