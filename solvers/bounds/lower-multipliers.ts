import type { PricedColumn } from "../columns/column.js";
import { TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import type { Multipliers } from "../columns/multipliers.js";
import { floorToGrain } from "./subset-weights.js";

/** Part of the columns left that each step is to satisfy. */
const PART_A_STEP = 0.05;

/**
 * Lowers multipliers until some columns, the only ones of a reduced cost below a limit, have none below it any more.
 *
 * A bound loses what multipliers are lowered by, summed over experts; where the least reduced cost counts for every chiplet, it
 * loses as much for all of them as for the worst column. Each step lowers every expert in proportion to the columns left that it
 * is in, as far as satisfies a twentieth of them: steepest descent, because an expert that is in many columns serves them all.
 *
 * @example
 * const column = { experts: [0, 1], tokens: 3 };
 * const multipliers = { expert: Float64Array.of(3, 2, 1), chiplet: 0 };
 * lowerMultipliers(multipliers, [{ column, reducedCost: -2 }], { limit: 0 }).expert; // [2, 1, 1]
 */
export function lowerMultipliers(
  multipliers: Multipliers,
  columns: readonly PricedColumn[],
  { limit }: { limit: number },
): Multipliers {
  const loss = new Float64Array(multipliers.expert.length);
  let left = columns.map(({ column: { experts }, reducedCost }) => ({
    experts,
    excess: reducedCost - limit,
  }));
  while (left.length > 0) {
    const times = new Float64Array(loss.length);
    for (const { experts } of left) for (const expert of experts) times[expert]++;
    const gains = left.map(({ experts }) => experts.reduce((total, expert) => total + times[expert], 0));
    const steps = Float64Array.from(left, ({ excess }, at) => -excess / gains[at]).sort();
    const step = steps[Math.floor(PART_A_STEP * left.length)];
    for (let expert = 0; expert < loss.length; expert++) loss[expert] += step * times[expert];
    left.forEach((set, at) => (set.excess += step * gains[at]));
    left = left.filter(({ excess }) => excess < -TOKEN_ROUNDING);
  }
  return {
    expert: multipliers.expert.map((multiplier, index) => floorToGrain(multiplier - loss[index])),
    chiplet: multipliers.chiplet,
  };
}
