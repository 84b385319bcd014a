import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

/** Has a thread die where its solver tells of its first placement, as long as not so many have died. */
const DIES = (deed: string) => `
const { isMainThread, MessagePort } = require("node:worker_threads");
const { readdirSync, writeFileSync } = require("node:fs");
const { DEATHS, MOST } = process.env;
const post = MessagePort.prototype.postMessage;
if (!isMainThread) MessagePort.prototype.postMessage = function (...args) {
  const numDead = readdirSync(DEATHS).length;
  if (!args[0]?.chiplets || numDead >= Number(MOST)) return post.apply(this, args);
  writeFileSync(DEATHS + "/" + numDead, "");
  ${deed}
};
`;
const NEVER_STARTS = 'if (!require("node:worker_threads").isMainThread) throw new Error("no thread today");';
const OUT_OF_MEMORY = "for (const held = []; ; ) held.push(new Array(1e6).fill(0.5));";

describe("a thread that dies while it solves a layer", () => {
  let place: Workplace;
  let whole: string;
  const placing = [
    ...["place", "trace.jsonl", "--chiplets", "8", "--objective", "traffic"],
    ...["--solver", "local-search", "--threads", "2"],
  ];
  before(async () => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(synthesizeTrace({ preset: "olmoe-1b-7b", layers: 3, tokens: 100 })));
    place.write("ends.cjs", DIES("process.exit(7);"));
    place.write("fills.cjs", DIES(OUT_OF_MEMORY));
    place.write("never starts.cjs", NEVER_STARTS);
    const { exitCode, stderr } = await place.run(...placing, "-o", "whole.json");
    expect(exitCode, stderr).to.equal(0);
    whole = place.read("whole.json");
  });
  after(() => {
    place.remove();
  });

  /** Places while threads die, and says how it went. */
  const placeWhile = async (how: "ends" | "fills" | "never starts", most: number, ...more: string[]) => {
    const deaths = `deaths of ${how} ${most}`;
    mkdirSync(join(place.folder, deaths));
    const env = {
      NODE_OPTIONS: `--require "${join(place.folder, `${how}.cjs`)}" --max-old-space-size=128`,
      DEATHS: join(place.folder, deaths),
      MOST: String(most),
    };
    const output = `${how}-${most}.json`;
    const { exitCode, stderr } = await place.startWith(env, ...placing, ...more, "-o", output).ended;
    expect(exitCode, stderr).to.equal(0);
    return { stderr, numDead: readdirSync(join(place.folder, deaths)).length, output };
  };

  for (const [how, why] of [
    ["ends", "worker exited with code: 7"],
    ["fills", "Worker terminated due to reaching memory limit: JS heap out of memory"],
  ] as const) {
    it(`is replaced where it ${how === "ends" ? "ends" : "runs out of memory"}, to the same bytes`, async () => {
      const { stderr, numDead, output } = await placeWhile(how, 1);
      expect(numDead).to.equal(1);
      expect(stderr).to.contain(`a thread was lost (${why}): its layer is begun again in another one`);
      expect(place.read(output)).to.equal(whole);
    });
  }

  it("is answered for where none can be started, which a pool of threads tells nobody who waits", async () => {
    const { stderr, output } = await placeWhile("never starts", 0);
    expect(stderr).to.contain("a thread was lost again (no thread today)");
    const verified = await place.run("verify", output, "--against", "trace.jsonl");
    expect(verified.exitCode, verified.stderr).to.equal(0);
  });

  it("is answered for where it dies again, says so, and keeps nothing of it in a checkpoint", async () => {
    const { stderr, output } = await placeWhile("ends", 99, "--checkpoint", "c.jsonl");
    expect(stderr).to.contain("a thread was lost again");
    const { layers } = JSON.parse(place.read(output)) as { layers: { stoppedBy: string }[] };
    expect(layers.map(({ stoppedBy }) => stoppedBy)).to.deep.equal(Array(3).fill("lost thread"));
    const verified = await place.run("verify", output, "--against", "trace.jsonl");
    expect(verified.exitCode, verified.stderr).to.equal(0);
    const resumed = await place.run(...placing, "--checkpoint", "c.jsonl", "-o", "resumed.json");
    expect(resumed.exitCode, resumed.stderr).to.equal(0);
    expect(place.read("resumed.json")).to.equal(whole);
  });
});
