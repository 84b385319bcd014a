import { createHash } from "node:crypto";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { toWire } from "./wire.js";

/** One layer to place, as a value that can be told apart from others and sent elsewhere. */
export interface SolveJob {
  /** Name of a solver of the solver table. */
  readonly solver: string;
  readonly problem: PlacementProblem;
  readonly options: JobOptions;
}

/** What a solver is told that can travel. */
export type JobOptions = Omit<SolverOptions, "onProgress" | "signal">;

/**
 * SHA-256 of all that decides a solver's answer: solver, problem, seed, backends and start. A time limit, which cuts an
 * answer and says so there, is no part of it.
 *
 * @returns Hexadecimal.
 */
export function jobKey({ solver, problem, options }: SolveJob): string {
  const { seed, backends, start } = options;
  return createHash("sha256")
    .update(toWire([solver, problem, seed, backends, start ?? null]))
    .digest("hex");
}
