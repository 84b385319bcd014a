import { KEY_PREFIX, loadQueueLibraries, queuedVersions, queueNameOf, type RedisLink } from "./redis-link.js";
import type { PackedJob } from "./packed-job.js";

/** How long results are kept whose submitter has gone. */
export const KEEP_SECONDS = 3600;
/** Jobs that are looked at, or results removed, at once. */
const AT_ONCE = 1000;

/**
 * Removes what nobody will ask for any more: queues of builds of which no process is there, jobs that wait for a submitter
 * who has gone, and answers that were not fetched. Whoever comes to a Redis does so once.
 *
 * A submitter that was only out of reach hands in again what is missing.
 */
export async function cleanQueues(link: RedisLink): Promise<void> {
  const { Queue } = await loadQueueLibraries();
  const { connection } = link;
  const [workers, submitters] = [await link.count("worker"), await link.count("submitter")];
  for (const version of await queuedVersions(link)) {
    const queue = new Queue<PackedJob>(queueNameOf({ version }), { connection, prefix: KEY_PREFIX });
    queue.on("error", () => undefined);
    try {
      if (!workers.has(version) && !submitters.has(version)) {
        await queue.obliterate({ force: true });
        continue;
      }
      for (const job of await queue.getWaiting(0, AT_ONCE - 1)) {
        if (!(await link.isThere("submitter", version, job.data.submitter))) await job.remove();
      }
      for (const kind of ["completed", "failed"] as const) {
        await queue.clean(1000 * KEEP_SECONDS, AT_ONCE, kind);
      }
    } finally {
      await queue.close();
    }
  }
}
