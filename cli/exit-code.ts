/** What the process ends with, so that scripts can tell why. */
export const EXIT = {
  done: 0,
  bug: 1,
  badInput: 2,
  infeasible: 3,
  /** Stopped before anything was found. */
  undecided: 4,
  interrupted: 130,
} as const;
