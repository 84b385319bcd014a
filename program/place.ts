import { availableParallelism } from "node:os";
import { placeTrace, type PlaceOutcome } from "../lib/flows/place.js";
import { poseFor, type PlacementRequest } from "../lib/flows/pose.js";
import type { Machine } from "../lib/hardware/machine.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver, type SolverProgress } from "../lib/placement/solver.js";
import type { LoadTrace } from "../lib/trace/load-trace.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { requireSolver } from "../solvers/index.js";
import { openLayerThreads } from "../solvers/threads/layer-threads.js";

/** What is asked of a placement, the machine it is for, and how it is to be found. */
export interface PlaceOptions extends PlacementRequest {
  readonly machine: Machine;
  /** Name of a solver, or one of your own, which runs in this thread; default auto. */
  readonly solver?: string | Solver;
  /** Default 1. */
  readonly seed?: number;
  /** Worker threads; the answer is the same for any number. Default as many as there are cores. */
  readonly threads?: number;
  /** A safety net, in milliseconds for all layers together; default none. */
  readonly timeLimitMs?: number;
  /** Once aborted, every layer answers with the best so far, `stoppedBy` "interrupt". */
  readonly signal?: AbortSignal;
  /** Told of every better placement or bound of a layer. */
  readonly onProgress?: (layer: number, progress: SolverProgress) => void;
}

/**
 * Places the experts of every layer of a trace, or of loads without tokens, on a machine: the main job.
 *
 * Prints nothing and never exits; where no placement exists, the status says so, and which layer and why.
 *
 * @throws InputError if what is asked contradicts itself.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * const outcome = await place(trace, { machine: target, solver: "louvain" });
 * outcome.placement.layers[0].cost; // 3.695
 */
export async function place(trace: RoutingTrace | LoadTrace, options: PlaceOptions): Promise<PlaceOutcome> {
  const {
    machine,
    solver = "auto",
    seed = 1,
    threads,
    timeLimitMs,
    signal,
    onProgress,
    ...request
  } = options;
  const numThreads = threads ?? availableParallelism();
  const pool = openLayerThreads({ numThreads });
  try {
    return await placeTrace(trace, {
      posing: poseFor(trace, machine, request),
      solver: pool.inThread(typeof solver === "string" ? requireSolver(solver) : solver),
      concurrency: numThreads,
      solverOptions: {
        ...DEFAULT_SOLVER_OPTIONS,
        seed,
        ...(signal && { signal }),
        ...(timeLimitMs !== undefined && { timeLimitMs }),
      },
      ...(onProgress && { onProgress }),
    });
  } finally {
    await pool.close();
  }
}
