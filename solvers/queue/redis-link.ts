import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { InputError } from "../../lib/errors.js";
import { parseRedisUrl, type RedisAddress } from "./redis-url.js";

/** Who takes part in a queue. */
export interface Party {
  /** Build of moeplace: only equal ones work for each other. */
  readonly version: string;
  /** Default as in the address. */
  readonly password?: string | undefined;
  /** Told what is worth knowing, for people. */
  readonly onNote?: (line: string) => void;
}

/** A connection to the Redis of a queue, on which this process shows that it is there. */
export interface RedisLink {
  readonly address: RedisAddress;
  /** Of connections that wait for a Redis that is away, however long that takes, and until this one is closed. */
  readonly connection: RedisAddress["connection"] & Patience;
  /** Of this process. */
  readonly id: string;
  readonly redis: Redis;
  /** How many of a kind are there now, by version. */
  count(kind: PartyKind): Promise<Map<string, number>>;
  /** Whether a process of a kind is there. */
  isThere(kind: PartyKind, version: string, id: string): Promise<boolean>;
  /** Whether the connection is lost and not yet back: what is asked of the Redis then waits. */
  isAway(): boolean;
  close(): Promise<void>;
}

/** Settings of a connection. */
interface Patience {
  readonly maxRetriesPerRequest: null;
  readonly retryStrategy: (times: number) => number | null;
}

type PartyKind = "submitter" | "worker";

/** All that moeplace keeps in Redis is below this name. */
export const KEY_PREFIX = "moeplace";

/** Whoever has shown no sign of life for so long is gone. */
const GONE_SECONDS = 20;
const SIGN_EVERY_MS = 4000;
/** How long a Redis that is to be there may take to answer. */
const CONNECT_MS = 8000;

/** The libraries of the queue; loaded where there is a queue only. */
export async function loadQueueLibraries() {
  try {
    const [bullmq, ioredis] = await Promise.all([import("bullmq"), import("ioredis")]);
    const { Queue, QueueEvents, Worker } = bullmq;
    return { Queue, QueueEvents, Worker, Redis: ioredis.Redis };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new InputError(
      "queue: found no bullmq and ioredis, expected them installed",
      "Maybe run npm install bullmq ioredis, as moeplace was installed.",
    );
  }
}

/** What the system calls a network, or a Redis, that may come back. Passwords and certificates get no better. */
const MAY_PASS = /^(ECONN|EHOST|ENET|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT)/;

/**
 * Connects, and goes on showing that this process is there. A worker waits for its Redis for as long as it takes.
 *
 * @throws InputError if nothing answers a submitter, or who asks is refused.
 */
export async function openRedisLink(url: string, kind: PartyKind, party: Party): Promise<RedisLink> {
  const { Redis } = await loadQueueLibraries();
  const address = parseRedisUrl(url, party.password);
  let isClosed = false;
  const connection = {
    ...address.connection,
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => (isClosed ? null : Math.min(2000, 100 * times)),
  };
  const redis = new Redis({ ...connection, lazyConnect: true });
  const id = randomUUID();
  const keyOf = (someKind: PartyKind, version: string, someId: string) =>
    `${KEY_PREFIX}:${someKind}:${version}:${someId}`;
  const show = () => redis.set(keyOf(kind, party.version, id), Date.now(), "EX", GONE_SECONDS);
  const outages = tellOutages(redis, { ...party, kind, name: address.name });
  try {
    const shown = Promise.race([show(), outages.refused]);
    await (kind === "worker" ? shown : within(CONNECT_MS, shown));
  } catch (error) {
    outages.end();
    redis.disconnect();
    throw new InputError(`queue: ${address.name}: found no Redis that lets us in (${reasonOf(error)})`);
  }
  const clock = setInterval(() => void show().catch(() => undefined), SIGN_EVERY_MS);
  return {
    address,
    connection,
    id,
    redis,
    async count(wanted) {
      const counts = new Map<string, number>();
      for await (const keys of redis.scanStream({ match: `${KEY_PREFIX}:${wanted}:*`, count: 1000 })) {
        for (const key of keys as string[]) {
          const version = key.split(":")[2];
          counts.set(version, (counts.get(version) ?? 0) + 1);
        }
      }
      return counts;
    },
    isThere: async (wanted, version, someId) => (await redis.exists(keyOf(wanted, version, someId))) === 1,
    isAway: outages.isAway,
    async close() {
      isClosed = true;
      clearInterval(clock);
      outages.end();
      await within(1000, redis.del(keyOf(kind, party.version, id))).catch(() => undefined);
      redis.disconnect();
    },
  };
}

/** Tells people when a connection is lost and when it is back. */
function tellOutages(
  redis: Redis,
  { kind, name, onNote }: Party & { readonly kind: PartyKind; readonly name: string },
): { readonly refused: Promise<never>; readonly isAway: () => boolean; end(): void } {
  let isPatient = kind === "worker";
  let isAway = false;
  const lose = (what: string) => {
    if (isAway || !isPatient) return;
    isAway = true;
    onNote?.(`queue: ${name}: ${what}; tries again until it answers`);
  };
  const refused = new Promise<never>((_, reject) => {
    redis.on("error", (error: NodeJS.ErrnoException) => {
      if (MAY_PASS.test(error.code ?? "")) lose(`no answer (${reasonOf(error)})`);
      if (!isPatient || !MAY_PASS.test(error.code ?? "")) reject(error);
    });
  });
  redis.on("close", () => {
    lose("the connection is lost");
  });
  redis.on("ready", () => {
    if (isAway) onNote?.(`queue: ${name}: answers`);
    [isPatient, isAway] = [true, false];
  });
  return {
    refused,
    isAway: () => isAway,
    end() {
      isPatient = false;
    },
  };
}

/** Of several addresses of a name that were tried, errors have only a code. */
function reasonOf(error: unknown): string {
  const { message, code = "unknown" } = error as NodeJS.ErrnoException;
  return message === "" ? code : message;
}

/** Queue names keep jobs of different versions apart. */
export function queueNameOf({ version }: Party): string {
  return `${QUEUE_START}${version}`;
}

const QUEUE_START = "layers-";

/** Versions that have a queue, whether or not anybody is there. */
export async function queuedVersions({ redis }: RedisLink): Promise<string[]> {
  const versions: string[] = [];
  const start = `${KEY_PREFIX}:${QUEUE_START}`;
  for await (const keys of redis.scanStream({ match: `${start}*:meta`, count: 1000 })) {
    for (const key of keys as string[]) versions.push(key.slice(start.length, -":meta".length));
  }
  return versions;
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let clock: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    clock = setTimeout(() => {
      reject(new Error(`no answer within ${ms / 1000} s`));
    }, ms);
  });
  return Promise.race([promise, late]).finally(() => {
    clearTimeout(clock);
  });
}
