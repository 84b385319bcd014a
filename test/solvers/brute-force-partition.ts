import type { PlacementProblem } from "../../lib/placement/problem.js";
import { sumTokens, type Column } from "../../solvers/columns/column.js";

/** The cheapest choice of columns that places every expert once, by trying all of them. */
export function bruteForcePartition(
  { numExperts }: PlacementProblem,
  columns: readonly Column[],
): readonly Column[] {
  let best: readonly Column[] | undefined;
  const extend = (chosen: readonly Column[], placed: ReadonlySet<number>): void => {
    if (placed.size === numExperts) {
      if (!best || sumTokens(chosen) < sumTokens(best)) best = chosen;
      return;
    }
    let first = 0;
    while (placed.has(first)) first++;
    for (const column of columns) {
      const { experts } = column;
      if (experts[0] !== first || experts.some((expert) => placed.has(expert))) continue;
      extend([...chosen, column], new Set([...placed, ...experts]));
    }
  };
  extend([], new Set());
  if (!best) throw new Error("the columns make no placement");
  return best;
}
