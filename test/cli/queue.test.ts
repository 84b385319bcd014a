import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { hasRedis, startRedis, type TlsRedis } from "../solvers/queue/redis-server.js";
import { openLayers, placing } from "./layers-to-place.js";
import type { CliProcess, Workplace } from "./run-cli.js";

const SECRET = "a-secret-of-the-queue";
const NUM_LAYERS = 6;

describe("--queue and moeplace worker", function () {
  let place: Workplace;
  let redis: TlsRedis | undefined;
  const workers: CliProcess[] = [];

  before(function () {
    if (!hasRedis) this.skip();
  });
  beforeEach(() => {
    place = openLayers(NUM_LAYERS);
  });
  afterEach(async () => {
    for (const { child } of workers.splice(0)) child.kill("SIGKILL");
    await redis?.stop();
    redis = undefined;
    place.remove();
  });

  const startWorker = (url: string, env: Record<string, string> = {}) => {
    const worker = place.startWith(env, "worker", "--queue", url, "--threads", "1");
    workers.push(worker);
    return worker;
  };

  it("writes the bytes of one machine, and the worker ends at SIGTERM", async () => {
    redis = await startRedis();
    await place.run(...placing, "-o", "here.json");
    const worker = startWorker(redis.url);
    const { exitCode, stderr } = await place.run(...placing, "--queue", redis.url, "-o", "there.json");
    expect(exitCode, stderr).to.equal(0);
    expect(place.read("there.json")).to.equal(place.read("here.json"));
    worker.child.kill("SIGTERM");
    const ended = await worker.ended;
    expect(ended.exitCode, ended.stderr).to.equal(0);
    // A worker that was kept from its machine for long may do a layer again.
    expect(new Set(ended.stderr.match(/exact, layer \d/g))).to.have.property("size", NUM_LAYERS);
  });

  it("loses nothing where a worker is killed in mid-job", async () => {
    redis = await startRedis();
    await place.run(...placing, "-o", "here.json");
    const doomed = startWorker(redis.url);
    const run = place.start(...placing, "--queue", redis.url, "-o", "there.json", "--checkpoint", "c.jsonl");
    const isBusy = () => place.files().includes("c.jsonl") && place.read("c.jsonl").split("\n").length > 2;
    while (!isBusy()) await setTimeout(5);
    doomed.child.kill("SIGKILL");
    startWorker(redis.url);
    const { exitCode, stderr } = await run.ended;
    expect(exitCode, stderr).to.equal(0);
    expect(place.read("there.json")).to.equal(place.read("here.json"));
  });

  /** Waits until a process has said something on stderr. */
  const untilSaid = ({ child }: CliProcess, words: string) =>
    new Promise<void>((resolve) => {
      child.stderr?.on("data", (text: string) => {
        if (text.includes(words)) resolve();
      });
    });

  it("waits with a worker for a Redis that is away when it comes, and says so", async () => {
    redis = await startRedis();
    const { url } = redis;
    await place.run(...placing, "-o", "here.json");
    await redis.restart({
      saves: false,
      async without() {
        await untilSaid(startWorker(url), "; tries again until it answers");
      },
    });
    const { exitCode, stderr } = await place.run(...placing, "--queue", url, "-o", "there.json");
    expect(exitCode, stderr).to.equal(0);
    expect(place.read("there.json")).to.equal(place.read("here.json"));
    const [{ child, ended }] = workers;
    child.kill("SIGTERM");
    const said = (await ended).stderr;
    expect(said).to.match(
      /^queue: 127\.0\.0\.1:\d+\/0: no answer \(.*ECONNREFUSED.*\); tries again until it answers\n/,
    );
    expect(said).to.match(/\nqueue: 127\.0\.0\.1:\d+\/0: answers\nworks for /);
  });

  it("ends at a signal where its Redis is away: the worker at once, the run with what is quick", async () => {
    redis = await startRedis();
    /** Once the process has lost its Redis, which comes back when it has ended. */
    const endWithout = async (server: TlsRedis, process: CliProcess) => {
      const lost = untilSaid(process, "; tries again until it answers");
      await server.restart({
        saves: false,
        async without() {
          await lost;
          process.child.kill("SIGTERM");
          await process.ended;
        },
      });
      return process.ended;
    };
    const run = place.start(...placing, "--queue", redis.url, "-o", "there.json");
    while (!redis.dump().includes("name\nlayer\n")) await setTimeout(20);
    const { exitCode, stderr } = await endWithout(redis, run);
    expect(exitCode, stderr).to.equal(130);
    const worker = startWorker(redis.url);
    await untilSaid(worker, "works for");
    expect((await endWithout(redis, worker)).exitCode).to.equal(0);
    const { layers } = JSON.parse(place.read("there.json")) as { layers: { stoppedBy: string }[] };
    expect(layers).to.have.length(NUM_LAYERS);
  });

  it("speaks TLS, takes the password from address or environment, and stores and says it nowhere", async () => {
    redis = await startRedis({ password: SECRET, tls: true });
    const trust = { NODE_EXTRA_CA_CERTS: redis.certificate };
    const worker = startWorker(redis.url, trust);
    const bare = redis.url.replace(`:${SECRET}@`, "");
    const env = { ...trust, MOEPLACE_QUEUE_PASSWORD: SECRET };
    const run = place.startWith(
      env,
      ...placing,
      "--queue",
      bare,
      "-o",
      "there.json",
      "--verbose",
      "--checkpoint",
      "c.jsonl",
    );
    const { exitCode, stdout, stderr } = await run.ended;
    expect(exitCode, stderr).to.equal(0);
    const refused = place.startWith(trust, ...placing, "--queue", redis.url.replace(SECRET, `not-${SECRET}`));
    const untrusted = place.start(...placing, "--queue", redis.url);
    for (const { ended } of [refused, untrusted]) {
      const { exitCode: code, stderr: said } = await ended;
      expect(
        [code, said.includes("found no Redis that lets us in"), said.includes(SECRET)],
        said,
      ).to.deep.equal([2, true, false]);
    }
    const stored = redis.dump();
    expect(stored).to.contain("moeplace:worker");
    worker.child.kill("SIGTERM");
    const said = await worker.ended;
    for (const text of [
      stdout,
      stderr,
      said.stdout,
      said.stderr,
      stored,
      ...place.files().map((name) => place.read(name)),
    ]) {
      expect(text).not.to.contain(SECRET);
    }
  });

  it("serves sweep, and says where nothing answers", async () => {
    redis = await startRedis();
    place.write(
      "grid.yaml",
      "traces: [trace.jsonl]\nmachines: [{ chiplets: [4, 8], groups: 2 }]\nsolvers: [louvain, exact]\n",
    );
    const here = await place.run("sweep", "grid.yaml", "--json");
    startWorker(redis.url);
    const there = await place.run("sweep", "grid.yaml", "--json", "--queue", redis.url);
    expect(there.exitCode, there.stderr).to.equal(0);
    expect(there.stdout).to.equal(here.stdout);
    const { exitCode, stderr } = await place.run(...placing, "--queue", "redis://127.0.0.1:1", "--quiet");
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain("queue: 127.0.0.1:1/0: found no Redis that lets us in");
  });
});
