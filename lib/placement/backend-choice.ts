/** Which MILP backend solves which of the two integer programmes. */
export interface BackendChoice {
  /** Choice of columns for the chiplets. */
  readonly columns: BackendName;
  /** Assignment of the columns to chiplet groups. */
  readonly groups: BackendName;
}

export type BackendName = "highs" | "javascript-lp-solver";
