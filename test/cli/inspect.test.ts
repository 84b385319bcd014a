import { expect } from "chai";
import { gzipSync } from "node:zlib";
import { sampleTrace, traceText } from "../sample-trace.js";
import { npyFile } from "../traces/array-files.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("inspect", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
    const history = Int32Array.from({ length: 6 * 4 * 8 }, (_, index) => 40 + ((index * 7) % 50));
    place.write("history.npy", npyFile({ shape: [6, 4, 8], values: history }));
    place.write("counts.json", '{"logical_count":[[6,1,1,0],[1,1,1,1]]}');
  });
  afterEach(() => {
    place.remove();
  });

  it("says with --why what told the format", async () => {
    const { stdout } = await place.run("inspect", "trace.jsonl", "--why");
    expect(stdout).to.match(/^trace\.jsonl: moeplace JSON Lines, because of a first line of JSON/);
    const loads = await place.run("inspect", "history.npy", "--why");
    expect(loads.stdout).to.match(/load matrix, because of .*; seen: no number below 40/);
    const { sources } = (await place.runJson("inspect", "history.npy")) as { sources: { why: string }[] };
    expect(sources[0].why).to.contain("seen: no number below 40");
  });

  it("shows loads: batches that were added up, skew, and what balance could gain", async () => {
    const seen = (await place.runJson("inspect", "counts.json", "--chiplets", "2")) as {
      kind: string;
      numExperts: number;
      layers: Record<string, number>[];
    };
    expect(seen.kind).to.equal("loads");
    const [first, second] = seen.layers;
    const { loadMaxOverMean, contiguousMaxLoad, maxLoadAtLeast, idleExperts, choices, batches } = first;
    expect({
      loadMaxOverMean,
      contiguousMaxLoad,
      maxLoadAtLeast,
      idleExperts,
      choices,
      batches,
    }).to.deep.equal({
      loadMaxOverMean: 3,
      contiguousMaxLoad: 1.75,
      maxLoadAtLeast: 1.5,
      idleExperts: 1,
      choices: 8,
      batches: 1,
    });
    expect(second.loadEntropy).to.equal(1);
    const { stdout } = await place.run("inspect", "history.npy", "counts.json", "--chiplets", "4");
    expect(stdout).to.equal("");
    const history = await place.run("inspect", "history.npy", "--chiplets", "4");
    expect(history.stdout)
      .to.match(/loads of 4 MoE layers, 8 experts/)
      .and.match(/place --objective balance/);
    expect(history.stdout).to.match(/^0 +6 /m);
    expect((await place.run("inspect", "counts.json", "--graph", "g.gexf")).stderr).to.match(
      /expected tokens/,
    );
  });

  it("asks for --as where numbers may be tokens and loads", async () => {
    const values = Int32Array.from({ length: 40 * 8 }, (_, index) => (index * 37) % 311);
    place.write("either.npy", npyFile({ shape: [40, 8], values }));
    expect((await place.run("inspect", "either.npy")).stderr).to.match(
      /pass --as tokens, or pass --as loads/,
    );
    expect((await place.run("inspect", "either.npy", "--as", "loads")).stdout).to.match(
      /loads of 40 MoE layers/,
    );
    expect((await place.run("inspect", "either.npy", "--as", "rows")).stderr).to.match(/--as: found rows/);
  });

  it("warns where there are few tokens to learn from", async () => {
    expect((await place.run("inspect", "trace.jsonl")).stderr).to.match(
      /tokens of a layer are few to learn from/,
    );
    const rows = Array.from({ length: 1200 }, (_, t) => `{"layer":0,"experts":[${t % 7},${7 + (t % 5)}]}\n`);
    place.write("many.jsonl", rows.join(""));
    expect((await place.run("inspect", "many.jsonl")).stderr).not.to.contain("few to learn from");
  });

  it("and others read files that begin with a byte order mark: placements, machines, configurations", async () => {
    place.write("trace.jsonl", `\uFEFF${traceText(sampleTrace())}`);
    expect((await place.run("place", "trace.jsonl", "--chiplets", "4", "-o", "p.json")).exitCode).to.equal(0);
    place.write("p.json", `\uFEFF${place.read("p.json")}`);
    for (const args of [
      ["verify", "p.json"],
      ["evaluate", "trace.jsonl", "p.json"],
    ]) {
      const { exitCode, stderr } = await place.run(...args);
      expect(exitCode, stderr).to.equal(0);
    }
    place.write("config.json", "\uFEFF{}");
    const { stderr } = await place.run("place", "trace.jsonl", "--model", "config.json");
    expect(stderr).to.contain("config.json: missing field");
  });

  it("reads standard input, packed or not, as every command does that reads traces", async function () {
    this.timeout(60_000);
    const text = traceText(sampleTrace());
    const expected = (await place.run("inspect", "trace.jsonl")).stdout.replace("trace.jsonl", "-");
    for (const content of [text, gzipSync(text)]) {
      const { child, ended } = place.start("inspect", "-");
      child.stdin?.end(content);
      expect((await ended).stdout).to.equal(expected);
    }
    const placed = place.start("place", "-", "--chiplets", "4", "-o", "p.json");
    placed.child.stdin?.end(text);
    expect((await placed.ended).exitCode).to.equal(0);
    const evaluated = place.start("evaluate", "-", "p.json");
    evaluated.child.stdin?.end(text);
    expect((await evaluated.ended).exitCode).to.equal(0);
    const twice = place.start("inspect", "-", "-");
    twice.child.stdin?.end(text);
    expect((await twice.ended).stderr).to.match(/found standard input twice/);
  });
});
