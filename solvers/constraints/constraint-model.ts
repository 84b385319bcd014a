import { constraintsOf, type Constraint } from "../../lib/placement/constraints.js";
import type { Pin, PlacementProblem } from "../../lib/placement/problem.js";
import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

/** Room for experts on chiplets and chiplet groups. */
export interface SlotShape {
  readonly numExperts: number;
  readonly numChiplets: number;
  /** Divides numChiplets. */
  readonly chipletsPerGroup: number;
  readonly slotsPerChiplet: number;
}

/** All that is known of a placement problem where its constraints are kept, repaired, modelled or explained. */
export interface ConstraintModel extends SlotShape {
  /** Its experts are [0, numExperts). */
  readonly patterns: TokenPatterns;
  /** At most one an expert. */
  readonly pins: readonly Pin[];
  /** Caps on what a chiplet or a chiplet group may hold or serve. */
  readonly constraints: readonly Constraint[];
}

/** Lists what a placement without replicas has to keep. */
export function constraintModelOf(problem: PlacementProblem): ConstraintModel {
  const { patterns, numExperts, numChiplets, chipletsPerGroup, slotsPerChiplet, pins } = problem;
  const constraints = constraintsOf(problem);
  return { patterns, numExperts, numChiplets, chipletsPerGroup, slotsPerChiplet, pins, constraints };
}
