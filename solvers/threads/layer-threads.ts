import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import type { Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { Solver, SolverProgress } from "../../lib/placement/solver.js";
import { contiguous } from "../contiguous.js";
import type { LayerTask } from "./layer-worker.js";

/** Worker threads that solve many layers at once; the answers are those that one thread would give. */
export interface LayerThreads {
  /** The same solver, run in a worker thread. */
  inThread(solver: Solver): Solver;
  /** Keeps threads without work for the next who opens as many; they never keep the process alive. */
  close(): Promise<void>;
}

/** Pools without work, by their number of threads: a thread takes half a second to start. */
const idle = new Map<number, Piscina>();

/** How long a thread waits for work before it ends. */
const IDLE_MS = 10_000;

/**
 * Opens worker threads for solvers of the solver table.
 *
 * @param options.interrupt Once aborted, solvers are killed and every layer answers with the best it has told of so
 *   far, or with the contiguous placement, `stoppedBy` "interrupt".
 *
 * @example
 * const threads = openLayerThreads({ numThreads: 2 });
 * const solution = await threads.inThread(exact).solve(problem, DEFAULT_SOLVER_OPTIONS);
 * await threads.close();
 */
export function openLayerThreads({
  numThreads,
  interrupt,
}: {
  numThreads: number;
  interrupt?: AbortSignal;
}): LayerThreads {
  const pool =
    idle.get(numThreads) ??
    new Piscina({
      filename: new URL("./layer-worker.js", import.meta.url).href,
      minThreads: 0,
      maxThreads: numThreads,
      idleTimeout: IDLE_MS,
      // Each thread takes one layer at a time; the solvers within start threads of their own.
      concurrentTasksPerWorker: 1,
    });
  idle.delete(numThreads);
  let numRunning = 0;
  return {
    inThread: (solver) => ({
      ...solver,
      async solve(problem, { onProgress, ...options }) {
        let best: SolverProgress | undefined;
        const { port1, port2 } = new MessageChannel();
        port1.on("message", (progress: SolverProgress) => {
          best = progress;
          onProgress?.(progress);
        });
        const task: LayerTask = { solver: solver.name, problem, options, port: port2 };
        numRunning++;
        try {
          return (await pool.run(task, {
            transferList: [port2],
            ...(interrupt && { signal: interrupt }),
          })) as Solution;
        } catch (error) {
          if (!interrupt?.aborted) throw error;
          return await bestSoFar(problem, best, options.seed);
        } finally {
          numRunning--;
          port1.close();
        }
      },
    }),
    async close() {
      if (numRunning > 0 || idle.has(numThreads)) await pool.destroy();
      else idle.set(numThreads, pool);
    },
  };
}

async function bestSoFar(
  problem: PlacementProblem,
  best: SolverProgress | undefined,
  seed: number,
): Promise<Solution> {
  if (best) return { status: "feasible", ...best, stoppedBy: "interrupt" };
  const backends = { columns: "highs", groups: "highs" } as const;
  const fallback = await contiguous.solve(problem, { seed, backends, timeLimitMs: 1000 });
  return "chiplets" in fallback ? { ...fallback, stoppedBy: "interrupt" } : fallback;
}
