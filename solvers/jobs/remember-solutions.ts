import type { Solution } from "../../lib/placement/placement.js";
import type { Solver } from "../../lib/placement/solver.js";
import { jobKey } from "./solve-job.js";

/** Answers by the key of their job (see `jobKey`). */
export interface SolutionStore {
  get(key: string): Solution | undefined;
  set(key: string, solution: Solution): void;
}

/**
 * Makes a solver that answers from a store what was solved before, and keeps there what it solves. A job that is asked for
 * while it is being solved is solved once.
 *
 * An answer that Ctrl-C or the loss of a thread cut short is not kept: the next run is to finish it.
 */
export function rememberSolutions(solver: Solver, store: SolutionStore): Solver {
  const running = new Map<string, Promise<Solution>>();
  const solveAnew = async (key: string, ...[problem, options]: Parameters<Solver["solve"]>) => {
    const solution = await solver.solve(problem, options);
    const isCut = "stoppedBy" in solution && ["interrupt", "lost thread"].includes(solution.stoppedBy);
    if (!isCut) store.set(key, solution);
    return solution;
  };
  return {
    ...solver,
    async solve(problem, options) {
      const key = jobKey({ solver: solver.name, problem, options });
      const known = store.get(key) ?? running.get(key);
      if (known !== undefined) return known;
      const solution = solveAnew(key, problem, options).finally(() => running.delete(key));
      running.set(key, solution);
      return solution;
    },
  };
}
