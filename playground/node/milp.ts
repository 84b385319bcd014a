import type { BackendClaim } from "../../solvers/milp/backend.js";
import { solveByHighs } from "../../solvers/milp/highs.js";
import { solveByJavascriptLpSolver } from "../../solvers/milp/javascript-lp-solver.js";
import type { MilpRequest } from "../../solvers/milp/milp-worker.js";

/** Solves a model in this thread, which is a worker's already. */
export async function solveInWorker({ backend, model, options }: MilpRequest): Promise<BackendClaim> {
  const solve = backend === "highs" ? solveByHighs : solveByJavascriptLpSolver;
  try {
    return await solve(model, options);
  } catch (error) {
    return { kind: "nothing", reason: `${backend} failed: ${(error as Error).message}` };
  }
}
