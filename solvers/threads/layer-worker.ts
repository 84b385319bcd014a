import type { MessagePort } from "node:worker_threads";
import { InputError } from "../../lib/errors.js";
import type { Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions, SolverProgress } from "../../lib/placement/solver.js";
import { findSolver } from "../index.js";
import { limitMoves, type LimitMovesOptions } from "../migration/limit-moves.js";

/** What is done with a layer: a solver of the solver table solves it, or a running placement of it is moved. */
export type LayerWork =
  | { readonly kind: "solve"; readonly solver: string; readonly options: Sent<SolverOptions> }
  | { readonly kind: "limitMoves"; readonly options: Sent<LimitMovesOptions> };

/** What of options travels between threads. */
export type Sent<Options> = Omit<Options, "onProgress" | "signal">;

/** One layer to place in a worker thread. */
export interface LayerTask {
  readonly work: LayerWork;
  readonly problem: PlacementProblem;
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
export default async function solveLayer({ work, problem, port }: LayerTask): Promise<Solution | Refusal> {
  const onProgress = (progress: SolverProgress) => {
    port.postMessage(progress);
  };
  try {
    if (work.kind === "limitMoves") return await limitMoves(problem, { ...work.options, onProgress });
    const found = findSolver(work.solver);
    if (!found) throw new Error(`a worker was asked for the solver ${work.solver}, which does not exist`);
    return await found.solve(problem, { ...work.options, onProgress });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { status: "refused", message: error.message, advice: error.advice };
  } finally {
    port.close();
  }
}
