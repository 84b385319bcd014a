import { chipletsWithExperts, ruleOf } from "../../lib/placement/dispatch.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { NO_LIMITS } from "../../lib/placement/constraints.js";
import type { Solver, SolverOptions } from "../../lib/placement/solver.js";
import { BOUND_MARGIN } from "../../lib/placement/tolerance.js";
import { smallest } from "../../lib/statistics.js";
import { indexPatterns } from "../../lib/trace/token-patterns.js";
import { lagrangianBound } from "../bounds/lagrangian-bound.js";

/** Subsets of experts priced for a bound: pairs of 256 experts, quadruples of 64; as long as the search at most. */
const MOST_SUBSETS = 1e6;
/** Steps to the partners of an expert that are worth most to it. */
const STEPS = 12;
/** Replicas of an expert whose worth is told apart; with more, it is as if all experts were its partners. */
const MOST_TOLD_APART = 3;

/**
 * Proves a C_T that no placement with the replicas of the problem is below; limits can only raise it.
 *
 * Where replicas are drawn, or fixed by where a token starts: one draw for all experts is a placement without replicas in the
 * same slots, and the cost with replicas is the mean over such draws, since the cost of a token depends on its own draw alone. So no
 * placement with replicas costs less than the least without, of which `lagrangianBound` proves a bound.
 *
 * Where the nearest replica serves, see {@link nearestBound}.
 *
 * @param chiplets A good placement: where to begin, of no weight for the truth.
 * @param deadline Clock of `performance.now()` at which to stop.
 */
export function boundReplicas(problem: PlacementProblem, chiplets: Chiplets, deadline = Infinity): number {
  const { patterns, numExperts } = problem;
  if (ruleOf(problem.dispatch) === "nearest") return Math.max(1, nearestBound(problem));
  const chipletOf = chipletsWithExperts(chiplets, numExperts).map((holders) => holders[0]);
  const tokens = lagrangianBound(problem, { chipletOf, mostSubsets: MOST_SUBSETS, deadline });
  return Math.max(1, tokens / patterns.numTokens);
}

/**
 * Proves the same by a solver that bounds placements without replicas, which may take it long; 1 where the nearest replica serves,
 * for that does save copies.
 */
export async function boundWithoutReplicas(
  problem: PlacementProblem,
  solver: Solver,
  options: SolverOptions,
): Promise<number> {
  if (ruleOf(problem.dispatch) === "nearest") return 1;
  // A draw of one replica of each expert keeps the slots; no limit that it may break is held against it.
  const once = {
    ...problem,
    numReplicas: 0,
    chipletsPerGroup: problem.numChiplets,
    pins: [],
    antiAffinity: [],
    limits: NO_LIMITS,
    evenSlots: false,
    routerGroups: 1,
  };
  const answer = await solver.solve(once, { ...options, start: undefined });
  return ("bound" in answer ? answer.bound : undefined) ?? 1;
}

/**
 * A bound where every token visits as few chiplets as it can.
 *
 * A token that a chiplet serves j experts of has one copy there: a share of 1 / j for each of the j. An expert with n replicas shares
 * chiplets with at most n (slots - 1) others, so its tokens cost at least
 *
 *   h(n) = min over sets U of so many partners of the sum over its tokens of 1 / min(slots, 1 + experts of the token in U)
 *
 * which is convex where the shares are joined by straight lines and U may hold parts of experts; any point of it bounds the
 * minimum from below by its gradient (Frank and Wolfe). The replicas then go to the experts where they save most, exactly.
 * Time O(numExperts * 3 * 12 * (patterns of an expert * topK)).
 */
function nearestBound({
  patterns,
  numExperts,
  numChiplets,
  slotsPerChiplet,
  numReplicas,
}: PlacementProblem): number {
  const { offsets: starts, patterns: patternsOf } = indexPatterns(patterns);
  const { offsets, experts, counts, numTokens } = patterns;
  const share = (partners: number) => 1 / Math.min(slotsPerChiplet, 1 + partners);
  const inSet = new Float64Array(numExperts);
  const slope = new Float64Array(numExperts);
  /** Value of the relaxed shares of an expert at `inSet`; leaves the gradient in `slope`. */
  const evaluate = (expert: number): number => {
    slope.fill(0);
    let value = 0;
    for (let at = starts[expert]; at < starts[expert + 1]; at++) {
      const pattern = patternsOf[at];
      let partners = 0;
      for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
        if (experts[place] !== expert) partners += inSet[experts[place]];
      }
      const whole = Math.floor(partners);
      const rise = share(whole + 1) - share(whole);
      value += counts[pattern] * (share(whole) + rise * (partners - whole));
      for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
        if (experts[place] !== expert) slope[experts[place]] += counts[pattern] * rise;
      }
    }
    return value;
  };
  const leastShares = (expert: number, mostPartners: number): number => {
    inSet.fill(0);
    let least = 0;
    for (let step = 0; step < STEPS; step++) {
      const value = evaluate(expert);
      const steepest = Array.from(slope.keys())
        .sort((a, b) => slope[a] - slope[b])
        .slice(0, mostPartners);
      let bound = value;
      for (let other = 0; other < numExperts; other++) bound -= slope[other] * inSet[other];
      for (const partner of steepest) bound += slope[partner];
      least = Math.max(least, bound);
      const stride = 2 / (step + 2);
      for (let other = 0; other < numExperts; other++) inSet[other] *= 1 - stride;
      for (const partner of steepest) inSet[partner] += stride;
    }
    return least;
  };
  /** Least cost of the experts so far with so many replicas given away. Shape [numReplicas + 1]. */
  let cost = new Float64Array(numReplicas + 1);
  for (let expert = 0; expert < numExperts; expert++) {
    const most = Math.min(MOST_TOLD_APART, numChiplets);
    const shares = Array.from({ length: most }, (_, extra) =>
      leastShares(expert, Math.min(numExperts - 1, (extra + 1) * (slotsPerChiplet - 1))),
    );
    inSet.fill(1);
    shares.push(evaluate(expert));
    const next = new Float64Array(numReplicas + 1).fill(Infinity);
    shares.forEach((tokens, extra) => {
      for (let given = extra; given <= numReplicas; given++) {
        next[given] = Math.min(next[given], cost[given - extra] + tokens);
      }
    });
    cost = next;
  }
  return (smallest(cost) / numTokens) * (1 - BOUND_MARGIN);
}
