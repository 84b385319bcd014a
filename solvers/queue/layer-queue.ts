import type { Queue } from "bullmq";
import { InputError } from "../../lib/errors.js";
import type { Solution } from "../../lib/placement/placement.js";
import type { Solver, SolverOptions } from "../../lib/placement/solver.js";
import { findSolver } from "../index.js";
import type { JobOptions } from "../jobs/solve-job.js";
import { fromWire } from "../jobs/wire.js";
import { quickAnswer } from "../objectives/quick-answer.js";
import { cleanQueues, KEEP_SECONDS } from "./clean-queues.js";
import { packJob, type PackedJob } from "./packed-job.js";
import {
  KEY_PREFIX,
  loadQueueLibraries,
  openRedisLink,
  queueNameOf,
  type Party,
  type RedisLink,
} from "./redis-link.js";

/** Hands layers to workers elsewhere, until it is closed; the answers are those that this machine would give. */
export interface LayerQueue {
  /** The same solver, run by whichever worker takes the layer; one that is not of the solver table runs here. */
  onQueue(solver: Solver): Solver;
  close(): Promise<void>;
}

/** How often the queue is asked after jobs of which no event has told. */
const CHECK_EVERY_MS = 2000;

interface Pending {
  readonly packed: PackedJob;
  readonly settle: (solution: Solution | Error) => void;
}

/**
 * Opens the queue of a Redis for layers to be solved.
 *
 * A job is in Redis from when it is asked for until its answer has been read. What Redis forgets, as one does that restarts
 * without having saved, is handed in again. Jobs are known by this process alone: others of the same queue have theirs.
 *
 * @throws InputError if there is no such Redis, or there are workers and all are of another version.
 *
 * @example
 * const solveElsewhere = async (url) => {
 *   const queue = await openLayerQueue(url, { version: "0.1.0" }); // redis://localhost, say
 *   const solution = await queue.onQueue(exact).solve(problem, DEFAULT_SOLVER_OPTIONS);
 *   await queue.close();
 *   return solution;
 * };
 */
export async function openLayerQueue(url: string, party: Party): Promise<LayerQueue> {
  const { Queue: BullQueue, QueueEvents } = await loadQueueLibraries();
  const link = await openRedisLink(url, "submitter", party);
  const refusal = await refusalOf(link, party);
  if (refusal !== undefined) {
    await link.close();
    throw refusal;
  }
  await cleanQueues(link).catch(() => undefined);
  const settings = { connection: link.connection, prefix: KEY_PREFIX };
  const queue: Queue<PackedJob> = new BullQueue(queueNameOf(party), settings);
  const events = new QueueEvents(queueNameOf(party), settings);
  // Connections come back by themselves; until they do, jobs wait.
  queue.on("error", () => undefined);
  events.on("error", () => undefined);
  const pending = new Map<string, Pending>();

  const add = (id: string, packed: PackedJob) =>
    queue.add("layer", packed, {
      jobId: id,
      removeOnComplete: { age: KEEP_SECONDS },
      removeOnFail: { age: KEEP_SECONDS },
    });
  const look = async (id: string) => {
    const waiting = pending.get(id);
    if (waiting === undefined) return;
    const job = await queue.getJob(id);
    const state = await job?.getState();
    // Another look may have been quicker.
    if (!pending.has(id)) return;
    const value: unknown = job?.returnvalue;
    if (state === "failed") {
      pending.delete(id);
      waiting.settle(new Error(`a worker failed: ${job?.failedReason ?? "unknown"}`));
    } else if (state === "completed" && typeof value === "string") {
      pending.delete(id);
      waiting.settle(fromWire(value) as Solution);
    } else if (job === undefined || state === "unknown" || state === "completed") {
      // Redis has forgotten it, or a worker took this process for gone.
      await job?.remove();
      await add(id, waiting.packed);
      return;
    } else return;
    await job?.remove();
  };
  const lookSafely = (id: string) => void look(id).catch(() => undefined);
  events.on("completed", ({ jobId }) => {
    lookSafely(jobId);
  });
  events.on("failed", ({ jobId }) => {
    lookSafely(jobId);
  });
  const clock = setInterval(() => {
    for (const id of pending.keys()) lookSafely(id);
    void checkWorkers().catch(() => undefined);
  }, CHECK_EVERY_MS);
  const checkWorkers = async () => {
    if (pending.size === 0) return;
    const error = await refusalOf(link, party);
    if (error === undefined) return;
    for (const [id, { settle }] of pending) {
      pending.delete(id);
      await queue.remove(id);
      settle(error);
    }
  };

  let numJobs = 0;
  const solve =
    (solver: Solver): Solver["solve"] =>
    async (problem, { signal, ...given }) => {
      const options = withoutProgress(given);
      const interrupted = () => quickAnswer(problem, { best: undefined, options, stoppedBy: "interrupt" });
      if (signal?.aborted) return interrupted();
      const id = `${link.id}-${numJobs++}`;
      const packed = { submitter: link.id, job: packJob({ solver: solver.name, problem, options }) };
      return new Promise<Solution>((resolve, reject) => {
        const onAbort = () => {
          pending.delete(id);
          // One at work runs on; nobody waits for it any more.
          queue.remove(id).catch(() => undefined);
          interrupted().then(resolve, reject);
        };
        signal?.addEventListener("abort", onAbort);
        pending.set(id, {
          packed,
          settle(solution) {
            signal?.removeEventListener("abort", onAbort);
            if (!(solution instanceof Error)) resolve(solution);
            else if (solution instanceof InputError) reject(solution);
            else reject(new Error(`${solver.name}, layer ${problem.layer}: ${solution.message}`));
          },
        });
        add(id, packed).catch(() => undefined);
      });
    };
  return {
    onQueue: (solver) => (findSolver(solver.name) === solver ? { ...solver, solve: solve(solver) } : solver),
    async close() {
      clearInterval(clock);
      if (link.isAway()) {
        // Their promises wait for the end of connections that there are not: nobody waits for them.
        for (const done of [queue.disconnect(), events.close()]) done.catch(() => undefined);
      } else {
        for (const id of pending.keys()) await queue.remove(id).catch(() => undefined);
        await Promise.all([queue.close(), events.close()]).catch(() => undefined);
      }
      await link.close();
    },
  };
}

/** Progress does not travel. */
function withoutProgress(given: SolverOptions): JobOptions {
  const options = { ...given };
  delete options.onProgress;
  return options;
}

/** Why nobody who is there can do the work. */
async function refusalOf(link: RedisLink, { version, onNote }: Party): Promise<InputError | undefined> {
  const workers = await link.count("worker");
  if (workers.has(version)) return undefined;
  if (workers.size === 0) {
    onNote?.(`queue: no worker is there yet; waits for "moeplace worker" of version ${version}`);
    return undefined;
  }
  return new InputError(
    `queue: found workers of version ${[...workers.keys()].sort().join(", ")}, expected ${version}`,
    "Maybe install the same version of moeplace on all machines.",
  );
}
