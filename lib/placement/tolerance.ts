/*
 * Every tolerance of placements and solvers, each with its reason. The order matters: what a search admits (ROUNDING) the
 * verifier has to admit too (SHARE_ROUNDING), and what is called optimal is within OPTIMALITY_GAP of a proved bound.
 */

/** Relative: sums of the same numbers in another order differ by less. What a search may be above a cap. */
export const ROUNDING = 1e-12;

/** Relative: replicas share tokens, shares are rounded and so are their sums. What the verifier lets pass. */
export const SHARE_ROUNDING = 1e-9;

/** Part of the tokens, or of an LP's value, by which a bound is lowered, so that rounding cannot make it untrue. */
export const BOUND_MARGIN = 1e-9;

/** Relative: a cost so close to its bound is optimal. The gap at which MILP backends stop. */
export const OPTIMALITY_GAP = 1e-6;

/** In tokens: without replicas costs are whole numbers of tokens, so a smaller gain or reduced cost is rounding. */
export const TOKEN_ROUNDING = 1e-6;

/** Relative: times and loads are sums of rounded parts, so a gain or a difference that is smaller is rounding. */
export const SUM_ROUNDING = 1e-9;

/** Absolute: how far from a whole number a backend's integer column may be. */
export const INTEGRALITY = 1e-5;

/** Absolute: how far LP solvers let a row, a bound or the value of a column be off. */
export const LP_FEASIBILITY = 1e-7;

/** Absolute: the dual of a row, or a gain in tokens that adds up fractions, below this is zero. */
export const DUAL_ROUNDING = 1e-9;
