import { InputError } from "../../lib/errors.js";
import { findSolver } from "../index.js";
import { toWire } from "../jobs/wire.js";
import { openLayerThreads } from "../threads/layer-threads.js";
import { cleanQueues } from "./clean-queues.js";
import { unpackJob, type PackedJob } from "./packed-job.js";
import { KEY_PREFIX, loadQueueLibraries, openRedisLink, queueNameOf, type Party } from "./redis-link.js";

/** Options of {@link openQueueWorker}. */
export interface QueueWorkerOptions extends Party {
  /** Layers that are solved at once, a thread each. */
  readonly numThreads: number;
  /** A worker that has shown no sign of life for so long has lost its jobs to others; default 15,000. */
  readonly lockMs?: number;
  /** Told of every layer that is done or has failed. */
  readonly onJob?: (line: string) => void;
}

/** Works for the queue until it is closed. */
export interface QueueWorker {
  /** Takes no more jobs, and ends when those at work are done; at once where the Redis is away. */
  close(): Promise<void>;
}

/** A job that was at work where so many workers died is given up, and its submitter told. */
const MOST_DEATHS = 2;

/**
 * Solves layers of the queue of a Redis, as many at once as it has threads.
 *
 * A layer whose worker dies goes back to the queue. A job that cannot be read, or whose solver throws, fails, and the worker
 * goes on with the next.
 *
 * @throws InputError if there is no such Redis, or all who wait there are of another version.
 */
export async function openQueueWorker(url: string, options: QueueWorkerOptions): Promise<QueueWorker> {
  const { version, numThreads, lockMs = 15_000, onJob } = options;
  const { Worker } = await loadQueueLibraries();
  const link = await openRedisLink(url, "worker", options);
  const submitters = await link.count("submitter");
  if (submitters.size > 0 && !submitters.has(version)) {
    await link.close();
    throw new InputError(
      `queue: found runs of version ${[...submitters.keys()].sort().join(", ")} waiting, expected ${version}`,
      "Maybe install the same version of moeplace on all machines.",
    );
  }
  await cleanQueues(link).catch(() => undefined);
  const threads = openLayerThreads({ numThreads, ...(options.onNote && { onNote: options.onNote }) });
  const worker = new Worker<PackedJob, string | null>(
    queueNameOf(options),
    async ({ data }) => {
      if (!(await link.isThere("submitter", version, data.submitter))) return null;
      const { solver: name, problem, options: solverOptions } = unpackJob(data.job);
      const solver = findSolver(name);
      if (solver === undefined) throw new Error(`found the solver ${name}, expected one of the solver table`);
      const begin = performance.now();
      const solution = await threads.inThread(solver).solve(problem, solverOptions);
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      onJob?.(`${name}, layer ${problem.layer}: ${solution.status} in ${seconds} s`);
      return toWire(solution);
    },
    {
      connection: link.connection,
      prefix: KEY_PREFIX,
      concurrency: numThreads,
      lockDuration: lockMs,
      stalledInterval: Math.max(500, lockMs / 3),
      maxStalledCount: MOST_DEATHS,
      drainDelay: 2,
    },
  );
  worker.on("error", () => undefined);
  worker.on("failed", (job, error) => {
    onJob?.(`job ${job?.id ?? "unknown"} failed: ${error.message}`);
  });
  options.onNote?.(`works for ${link.address.name} as version ${version}, ${numThreads} layers at once`);
  return {
    async close() {
      // Nothing can be handed in to a Redis that is away: others do what is at work again.
      await worker.close(link.isAway());
      await threads.close();
      await link.close();
    },
  };
}
