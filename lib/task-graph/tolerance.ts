/* Every tolerance of task graphs and schedules, each with its reason. All are relative. */

/** Lengths of the same path, added up from its two ends, differ by less. */
export const PATH_ROUNDING = 1e-12;

/** Sums of many durations in another order differ by less. What a valid schedule may be off. */
export const SUM_ROUNDING = 1e-9;
