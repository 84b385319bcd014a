import { availableParallelism } from "node:os";
import { openLayerThreads, rememberSolutions, type Solver } from "../doors/solvers.js";
import { openCheckpoint } from "./checkpoint.js";
import type { Terminal } from "./terminal.js";

/** How solvers run. */
export interface RunnerOptions {
  readonly threads?: number;
  readonly checkpoint?: string;
  /** Whether what is solved is kept for who asks the same again; default only with a checkpoint. */
  readonly shares?: boolean;
}

/** Runs solvers elsewhere than in the thread of the command until it is closed; Ctrl-C cuts them short. */
export interface SolverRunner {
  /** The same solver, run in worker threads, and only where the checkpoint has no answer of it. */
  run(solver: Solver): Solver;
  /** Layers that are solved at once. */
  readonly numThreads: number;
  /** Aborted once Ctrl-C was pressed. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** @param made All that decides what is computed, by name, where there is a checkpoint. */
export function openRunner(
  { threads: asked, checkpoint: path, shares = false }: RunnerOptions,
  terminal: Terminal,
  made: () => Readonly<Record<string, unknown>>,
): SolverRunner {
  const checkpoint = path === undefined ? undefined : openCheckpoint(path, made());
  if (checkpoint && checkpoint.numKept > 0) {
    terminal.note(`${path}: goes on from ${checkpoint.numKept} finished layers`);
  }
  const store = checkpoint ?? (shares ? new Map() : undefined);
  const interrupt = new AbortController();
  const onInterrupt = () => {
    terminal.note("interrupted: finishing with the best found so far; press Ctrl-C again to quit at once");
    interrupt.abort();
  };
  process.once("SIGINT", onInterrupt);
  process.once("SIGTERM", onInterrupt);
  const numThreads = asked ?? availableParallelism();
  const threads = openLayerThreads({ numThreads });
  // Jobs in hand are known to the solver that runs them: one of a name.
  const running = new Map<Solver, Solver>();
  const open = (solver: Solver) => {
    const inThread = threads.inThread(solver);
    return store ? rememberSolutions(inThread, store) : inThread;
  };
  return {
    run(solver) {
      const known = running.get(solver) ?? open(solver);
      running.set(solver, known);
      return known;
    },
    numThreads,
    signal: interrupt.signal,
    close() {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onInterrupt);
      checkpoint?.close();
      return threads.close();
    },
  };
}
