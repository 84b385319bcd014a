import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { layersText, openLayers, placing } from "./layers-to-place.js";
import type { Workplace } from "./run-cli.js";

const NUM_LAYERS = 12;
const numKept = (text: string) => text.split("\n").length - 2;

describe("--checkpoint", function () {
  let place: Workplace;
  beforeEach(() => {
    place = openLayers(NUM_LAYERS);
  });
  afterEach(() => {
    place.remove();
  });

  it("goes on after kill -9 in mid-run and writes the same bytes", async () => {
    await place.run(...placing, "-o", "whole.json");
    const { child, ended } = place.start(...placing, "--checkpoint", "c.jsonl", "-o", "resumed.json");
    while (!place.files().includes("c.jsonl") || numKept(place.read("c.jsonl")) < 2) await setTimeout(5);
    child.kill("SIGKILL");
    expect((await ended).exitCode).to.equal(null);
    const kept = numKept(place.read("c.jsonl"));
    expect(kept).to.be.within(2, NUM_LAYERS - 1);
    expect(place.files()).not.to.include("resumed.json");
    const { exitCode, stderr } = await place.run(...placing, "--checkpoint", "c.jsonl", "-o", "resumed.json");
    expect(exitCode, stderr).to.equal(0);
    expect(stderr).to.contain(`c.jsonl: goes on from ${kept} finished layers`);
    expect(place.read("resumed.json")).to.equal(place.read("whole.json"));
    expect(numKept(place.read("c.jsonl"))).to.equal(NUM_LAYERS);
  });

  it("serves a sweep that kill -9 ends, to the same table and page", async () => {
    place.write(
      "grid.yaml",
      "traces: [trace.jsonl]\nmachines: [{ chiplets: [2, 4], groups: 1 }]\nsolvers: [exact]\n",
    );
    const sweeping = (name: string) => [
      ...["sweep", "grid.yaml", "--threads", "1", "-o", `${name}.csv`, "--report", `${name}.html`],
    ];
    await place.run(...sweeping("whole"));
    const keeping = [...sweeping("resumed"), "--checkpoint", "c.jsonl"];
    const { child, ended } = place.start(...keeping);
    while (!place.files().includes("c.jsonl") || numKept(place.read("c.jsonl")) < 2) await setTimeout(5);
    child.kill("SIGKILL");
    expect((await ended).exitCode).to.equal(null);
    const kept = numKept(place.read("c.jsonl"));
    expect(kept).to.be.within(2, 2 * NUM_LAYERS - 1);
    const { exitCode, stderr } = await place.run(...keeping);
    expect(exitCode, stderr).to.equal(0);
    expect(stderr).to.contain(`c.jsonl: goes on from ${kept} finished layers`);
    for (const kind of ["csv", "html"]) {
      expect(place.read(`resumed.${kind}`), kind).to.equal(place.read(`whole.${kind}`));
    }
  });

  it("serves compare as well, and solves nothing twice", async () => {
    const comparing = [
      "compare",
      "trace.jsonl",
      "--chiplets",
      "4",
      "--solver",
      "contiguous",
      "louvain",
      "--json",
    ];
    const whole = await place.run(...comparing);
    const first = await place.run(...comparing, "--checkpoint", "c.jsonl");
    expect(first.exitCode, first.stderr).to.equal(0);
    const text = place.read("c.jsonl");
    const again = await place.run(...comparing, "--checkpoint", "c.jsonl");
    expect([first.stdout, again.stdout]).to.deep.equal([whole.stdout, whole.stdout]);
    expect(place.read("c.jsonl")).to.equal(text);
  });

  it("drops a last line that a kill has torn, wherever it was torn", async () => {
    await place.run(...placing, "--checkpoint", "c.jsonl", "-o", "whole.json");
    const text = place.read("c.jsonl");
    for (const length of [
      0,
      10,
      text.indexOf("\n"),
      text.indexOf("\n") + 1,
      text.length - 40,
      text.length - 1,
    ]) {
      place.write("torn.jsonl", text.slice(0, length));
      const { exitCode, stderr } = await place.run(
        ...placing,
        ...["--checkpoint", "torn.jsonl", "-o", "resumed.json", "--force"],
      );
      expect(exitCode, stderr).to.equal(0);
      expect(place.read("resumed.json")).to.equal(place.read("whole.json"));
      expect(place.read("torn.jsonl"), `torn at ${length}`).to.equal(text);
    }
  });

  it("refuses a checkpoint of other options or inputs, and says which differ", async () => {
    await place.run(...placing, "--checkpoint", "c.jsonl");
    const text = place.read("c.jsonl");
    const refused = await place.run(
      ...placing,
      "--checkpoint",
      "c.jsonl",
      "--seed",
      "2",
      "--max-load",
      "1.5",
      "--quiet",
    );
    expect([refused.exitCode, refused.stderr]).to.deep.equal([
      2,
      "c.jsonl: found a checkpoint made with another seed, limits, expected one of this run\n" +
        "Maybe name another file, or give the options and inputs it was made with.\n",
    ]);
    place.write("trace.jsonl", layersText(NUM_LAYERS, 500));
    const changed = await place.run(...placing, "--checkpoint", "c.jsonl");
    expect(changed.exitCode).to.equal(2);
    expect(changed.stderr).to.contain("another traceSha256");
    expect(place.read("c.jsonl")).to.equal(text);
  });

  it("refuses one of another running placement under the same name", async () => {
    const quick = ["place", "trace.jsonl", "--chiplets", "4", "--objective", "traffic", "--solver"];
    const moving = [...quick, "louvain", "--from", "p.json", "--checkpoint", "c.jsonl"];
    await place.run(...quick, "contiguous", "-o", "p.json");
    expect((await place.run(...moving)).exitCode).to.equal(0);
    await place.run(...quick, "random", "-o", "p.json", "--force");
    const { exitCode, stderr } = await place.run(...moving, "--quiet");
    expect([exitCode, stderr.split("\n")[0]]).to.deep.equal([
      2,
      "c.jsonl: found a checkpoint made with another fromSha256, expected one of this run",
    ]);
  });

  it("refuses a file that is no checkpoint, or a damaged one, and leaves it as it is", async () => {
    const refuses = async (message: string) => {
      const before = place.read("c.jsonl");
      const { exitCode, stderr } = await place.run(...placing, "--checkpoint", "c.jsonl");
      expect([exitCode, place.read("c.jsonl")], stderr).to.deep.equal([2, before]);
      expect(stderr).to.contain(message);
    };
    place.write("c.jsonl", "{}\n");
    await refuses("c.jsonl: found no checkpoint");
    place.write("c.jsonl", "layers\n");
    await refuses("c.jsonl:1: found no JSON object");
    place.write("c.jsonl", "notes without an end of line");
    await refuses("c.jsonl: found no checkpoint");
    place.write("c.jsonl", "");
    await place.run(...placing, "--checkpoint", "c.jsonl");
    place.write("c.jsonl", place.read("c.jsonl").replace('"cost":', '"cost":1'));
    await refuses("c.jsonl:2: found a damaged line");
    const [head, line] = place.read("c.jsonl").split("\n");
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    place.write("c.jsonl", `${head}\n${line.replace('"solution":', `"solution":${deep},"was":`)}\n`);
    await refuses("c.jsonl:2: found no JSON object");
    place.write("c.jsonl", "[1]\n");
    await refuses("c.jsonl: found no checkpoint");
  });

  it("is no file that results are written to, by whatever name", async () => {
    symlinkSync(place.folder, join(place.folder, "here"));
    place.write("grid.yaml", "traces: [trace.jsonl]\nmachines: [{ chiplets: 4 }]\n");
    for (const args of [
      [...placing, "-o", "c.jsonl"],
      [...placing, "-o", "here/c.jsonl", "--force"],
      ["sweep", "grid.yaml", "--report", "./c.jsonl"],
    ]) {
      const { exitCode, stderr } = await place.run(...args, "--checkpoint", "c.jsonl");
      expect([exitCode, stderr]).to.deep.equal([
        2,
        `--checkpoint: found c.jsonl, which ${args.includes("-o") ? "--output" : "--report"} writes, too, expected a file of its own\n`,
      ]);
      expect(place.files()).not.to.include("c.jsonl");
    }
  });
});
