import type { Solution } from "../../lib/placement/placement.js";
import type { Solver } from "../../lib/placement/solver.js";
import { jobKey } from "./solve-job.js";

/** Answers by the key of their job (see {@link jobKey}). */
export interface SolutionStore {
  get(key: string): Solution | undefined;
  set(key: string, solution: Solution): void;
}

/**
 * Makes a solver that answers from a store what was solved before, and keeps there what it solves.
 *
 * An answer that Ctrl-C cut short is not kept: the next run is to finish it.
 */
export function rememberSolutions(solver: Solver, store: SolutionStore): Solver {
  return {
    ...solver,
    async solve(problem, { onProgress, signal, ...options }) {
      const key = jobKey({ solver: solver.name, problem, options });
      const known = store.get(key);
      if (known !== undefined) return known;
      const solution = await solver.solve(problem, {
        ...options,
        ...(onProgress && { onProgress }),
        ...(signal && { signal }),
      });
      const isCut = "stoppedBy" in solution && solution.stoppedBy === "interrupt";
      if (!isCut) store.set(key, solution);
      return solution;
    },
  };
}
