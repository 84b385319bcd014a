import { Worker } from "node:worker_threads";
import { LONGEST_TIMER_MS } from "../../lib/placement/solver.js";
import type { BackendClaim } from "./backend.js";
import type { MilpRequest } from "./milp-worker.js";

/** Workers without work, kept because a start costs a quarter of a second. They never keep the process alive. */
const idle: Worker[] = [];

/**
 * Has a worker thread solve a model, and kills it where it overstays.
 *
 * Neither backend can be interrupted from outside once it computes, and one of them may never return.
 *
 * @param killAfterMs `Infinity` to wait for ever.
 */
export async function solveInWorker(request: MilpRequest, killAfterMs: number): Promise<BackendClaim> {
  const worker = idle.pop() ?? new Worker(new URL("./milp-worker.js", import.meta.url));
  worker.removeAllListeners();
  worker.ref();
  const claim = await answerOf(worker, request, killAfterMs);
  // A backend that failed may have corrupted or exhausted its memory: only what answered well is kept.
  if (claim.kind === "nothing") {
    void worker.terminate();
  } else {
    worker.once("exit", () => idle.splice(idle.indexOf(worker), 1));
    worker.unref();
    idle.push(worker);
  }
  return claim;
}

function answerOf(worker: Worker, request: MilpRequest, killAfterMs: number): Promise<BackendClaim> {
  return new Promise((resolve) => {
    const timer =
      killAfterMs === Infinity
        ? undefined
        : setTimeout(
            () => {
              settle({ kind: "nothing", reason: `${request.backend} was stopped by the time limit` });
            },
            Math.min(LONGEST_TIMER_MS, killAfterMs),
          );
    const settle = (claim: BackendClaim) => {
      clearTimeout(timer);
      worker.removeAllListeners();
      // A worker killed while it computes may still complain.
      worker.on("error", () => undefined);
      resolve(claim);
    };
    worker.on("message", settle);
    worker.on("error", (error: Error) => {
      settle({ kind: "nothing", reason: `${request.backend} failed: ${error.message}` });
    });
    worker.on("exit", () => {
      settle({ kind: "nothing", reason: `${request.backend} failed: its thread ended` });
    });
    worker.postMessage(request);
  });
}
