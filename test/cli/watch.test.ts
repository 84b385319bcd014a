import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import type { Worth } from "../../lib/flows/worth.js";
import type { Placement } from "../../lib/placement/placement.js";
import { createRandom, type Random } from "../../lib/random.js";
import { createRoutingTrace } from "../../lib/trace/routing-trace.js";
import { traceText } from "../sample-trace.js";
import { realFile } from "../traces/trace-files.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface Watched {
  checks: {
    runningNs: number;
    bestNs: number;
    moves: number;
    payBackSteps: number | null;
    worth: Worth;
    isWritten: boolean;
  }[];
}

/** A recording of 8 experts in layers 1 and 2, the tokens of each as told. */
const recording = (
  numTokens: number,
  tokenOf: (layer: number, random: Random) => readonly number[],
  seed: number,
) =>
  traceText(
    createRoutingTrace({
      model: "sample",
      numExperts: 8,
      topK: 2,
      layers: [1, 2].map((layer) => {
        const random = createRandom(seed, layer);
        const tokens = Array.from({ length: numTokens }, () => tokenOf(layer, random));
        return { layer, numTokens, experts: Uint16Array.from(tokens.flat()) };
      }),
    }),
  );

/** Experts are the busier the fewer they come after the first, each with one of the next three. */
const usual = (seed: number) =>
  recording(
    300,
    (_, random) => {
      const first = 1 + Math.floor(8 * random.next() ** 2);
      return [first % 8, (first + 1 + random.below(3)) % 8];
    },
    seed,
  );

/** Nearly all tokens choose the two experts that share the first GPU of a placement. */
const drifted = (placement: string) => {
  const { layers } = JSON.parse(placement) as Placement;
  const shared = new Map(layers.map(({ layer, chiplets }) => [layer, chiplets[0]]));
  return recording(
    1200,
    (layer, random) => {
      const hot = shared.get(layer)!;
      const others = [0, 1, 2, 3, 4, 5, 6, 7].filter((expert) => !hot.includes(expert));
      const first = random.below(6);
      return random.next() < 0.8 ? hot : [others[first], others[(first + 1 + random.below(5)) % 6]];
    },
    4,
  );
};

describe("moeplace watch", () => {
  let place: Workplace;
  let running: string;
  before(async () => {
    const elsewhere = openWorkplace();
    elsewhere.write("before.jsonl", usual(1));
    const onGpus = [
      "--model",
      "deepseek-moe-16b",
      "--hardware",
      "h100-8x8",
      "--chiplets",
      "4",
      "--groups",
      "1",
    ];
    const placed = await elsewhere.run("place", "before.jsonl", ...onGpus, "-o", "p.json");
    expect(placed.exitCode, placed.stderr).to.equal(0);
    running = elsewhere.read("p.json");
    elsewhere.remove();
  });
  beforeEach(() => {
    place = openWorkplace();
    mkdirSync(join(place.folder, "in"));
    place.write("p.json", running);
  });
  afterEach(() => {
    place.remove();
  });

  const fromRunning = ["watch", "--input", "in", "--from", "p.json", "-o", "next.json", "--interval", "0.02"];
  const watching = [...fromRunning, "--model", "deepseek-moe-16b"];

  it("leaves a placement as it is on the tokens it was made from", async () => {
    place.write("in/a.jsonl", usual(1));
    const { checks } = (await place.runJson(...watching, "--checks", "1")) as Watched;
    expect(checks).to.have.length(1);
    expect(checks[0]).to.deep.include({ moves: 0, payBackSteps: null, isWritten: false });
    expect(checks[0].bestNs).to.equal(checks[0].runningNs);
    expect(place.files()).not.to.include("next.json");
  });

  it("leaves it where what is gained is chance, on tokens that were not learned from, and says why", async () => {
    place.write("in/a.jsonl", usual(2));
    const { exitCode, stdout, stderr } = await place.run(...watching, "--checks", "1");
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(
      /^1 recording, judged on the last 75 tokens of 300: .*: left as it is\. (Not worth it|Slower): .*\.\n$/,
    );
    expect(place.files()).not.to.include("next.json");
  });

  it("counts a restart as part of the price, and tells what comes with every file once", async () => {
    place.write("in/a.jsonl", drifted(running));
    const paying = [...watching, "--checks", "1", "--pay-back", "1e6"];
    const dear = await place.run(...paying, "--restart", "1e6");
    expect(dear.stdout).to.match(/more than --pay-back 1000000: left as it is\. Worth it: /);
    const engine = ["--for", "sglang", "--engine-output", "engine.json", "--fill-layers"];
    const { child, ended } = place.start(...paying.slice(0, -4), "--pay-back", "1e9", ...engine);
    let said = "";
    child.stderr?.on("data", (text: string) => (said += text));
    while (!place.files().includes("next.json")) await setTimeout(20);
    rmSync(join(place.folder, "in/a.jsonl"));
    place.write("in/b.jsonl", drifted(place.read("next.json")));
    const history = () => place.read("next.json.history.jsonl").trim().split("\n");
    while (history().length < 3) await setTimeout(20);
    child.kill("SIGTERM");
    await ended;
    expect(
      history()
        .slice(1)
        .map((line) => (JSON.parse(line) as { isWritten: boolean }).isWritten),
    ).to.deep.equal([true, true]);
    for (const note of ["engine.json when it starts: it serves as before until", "launch SGLang:"]) {
      expect(said.split(note).length - 1, said).to.equal(1);
    }
  });

  it("writes one that pays where recordings drift, within the moves allowed, and not one that does not", async () => {
    place.write("in/a.jsonl", drifted(running));
    const thrifty = (await place.runJson(...watching, "--checks", "1", "--pay-back", "0")) as Watched;
    expect(thrifty.checks[0].isWritten).to.equal(false);
    expect(place.files()).not.to.include("next.json");
    const few = (await place.runJson(
      ...[...watching, "--checks", "1", "--pay-back", "1e9", "--max-moves", "2"],
      ...["--for", "sglang", "--engine-output", "engine.json", "--fill-layers"],
    )) as Watched;
    const [check] = few.checks;
    expect(check, JSON.stringify(few)).to.have.property("isWritten", true);
    expect(check.moves).to.be.within(1, 2 * 2);
    expect(check.bestNs).to.be.below(check.runningNs);
    const verified = await place.run("verify", "next.json");
    expect(verified.exitCode, verified.stderr).to.equal(0);
    expect(place.files()).to.include("engine.json");
    const history = place.read("next.json.history.jsonl").trim().split("\n");
    expect(history.map((line) => "placement" in (JSON.parse(line) as object))).to.deep.equal([false, true]);
  });

  it("measures what real tasks in turn cost, moves no layer that is slower for it, and settles", async function () {
    const file = (task: string) => realFile(this, "traces", `mixtral8x7b-${task}.jsonl.gz`);
    const few = ["--layers", "3,9", "--max-tokens", "512"];
    const making = ["--hardware", "h100-8x8", "--chiplets", "4", "--groups", "1"];
    const placed = await place.run("place", file("coding"), ...few, ...making, "-o", "p.json", "--force");
    expect(placed.exitCode, placed.stderr).to.equal(0);
    for (const task of ["writing", "math"]) {
      copyFileSync(file(task), join(place.folder, "in", `${task}.jsonl.gz`));
      const options = [
        ...[...fromRunning, ...few, "--window", "1", "--checks", "1", "--max-moves", "2"],
        ...["--holdout", "0"],
      ];
      const { checks } = (await place.runJson(...options, "--pay-back", "1e9")) as Watched;
      const [{ runningNs, bestNs, moves, worth, isWritten }] = checks;
      expect(moves).to.be.at.most(2 * 2);
      expect(bestNs).to.be.at.most(runningNs);
      // Nothing moves for less, and nothing is written but what is worth it.
      expect([isWritten, moves > 0]).to.deep.equal([worth.verdict === "worth it", bestNs < runningNs]);
      if (isWritten) place.write("p.json", place.read("next.json"));
    }
  });

  it("tells Prometheus on this machine, passes over what it cannot read, and ends at SIGTERM", async () => {
    place.write("in/broken.jsonl", "{}\n");
    const { child, ended } = place.start(...watching, "--pay-back", "1e9", "--metrics-port", "0");
    let said = "";
    child.stderr?.on("data", (text: string) => (said += text));
    while (!said.includes("passed over")) await setTimeout(20);
    const [, url] = /serves (\S+)/.exec(said)!;
    place.write("in/good.jsonl", drifted(running));
    rmSync(join(place.folder, "in/broken.jsonl"));
    const read = async () => (await fetch(url)).text();
    while (!place.files().includes("next.json")) await setTimeout(20);
    while (!(await read()).includes("moeplace_placements_written_total 1\n")) await setTimeout(20);
    const text = await read();
    expect(text).to.match(/^moeplace_unreadable_recordings_total 1$/m);
    expect(text).to.match(/^# TYPE moeplace_running_step_seconds gauge\nmoeplace_running_step_seconds \d/m);
    expect((await fetch(url.replace("/metrics", "/"))).status).to.equal(404);
    child.kill("SIGTERM");
    const { exitCode, stderr } = await ended;
    expect(exitCode, stderr).to.equal(0);
  });

  it("leaves no listener behind from one look into the folder to the next", async () => {
    const { child, ended } = place.start(...watching, "--metrics-port", "0");
    let said = "";
    child.stderr?.on("data", (text: string) => (said += text));
    while (!said.includes("serves")) await setTimeout(20);
    // Node warns of the eleventh.
    await setTimeout(20 * 40);
    child.kill("SIGTERM");
    const { exitCode, stderr } = await ended;
    expect([exitCode, stderr]).to.deep.equal([0, said]);
    expect(stderr).not.to.match(/Warning/);
  });

  it("writes nothing and judges nothing where a signal comes while it looks for moves", async () => {
    place.write("in/a.jsonl", drifted(running));
    // Others may stop listening meanwhile: what counts is who is new.
    const before = process.listeners("SIGTERM");
    const added = () => process.listeners("SIGTERM").filter((listener) => !before.includes(listener)).length;
    const watched = place.run(...watching, "--pay-back", "1e9", "--max-moves", "2", "--json");
    // The command listens, and so does what places.
    while (added() < 2) await setTimeout(1);
    process.emit("SIGTERM", "SIGTERM");
    const { exitCode, stdout, stderr } = await watched;
    expect([exitCode, JSON.parse(stdout)]).to.deep.equal([0, { checks: [] }]);
    expect(stderr).not.to.match(/nothing was found/);
    expect(place.files()).to.deep.equal(["in", "p.json"]);
    expect(added()).to.equal(0);
  });

  it("seeks with the solver named, and fills layers of the model that were not recorded in the file of the engine", async () => {
    place.write("in/a.jsonl", drifted(running));
    const engine = ["--for", "sglang", "--engine-output", "engine.json"];
    const told = [...watching, "--checks", "1", "--pay-back", "1e9", ...engine];
    const { checks } = (await place.runJson(...told, "--solver", "local-search", "--fill-layers")) as Watched;
    expect(checks[0].isWritten).to.equal(true);
    expect(place.files()).to.include("engine.json");
    for (const [more, message] of [
      [["--solver", "magic"], "magic"],
      [["--fill-layers"], "--fill-layers: found it without --engine-output"],
    ] as const) {
      const { exitCode, stderr } = await place.run(...watching, "--checks", "1", ...more);
      expect(stderr).to.contain(message);
      expect(exitCode).to.equal(2);
    }
  });

  it("refuses a folder that is not there", async () => {
    const { exitCode, stderr } = await place.run(
      "watch",
      "--input",
      "no",
      "--from",
      "p.json",
      "-o",
      "next.json",
    );
    expect([exitCode, stderr]).to.deep.equal([
      2,
      "--input: no: found no folder, expected one in which recordings arrive\n",
    ]);
  });
});
