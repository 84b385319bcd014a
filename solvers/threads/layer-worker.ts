import type { MessagePort } from "node:worker_threads";
import { InputError } from "../../lib/errors.js";
import type { Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { findSolver } from "../index.js";

/** One layer to place in a worker thread. */
export interface LayerTask {
  readonly solver: string;
  readonly problem: PlacementProblem;
  readonly options: Omit<SolverOptions, "onProgress" | "signal">;
  /** Where progress is told. */
  readonly port: MessagePort;
}

/** An {@link InputError} as it travels between threads, which would make a plain error of it. */
export interface Refusal {
  readonly status: "refused";
  readonly message: string;
  readonly advice: string | undefined;
}

/** Entry of a worker thread: solves one layer's problem. */
export default async function solveLayer({
  solver,
  problem,
  options,
  port,
}: LayerTask): Promise<Solution | Refusal> {
  const found = findSolver(solver);
  if (!found) throw new Error(`a worker was asked for the solver ${solver}, which does not exist`);
  try {
    return await found.solve(problem, {
      ...options,
      onProgress: (progress) => {
        port.postMessage(progress);
      },
    });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { status: "refused", message: error.message, advice: error.advice };
  } finally {
    port.close();
  }
}
