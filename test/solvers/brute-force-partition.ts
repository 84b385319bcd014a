import type { PlacementProblem } from "../../lib/placement/problem.js";
import { sumTokens, type Filling } from "../../solvers/columns/column-pool.js";

/** The cheapest choice of fillings that seats every expert once, by trying all of them. */
export function bruteForcePartition(
  { numExperts }: PlacementProblem,
  fillings: readonly Filling[],
): readonly Filling[] {
  let best: readonly Filling[] | undefined;
  const extend = (chosen: readonly Filling[], seated: ReadonlySet<number>): void => {
    if (seated.size === numExperts) {
      if (!best || sumTokens(chosen) < sumTokens(best)) best = chosen;
      return;
    }
    let first = 0;
    while (seated.has(first)) first++;
    for (const filling of fillings) {
      const { experts } = filling;
      if (experts[0] !== first || experts.some((expert) => seated.has(expert))) continue;
      extend([...chosen, filling], new Set([...seated, ...experts]));
    }
  };
  extend([], new Set());
  if (!best) throw new Error("the fillings seat no placement");
  return best;
}
