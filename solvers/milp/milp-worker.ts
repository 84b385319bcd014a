import { parentPort } from "node:worker_threads";
import type { BackendName } from "../../lib/placement/backend-choice.js";
import type { Backend, BackendClaim, BackendOptions } from "./backend.js";
import { solveByHighs } from "./highs.js";
import { solveByJavascriptLpSolver } from "./javascript-lp-solver.js";
import type { MilpModel } from "./milp-model.js";

/** One model to solve. */
export interface MilpRequest {
  readonly backend: BackendName;
  readonly model: MilpModel;
  readonly options: BackendOptions;
}

const backends: Record<BackendName, Backend> = {
  highs: solveByHighs,
  "javascript-lp-solver": solveByJavascriptLpSolver,
};

parentPort?.on("message", ({ backend, model, options }: MilpRequest) => {
  void backends[backend](model, options)
    .catch((error: unknown): BackendClaim => ({
      kind: "nothing",
      reason: `${backend} failed: ${String(error)}`,
    }))
    .then((claim) => {
      parentPort?.postMessage(claim);
    });
});
