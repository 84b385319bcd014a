import { TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import type { Column } from "./column.js";
import type { PartitionShape } from "./column-model.js";
import { sum } from "../../lib/statistics.js";

/** Lagrangian multipliers of the rows of set partitioning, in tokens; the duals of an LP over columns are such. */
export interface Multipliers {
  /** For each expert, of being in exactly one column. Shape [numExperts]. */
  readonly expert: Float64Array;
  /** Of having at most `numChiplets` columns; at most 0. */
  readonly chiplet: number;
}

/** What multipliers prove of every admissible placement, in tokens. */
export interface LagrangianBound {
  /** It costs at least so many. */
  readonly bound: number;
  /**
   * It costs at least `base` + the reduced cost of any of its columns: with a cutoff, columns of reduced cost above
   * cutoff - base are fixed to 0.
   */
  readonly base: number;
}

export function zeroMultipliers({ numExperts }: PartitionShape): Multipliers {
  return { expert: new Float64Array(numExperts), chiplet: 0 };
}

/** Multipliers between old and fresh ones, the old by `weight`: dual smoothing. */
export function smoothMultipliers(old: Multipliers, fresh: Multipliers, weight: number): Multipliers {
  return {
    expert: fresh.expert.map((multiplier, expert) => weight * old.expert[expert] + (1 - weight) * multiplier),
    chiplet: weight * old.chiplet + (1 - weight) * fresh.chiplet,
  };
}

/** A column's cost less the multipliers of the rows it is in. */
export function reducedCostOf({ experts, tokens }: Column, { expert, chiplet }: Multipliers): number {
  return experts.reduce((cost, member) => cost - expert[member], tokens - chiplet);
}

/**
 * The Lagrangian bound: sum of multipliers + numChiplets * least reduced cost, less a safety margin for rounding.
 *
 * It holds for any multipliers, so it is true whatever the LP solver says. A placement has `numChiplets` columns at most; where
 * one of them has reduced cost r, the others have the least at least.
 *
 * @param least The least reduced cost of any column, or less.
 * @param cuts Sum of the multipliers of cuts whose right-hand side is 1, where there are any.
 */
export function lagrangianBound(
  { expert, chiplet }: Multipliers,
  { numChiplets }: PartitionShape,
  { least, cuts = 0 }: { least: number; cuts?: number },
): LagrangianBound {
  const multipliers = sum(expert) + numChiplets * chiplet + cuts;
  // A placement may leave chiplets empty: columns of reduced cost above 0 do not lift the bound.
  const perChiplet = Math.min(0, least);
  return {
    base: multipliers + (numChiplets - 1) * perChiplet - TOKEN_ROUNDING,
    bound: multipliers + numChiplets * perChiplet - TOKEN_ROUNDING,
  };
}
