import { availableParallelism } from "node:os";
import { placeTrace, type PlaceOutcome, type PosingOptions } from "../lib/flows/place.js";
import type { Machine } from "../lib/hardware/machine.js";
import { expertBytes } from "../lib/hardware/model-shapes.js";
import { groupCapacity } from "../lib/performance/memory.js";
import type { Objective } from "../lib/placement/objective.js";
import { DEFAULT_SOLVER_OPTIONS, type SolverProgress } from "../lib/placement/solver.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { requireSolver } from "../solvers/index.js";
import { openLayerThreads } from "../solvers/threads/layer-threads.js";

/** What is asked of a placement, besides the machine it is for. */
export interface PlaceOptions extends Pick<
  PosingOptions,
  | "slotsPerChiplet"
  | "numReplicas"
  | "dispatch"
  | "maxLoad"
  | "chipletTokenShare"
  | "groupTokenShare"
  | "pins"
  | "antiAffinity"
> {
  readonly machine: Machine;
  /** Name of a solver; default auto. */
  readonly solver?: string;
  /** Default traffic. */
  readonly objective?: Objective["minimise"];
  /** Default 1. */
  readonly seed?: number;
  /** Worker threads; the answer is the same for any number. Default as many as there are cores. */
  readonly threads?: number;
  /** A safety net, in milliseconds for one layer; default none. */
  readonly timeLimitMs?: number;
  /** Once aborted, every layer answers with the best so far, `stoppedBy` "interrupt". */
  readonly signal?: AbortSignal;
  /** Told of every better placement or bound of a layer. */
  readonly onProgress?: (layer: number, progress: SolverProgress) => void;
}

/**
 * Places the experts of every layer of a trace on a machine: the main job.
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
export async function place(trace: RoutingTrace, options: PlaceOptions): Promise<PlaceOutcome> {
  const { machine, solver = "auto", objective = "traffic", seed = 1, threads, onProgress, ...rest } = options;
  const { signal, timeLimitMs, ...asked } = rest;
  const { hardware, shape } = machine;
  const pool = openLayerThreads({ numThreads: threads ?? availableParallelism() });
  try {
    return await placeTrace(trace, {
      posing: {
        ...asked,
        numChiplets: hardware.numGroups * hardware.chipletsPerGroup,
        numGroups: hardware.numGroups,
        expertBytes: new Float64Array(trace.numExperts).fill(expertBytes(shape)),
        groupBytes: groupCapacity(hardware, shape).groupBytes,
        objective: objective === "time" ? { minimise: objective, machine } : { minimise: objective },
      },
      solver: pool.inThread(requireSolver(solver)),
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
