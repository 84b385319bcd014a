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
