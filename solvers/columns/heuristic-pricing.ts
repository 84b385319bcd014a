import { constraintsOf } from "../../lib/placement/constraints.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { indexPatterns } from "../../lib/trace/token-patterns.js";
import type { Column } from "./column-pool.js";
import type { Prices } from "./column-table.js";
import { createLimitGauge } from "../constraints/violations.js";

/** Exchanges experts of an admissible column for others as long as its reduced cost falls; it stays admissible. */
export type ColumnPricer = (column: Column, prices: Prices) => Column;

/**
 * Makes the pricer of a problem, for columns too many to enumerate.
 *
 * It keeps the tokens that each expert would add to the column at hand, so that the best expert for a seat is found in
 * one pass over the experts. What it answers has the least reduced cost of any column that differs in one expert: a
 * heuristic, so that an LP over what it finds is an estimate of the LP over all, never a bound.
 */
export function createColumnPricer(problem: PlacementProblem): ColumnPricer {
  const { patterns, numExperts, load, pins } = problem;
  const { offsets, experts: all, counts } = patterns;
  const index = indexPatterns(patterns);
  const gauge = createLimitGauge(problem);
  const isLimited = constraintsOf(problem).length > 0;
  const isPinned = new Uint8Array(numExperts);
  for (const { expert } of pins) isPinned[expert] = 1;
  /** Experts of the column in each pattern. */
  const seated = new Uint16Array(patterns.numPatterns);
  /** Tokens of each expert that have no expert of the column. */
  const adds = Float64Array.from(load);
  const isIn = new Uint8Array(numExperts);
  let tokens = 0;

  const enter = (expert: number) => {
    tokens += adds[expert];
    isIn[expert] = 1;
    for (let at = index.offsets[expert]; at < index.offsets[expert + 1]; at++) {
      const pattern = index.patterns[at];
      if (seated[pattern]++ > 0) continue;
      for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
        adds[all[place]] -= counts[pattern];
    }
  };
  const leave = (expert: number) => {
    isIn[expert] = 0;
    for (let at = index.offsets[expert]; at < index.offsets[expert + 1]; at++) {
      const pattern = index.patterns[at];
      if (--seated[pattern] > 0) continue;
      for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++)
        adds[all[place]] += counts[pattern];
    }
    tokens -= adds[expert];
  };
  const admits = (members: readonly number[]) =>
    !isLimited || (gauge.chipletExcess(members) === 0 && gauge.groupExcess(members) === 0);
  /** The expert for the free seat at the end; the one that left it, unless another is better by more than rounding. */
  const bestFor = (others: readonly number[], left: number, prices: Prices): number => {
    let best = left;
    let least = adds[left] - prices.expert[left] - TOKEN_ROUNDING;
    for (let expert = 0; expert < numExperts; expert++) {
      if (isIn[expert] || isPinned[expert]) continue;
      const cost = adds[expert] - prices.expert[expert];
      if (cost >= least || !admits([...others, expert])) continue;
      least = cost;
      best = expert;
    }
    return best;
  };

  return (column, prices) => {
    const members = [...column.experts];
    for (const expert of members) enter(expert);
    for (let seat = 0, unchanged = 0; unchanged < members.length; seat = (seat + 1) % members.length) {
      unchanged++;
      const left = members[seat];
      if (isPinned[left]) continue;
      leave(left);
      const others = members.filter((expert) => expert !== left);
      members[seat] = bestFor(others, left, prices);
      enter(members[seat]);
      if (members[seat] !== left) unchanged = 0;
    }
    const priced = { experts: members.toSorted((one, other) => one - other), tokens };
    for (const expert of members) leave(expert);
    return priced;
  };
}
