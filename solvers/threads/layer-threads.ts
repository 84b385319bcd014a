import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { Piscina } from "piscina";
import { InputError } from "../../lib/errors.js";
import type { Solution, StoppedBy } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import {
  LONGEST_TIMER_MS,
  type Solver,
  type SolverOptions,
  type SolverProgress,
} from "../../lib/placement/solver.js";
import { findSolver } from "../index.js";
import { quickMoves, type limitMoves } from "../migration/limit-moves.js";
import { quickAnswer, type CutOff } from "../objectives/quick-answer.js";
import type { LayerTask, LayerWork, Refusal, Sent } from "./layer-worker.js";

/** Worker threads that solve many layers at once; the answers are those that one thread would give. */
export interface LayerThreads {
  /** Layers that are solved at once. */
  readonly numThreads: number;
  /**
   * The same solver, run in a worker thread; a solver that is not of the solver table runs in this thread.
   *
   * A solver is cut off once `signal` is aborted, or where it outstays `timeLimitMs`: it answers with what
   * `quickAnswer` makes of the best it has told of so far, and `stoppedBy` says so. Where its thread dies, out of memory for
   * instance, it is begun once more in another one; where that dies too, it is answered likewise.
   */
  inThread(solver: Solver): Solver;
  /** `limitMoves` in a worker thread, cut off and begun again likewise; what it answers then is what `quickMoves` makes. */
  readonly limitMoves: typeof limitMoves;
  /** Keeps threads without work for the next who opens as many; they never keep the process alive. */
  close(): Promise<void>;
}

/** Share of its time limit after which a solver is to come to an end by itself, and what it has for that at least. */
const SOFT_SHARE = 0.8;
const SHORTEST_GRACE_MS = 200;

/** With less time a solver is not begun: to stop its thread, and to start another, would take longer. */
const SHORTEST_MS = 20;

/** Pools without work, by their number of threads: a thread takes half a second to start. */
const idle = new Map<number, Piscina>();

/** How long a thread waits for work before it ends. */
const IDLE_MS = 10_000;

/**
 * Opens worker threads for solvers of the solver table.
 *
 * @example
 * const threads = openLayerThreads({ numThreads: 2 });
 * const solution = await threads.inThread(exact).solve(problem, DEFAULT_SOLVER_OPTIONS);
 * await threads.close();
 */
export function openLayerThreads({
  numThreads,
  onNote,
}: {
  numThreads: number;
  /** Told in a line what became of a thread that died. */
  onNote?: (line: string) => void;
}): LayerThreads {
  const pool = idle.get(numThreads) ?? openPool(numThreads);
  idle.delete(numThreads);
  let numRunning = 0;
  const runCutOff = async <Given extends CutOffOptions>(
    problem: PlacementProblem,
    { onProgress, signal, ...options }: Given,
    { work, quickly }: Cuttable<Given>,
  ): Promise<Solution> => {
    const { timeLimitMs = Infinity } = options;
    let best: SolverProgress | undefined;
    const answerAtOnce = (stoppedBy: StoppedBy) => quickly({ best, stoppedBy });
    const cutOff = openCutOff(signal, timeLimitMs);
    const runOnce = async (): Promise<Solution> => {
      const { port1, port2 } = new MessageChannel();
      const hear = (message: SolverProgress) => {
        best = message;
        onProgress?.(message);
      };
      port1.on("message", hear);
      const softLimit = timeLimitMs === Infinity ? {} : { timeLimitMs: SOFT_SHARE * timeLimitMs };
      const task = { work: work({ ...options, ...softLimit }), problem, port: port2 };
      try {
        const answer = await runIn(pool, task, cutOff.signal);
        if (answer.status === "refused") throw new InputError(answer.message, answer.advice);
        return answer;
      } finally {
        // The answer may overtake what was told before it.
        for (let told = receiveMessageOnPort(port1); told; told = receiveMessageOnPort(port1)) {
          hear(told.message as SolverProgress);
        }
        port1.close();
      }
    };
    numRunning++;
    try {
      if (signal?.aborted) return await answerAtOnce("interrupt");
      if (timeLimitMs < SHORTEST_MS) return await answerAtOnce("time limit");
      const answer = await runOnce().catch((error: unknown) => {
        if (cutOff.signal.aborted || !(error instanceof LostThread)) throw error;
        onNote?.(`a thread was lost (${error.message}): its layer is begun again in another one`);
        return runOnce();
      });
      // A time limit cuts the search, and never leaves less than what is answered at once.
      const isEmpty = answer.status === "undecided" && timeLimitMs < Infinity;
      return isEmpty ? await answerAtOnce("time limit") : answer;
    } catch (error) {
      if (cutOff.signal.aborted) return await answerAtOnce(signal?.aborted ? "interrupt" : "time limit");
      if (!(error instanceof LostThread)) throw error;
      onNote?.(`a thread was lost again (${error.message}): its layer has the best that is known`);
      return await answerAtOnce("lost thread");
    } finally {
      numRunning--;
      cutOff.close();
    }
  };
  return {
    numThreads,
    inThread: (solver) => {
      if (findSolver(solver.name) === solver)
        return {
          ...solver,
          solve: (problem, options) =>
            runCutOff(problem, options, {
              work: (sent) => ({ kind: "solve", solver: solver.name, options: sent }),
              quickly: (cut) => quickAnswer(problem, { ...cut, options }),
            }),
        };
      return {
        ...solver,
        solve: (problem, options) =>
          options.signal?.aborted
            ? quickAnswer(problem, { best: undefined, options, stoppedBy: "interrupt" })
            : solver.solve(problem, options),
      };
    },
    limitMoves: (problem, options) =>
      runCutOff(problem, options, {
        work: (sent) => ({ kind: "limitMoves", options: sent }),
        quickly: (cut) => quickMoves(problem, options, cut),
      }),
    async close() {
      if (numRunning > 0 || idle.has(numThreads)) await pool.destroy();
      else idle.set(numThreads, pool);
    },
  };
}

/** What of options is heard here rather than in the thread. */
type CutOffOptions = Pick<SolverOptions, "onProgress" | "signal" | "timeLimitMs">;

/** Work for a thread that can be cut off at any time. */
interface Cuttable<Given> {
  readonly work: (options: Sent<Given>) => LayerWork;
  /** What is answered in its place. */
  readonly quickly: (cut: Pick<CutOff, "best" | "stoppedBy">) => Promise<Solution>;
}

function openPool(numThreads: number): Piscina {
  const pool = new Piscina({
    filename: new URL("./layer-worker.js", import.meta.url).href,
    minThreads: 0,
    maxThreads: numThreads,
    idleTimeout: IDLE_MS,
    // Each thread takes one layer at a time; the solvers within start threads of their own.
    concurrentTasksPerWorker: 1,
  });
  // Of threads that die without a layer; who waits for one listens itself.
  pool.on("error", () => undefined);
  // One for every layer that waits.
  pool.setMaxListeners(0);
  return pool;
}

/** A thread that died, rather than what it ran threw. */
class LostThread extends Error {}

/** @throws LostThread where the thread dies, or none can be started, of which the pool tells nobody who waits. */
async function runIn(pool: Piscina, task: LayerTask, signal: AbortSignal): Promise<Solution | Refusal> {
  const lost = new AbortController();
  const onLost = (error: Error) => {
    lost.abort(new LostThread(error.message));
  };
  pool.on("error", onLost);
  try {
    const running = pool.run(task, {
      transferList: [task.port],
      signal: AbortSignal.any([signal, lost.signal]),
    });
    return (await running) as Solution | Refusal;
  } catch (error) {
    if (signal.aborted) throw error;
    lost.signal.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    const isLost = code === "ERR_WORKER_OUT_OF_MEMORY" || message.startsWith("worker exited with code");
    throw isLost ? new LostThread(message) : error;
  } finally {
    pool.off("error", onLost);
  }
}

/** A signal that is aborted with another one, or when the time has run out, a thread's start and its wait for one included. */
function openCutOff(signal: AbortSignal | undefined, timeLimitMs = Infinity) {
  const controller = new AbortController();
  const abort = () => {
    controller.abort();
  };
  const clock =
    timeLimitMs === Infinity
      ? undefined
      : setTimeout(
          abort,
          Math.min(LONGEST_TIMER_MS, Math.max(timeLimitMs, SOFT_SHARE * timeLimitMs + SHORTEST_GRACE_MS)),
        );
  signal?.addEventListener("abort", abort);
  return {
    signal: controller.signal,
    close() {
      clearTimeout(clock);
      signal?.removeEventListener("abort", abort);
    },
  };
}
