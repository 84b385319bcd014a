import { availableParallelism } from "node:os";
import { placeTrace, type PlaceOutcome } from "../lib/flows/place.js";
import { poseFor, type PlacementRequest } from "../lib/flows/pose.js";
import type { Machine } from "../lib/hardware/machine.js";
import type { BackendChoice } from "../lib/placement/backend-choice.js";
import type { Placement } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver, type SolverProgress } from "../lib/placement/solver.js";
import type { LoadTrace } from "../lib/trace/load-trace.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { requireSolver } from "../solvers/index.js";
import { migrateFrom } from "../solvers/migration/migrate.js";
import { openLayerThreads } from "../solvers/threads/layer-threads.js";

/** What is asked of placements, the machine they are for, and how they are to be found. */
export interface PlacingOptions extends PlacementRequest {
  readonly machine: Machine;
  /** Default 1. */
  readonly seed?: number;
  /** Which MILP solver solves which integer programme; default HiGHS both. */
  readonly backends?: BackendChoice;
  /** Worker threads; the answer is the same for any number. Default as many as there are cores. */
  readonly threads?: number;
  /** A safety net, in milliseconds for all layers together; default none. */
  readonly timeLimitMs?: number;
  /** Once aborted, every layer answers with the best so far, `stoppedBy` "interrupt". */
  readonly signal?: AbortSignal;
  /** Told of every better placement or bound of a layer. */
  readonly onProgress?: (layer: number, progress: SolverProgress) => void;
}

/** A running placement, and how many experts of a layer may move away from it. */
export interface Running {
  readonly from: Placement;
  readonly maxMoves: number;
}

/** Places a trace by a solver, by name or of one's own, which runs in this thread. */
export type Placing = (
  trace: RoutingTrace | LoadTrace,
  solver: string | Solver,
  running?: Running,
) => Promise<PlaceOutcome>;

/** Does something that places traces, with worker threads that end with it. */
export async function withThreads<Result>(
  { machine, seed, backends, threads, timeLimitMs, signal, onProgress, ...request }: PlacingOptions,
  work: (place: Placing) => Promise<Result>,
): Promise<Result> {
  const numThreads = threads ?? availableParallelism();
  const pool = openLayerThreads({ numThreads });
  const place: Placing = (trace, solver, running) => {
    const threaded = pool.inThread(typeof solver === "string" ? requireSolver(solver) : solver);
    return placeTrace(trace, {
      posing: poseFor(trace, machine, request),
      solver: running
        ? migrateFrom(threaded, running.from, running.maxMoves, { limit: pool.limitMoves })
        : threaded,
      // Where moves are counted, the numbers are those of the running placement.
      keepsNumbers: running !== undefined && running.maxMoves < Infinity,
      concurrency: numThreads,
      solverOptions: {
        ...DEFAULT_SOLVER_OPTIONS,
        ...(seed !== undefined && { seed }),
        ...(backends && { backends }),
        ...(signal && { signal }),
        ...(timeLimitMs !== undefined && { timeLimitMs }),
      },
      ...(onProgress && { onProgress }),
    });
  };
  return work(place).finally(() => pool.close());
}
