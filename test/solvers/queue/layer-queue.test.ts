import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { Queue } from "bullmq";
import { InputError } from "../../../lib/errors.js";
import { poseLayers } from "../../../lib/flows/pose.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { requireSolver } from "../../../solvers/index.js";
import { openLayerQueue, type LayerQueue } from "../../../solvers/queue/layer-queue.js";
import { openQueueWorker } from "../../../solvers/queue/queue-worker.js";
import { parseRedisUrl } from "../../../solvers/queue/redis-url.js";
import { expectRejection } from "../../expect-rejection.js";
import { sampleTrace } from "../../sample-trace.js";
import { hasRedis, startRedis, type TestRedis } from "./redis-server.js";

const problems = poseLayers(sampleTrace({ numExperts: 16, layers: [0, 1, 2, 3], numTokens: 400 }), {
  numChiplets: 4,
  numGroups: 2,
});
const options = DEFAULT_SOLVER_OPTIONS;
const solver = requireSolver("exact");

describe("parseRedisUrl", () => {
  it("reads host, port, database, user and password, and names no secret", () => {
    const { name, connection } = parseRedisUrl("rediss://me:p%40ss@queue.example:7000/2");
    expect(name).to.equal("queue.example:7000/2");
    expect(connection).to.deep.equal({
      ...{ host: "queue.example", port: 7000, db: 2, username: "me", password: "p@ss" },
      tls: { servername: "queue.example" },
    });
    expect(parseRedisUrl("redis://[::1]", "s").connection).to.deep.equal({
      host: "::1",
      port: 6379,
      db: 0,
      password: "s",
    });
  });

  it("refuses any other address without repeating it", () => {
    for (const text of [
      "",
      "http://:secret@host",
      "redis://",
      "redis://:secret@host/x",
      "redis://:secret@host?a=b",
    ]) {
      expect(() => parseRedisUrl(text))
        .to.throw(InputError)
        .with.property("message")
        .that.does.not.contain("secret");
    }
  });
});

describe("the queue of layers", function () {
  let redis: TestRedis;
  const open: { close(): Promise<void> }[] = [];
  const submit = async (version = "1.0.0") => {
    const queue = await openLayerQueue(redis.url, { version });
    open.push(queue);
    return queue;
  };
  const work = async (version = "1.0.0", onJob?: (line: string) => void) => {
    const worker = await openQueueWorker(redis.url, { version, numThreads: 1, ...(onJob && { onJob }) });
    open.push(worker);
    return worker;
  };
  const solveAll = (queue: LayerQueue) =>
    Promise.all(problems.map((problem) => queue.onQueue(solver).solve(problem, options)));

  before(function () {
    if (!hasRedis) this.skip();
  });
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const part of open.splice(0)) await part.close();
    await redis.stop();
  });

  it("gives the answers of one machine, and leaves no job behind", async () => {
    const queue = await submit();
    await work();
    const solutions = await solveAll(queue);
    const here = await Promise.all(problems.map((problem) => solver.solve(problem, options)));
    expect(JSON.stringify(solutions)).to.equal(JSON.stringify(here));
    expect(redis.dump()).not.to.contain("submitter\n");
  });

  it("keeps submitters apart that ask for the same at once", async () => {
    const [first, second] = [await submit(), await submit()];
    await work();
    const [ofFirst, ofSecond] = await Promise.all([solveAll(first), solveAll(second)]);
    expect(JSON.stringify(ofFirst)).to.equal(JSON.stringify(ofSecond));
    await first.close();
    expect(await solveAll(second)).to.deep.equal(ofSecond);
  });

  it("reports a job that breaks its worker's solver and goes on with the others", async () => {
    const queue = await submit();
    await work();
    const broken = { ...problems[0], patterns: { ...problems[0].patterns, offsets: null } } as never;
    const poisoned = queue.onQueue(solver).solve(broken, options);
    const answers = solveAll(queue);
    const error: unknown = await poisoned.catch((reason: unknown) => reason);
    expect(error)
      .to.be.instanceOf(Error)
      .with.property("message")
      .that.matches(/^exact, layer 0: a worker failed: /);
    expect(await answers).to.have.length(problems.length);
  });

  it("gives up a job that is no job at all, and does not block", async () => {
    const { connection } = parseRedisUrl(redis.url);
    const lines: string[] = [];
    const queue = await submit();
    const raw = new Queue("layers-1.0.0", { connection: { ...connection }, prefix: "moeplace" });
    const { submitter } = await firstJobOf(raw, queue);
    await raw.add("layer", { submitter, job: "bm8gam9i" });
    await work("1.0.0", (line) => lines.push(line));
    expect(await solveAll(queue)).to.have.length(problems.length);
    expect(lines.filter((line) => line.includes("failed"))).to.have.length(1);
    await raw.close();
  });

  it("survives a Redis that restarts in mid-run, whether or not it had saved", async () => {
    for (const saves of [true, false]) {
      const queue = await submit();
      const answers = solveAll(queue);
      await redis.restart({ saves });
      const worker = await work();
      expect(await answers).to.have.length(problems.length);
      const more = solveAll(queue);
      await redis.restart({ saves });
      expect(await more).to.deep.equal(await answers);
      await worker.close();
      await queue.close();
      open.splice(0);
    }
  });

  it("does not work with other versions: they refuse each other, whoever comes first", async () => {
    const worker = await work("1.0.0");
    await expectRejection(
      openLayerQueue(redis.url, { version: "2.0.0" }),
      "queue: found workers of version 1.0.0, expected 2.0.0",
    );
    await worker.close();
    open.splice(0);
    const queue = await submit("2.0.0");
    await expectRejection(work("1.0.0"), "queue: found runs of version 2.0.0 waiting, expected 1.0.0");
    const answers = solveAll(queue);
    await work("2.0.0");
    expect(await answers).to.have.length(problems.length);
  });

  it("keeps nothing for submitters and builds that are gone", async () => {
    const { connection } = parseRedisUrl(redis.url);
    const queue = await submit();
    const answers = solveAll(queue);
    const raws = ["1.0.0", "0.9.0"].map(
      (version) => new Queue(`layers-${version}`, { connection: { ...connection }, prefix: "moeplace" }),
    );
    for (const raw of raws)
      await raw.add("layer", { submitter: "killed", job: "bm8gam9i" }, { jobId: "left-1" });
    await work();
    expect(await answers).to.have.length(problems.length);
    for (const raw of raws) expect(await raw.getJob("left-1")).to.equal(undefined);
    for (const raw of raws) await raw.close();
  });

  it("answers with what is quick where it is interrupted, and drops a job whose submitter has gone", async () => {
    const queue = await submit();
    const interrupt = new AbortController();
    const answer = queue.onQueue(solver).solve(problems[0], { ...options, signal: interrupt.signal });
    interrupt.abort();
    expect(await answer).to.have.property("stoppedBy", "interrupt");
    const { connection } = parseRedisUrl(redis.url);
    const raw = new Queue("layers-1.0.0", { connection: { ...connection }, prefix: "moeplace" });
    open.push(raw);
    const left = await firstJobOf(raw, queue);
    await queue.close();
    const lines: string[] = [];
    await work("1.0.0", (line) => lines.push(line));
    // After the worker has begun, which clears away what it finds of those who have gone.
    await raw.add("layer", left);
    while ((await raw.getCompletedCount()) === 0) await setTimeout(20);
    expect(lines).to.deep.equal([]);
  });

  it("says of a Redis that is not there, or does not let in, where it is and no password", async () => {
    const { port } = new URL(redis.url);
    await redis.stop();
    await expectRejection(
      openLayerQueue(`redis://:secret@127.0.0.1:${port}`, { version: "1.0.0" }),
      new RegExp(`^queue: 127.0.0.1:${port}/0: found no Redis(?!.*secret)`),
    );
    redis = await startRedis({ password: "right" });
    const locked = redis.url.replace("right", "wrong-secret");
    await expectRejection(
      openLayerQueue(locked, { version: "1.0.0" }),
      /^queue: 127.0.0.1:\d+\/0: found no Redis(?!.*secret)/,
    );
  });
});

/** What lies in the queue for a layer, which is taken out again. */
async function firstJobOf(raw: Queue, queue: LayerQueue): Promise<{ submitter: string }> {
  const interrupt = new AbortController();
  const answer = queue.onQueue(solver).solve(problems[0], { ...options, signal: interrupt.signal });
  let jobs = await raw.getWaiting();
  while (jobs.length === 0) jobs = await raw.getWaiting();
  interrupt.abort();
  await answer;
  return jobs[0].data as { submitter: string };
}
