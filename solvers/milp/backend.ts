import type { MilpModel } from "./milp-model.js";

/** What a backend is told besides the model. */
export interface BackendOptions {
  /** Wall clock, a safety net. */
  readonly timeLimitMs?: number;
  /** Stop after so many simplex iterations: a budget with the same result on any machine. HiGHS only. */
  readonly maxIterations?: number;
  /** A feasible point to start from. HiGHS uses it. Shape [numColumns]. */
  readonly start?: Float64Array;
}

/** What a backend claims, to be checked by `solveMilp`. */
export type BackendClaim =
  | {
      readonly kind: "point";
      readonly point: Float64Array;
      readonly objective: number;
      readonly bound?: number;
    }
  | { readonly kind: "infeasible" }
  | { readonly kind: "nothing"; readonly reason: string };

/** Solves a model in this thread, for as long as it takes. */
export type Backend = (model: MilpModel, options: BackendOptions) => Promise<BackendClaim>;
