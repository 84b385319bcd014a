import { availableParallelism } from "node:os";
import { Option, type Command } from "commander";
import { readBuild } from "../doors/flows.js";
import type { LayerQueue } from "../doors/queue.js";
import { openLayerThreads, rememberSolutions, type LayerThreads, type Solver } from "../doors/solvers.js";
import { openCheckpoint } from "./checkpoint.js";
import type { Terminal } from "./terminal.js";

/** How solvers run. */
export interface RunnerOptions {
  readonly queue?: string;
  readonly threads?: number;
  readonly checkpoint?: string;
  /** Whether what is solved is kept for who asks the same again; default only with a checkpoint. */
  readonly shares?: boolean;
}

/** Runs solvers elsewhere than in the thread of the command until it is closed; Ctrl-C cuts them short. */
export interface SolverRunner {
  /** The same solver, run in worker threads, and only where the checkpoint has no answer of it. */
  run(solver: Solver): Solver;
  /** Looks in worker threads for the best within some moves of a running placement. */
  readonly limitMoves: LayerThreads["limitMoves"];
  /** Layers that are solved at once. */
  readonly numAtOnce: number;
  /** Aborted once Ctrl-C was pressed. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** Where the password of a queue is taken from, unless its address has one. */
export const QUEUE_PASSWORD = "MOEPLACE_QUEUE_PASSWORD";

export function addQueueOption(command: Command, isRequired = false): Command {
  const option = new Option(
    "--queue <redis://...>",
    `solve layers by "moeplace worker" of this Redis; rediss:// for TLS, password also as ${QUEUE_PASSWORD}`,
  );
  return command.addOption(isRequired ? option.makeOptionMandatory() : option);
}

/** Layers that wait in a queue at once: each is held in memory here, too. */
const MOST_QUEUED = 512;

/** @param made All that decides what is computed, by name, where there is a checkpoint. */
export async function openRunner(
  { threads: asked, checkpoint: path, shares = false, queue: url }: RunnerOptions,
  terminal: Terminal,
  made: () => Readonly<Record<string, unknown>>,
): Promise<SolverRunner> {
  const checkpoint = path === undefined ? undefined : openCheckpoint(path, made());
  if (checkpoint && checkpoint.numKept > 0) {
    terminal.note(`${path}: goes on from ${checkpoint.numKept} finished layers`);
  }
  const store = checkpoint ?? (shares ? new Map() : undefined);
  const queue = url === undefined ? undefined : await openQueue(url, terminal);
  const interrupt = new AbortController();
  const onInterrupt = () => {
    terminal.note("interrupted: finishing with the best found so far; press Ctrl-C again to quit at once");
    interrupt.abort();
  };
  process.once("SIGINT", onInterrupt);
  process.once("SIGTERM", onInterrupt);
  const numThreads = asked ?? availableParallelism();
  const threads = openLayerThreads({
    numThreads,
    onNote: (line) => {
      terminal.note(line);
    },
  });
  // Jobs in hand are known to the solver that runs them: one of a name.
  const running = new Map<Solver, Solver>();
  const open = (solver: Solver) => {
    const elsewhere = queue ? queue.onQueue(solver) : threads.inThread(solver);
    return store ? rememberSolutions(elsewhere, store) : elsewhere;
  };
  return {
    run(solver) {
      const known = running.get(solver) ?? open(solver);
      running.set(solver, known);
      return known;
    },
    limitMoves: threads.limitMoves,
    numAtOnce: queue ? MOST_QUEUED : numThreads,
    signal: interrupt.signal,
    async close() {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onInterrupt);
      checkpoint?.close();
      await queue?.close();
      await threads.close();
    },
  };
}

async function openQueue(url: string, terminal: Terminal): Promise<LayerQueue> {
  // Loaded where there is a queue only.
  const { openLayerQueue } = await import("../doors/queue.js");
  let last = "";
  return openLayerQueue(url, {
    version: readBuild(),
    password: process.env[QUEUE_PASSWORD],
    onNote(line) {
      if (line !== last) terminal.note(line);
      last = line;
    },
  });
}
