import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("what commands say", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });

  it("is that names and sizes of machines are wrong before a trace is read", async () => {
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [["--hardware", "h100"], /^--hardware: found h100, expected one of/],
      [["--model", "mixtrl-8x7b"], /^--model: found mixtrl-8x7b.*\nMaybe you mean mixtral-8x7b/],
      [
        ["--chiplets", "15"],
        /^--chiplets: found 15 in 4 groups.*\nMaybe pass --chiplets 12 or 16, or pass --groups 1, 3, 5, 15\./,
      ],
      [["--hardware", "h100-8x8", "--chiplets", "12"], /pass --chiplets 8 or 16, or pass --groups 1, 2, 3/],
      [["--time-limit", "0"], /^--time-limit: found 0, expected a number above 0/],
    ];
    for (const [args, message] of wrong) {
      const { exitCode, stderr } = await place.run("place", "no-such-trace.jsonl", ...args);
      expect([exitCode, stderr], args.join(" ")).to.satisfy(
        ([code, text]: [number, string]) => code === 2 && message.test(text),
      );
    }
  });

  it("is what a placement is where a trace belongs, and one layer where there is one", async () => {
    const { stdout } = await place.run(
      ...["place", "trace.jsonl", "--layers", "1", "--chiplets", "4", "--solver", "contiguous"],
      ...["--model", "deepseek-moe-16b", "-o", "p.json"],
    );
    expect(stdout).to.include("modelled step of 1 layer (");
    const { exitCode, stderr } = await place.run("place", "trace.jsonl", "p.json");
    expect([exitCode, stderr]).to.deep.equal([
      2,
      "p.json: found a placement, expected a trace\nMaybe pass it by --from or --like of place, or to evaluate.\n",
    ]);
  });

  it("is nothing on stdout where an option cannot be had", async () => {
    await place.run("place", "trace.jsonl", "--chiplets", "4", "--solver", "contiguous", "-o", "p.json");
    for (const form of [[], ["--json"], ["--csv"]]) {
      const limited = await place.run("evaluate", "trace.jsonl", "p.json", "--server-limit", "4", ...form);
      expect(limited.stdout).to.equal("");
      expect(limited.stderr).to.match(/--server-limit: found hardware/);
    }
  });

  it("is one layer, and tokens of a layer", async () => {
    const { stdout } = await place.run(
      "place",
      "trace.jsonl",
      "--layers",
      "1",
      "--chiplets",
      "4",
      "--groups",
      "1",
    );
    expect(stdout).to.match(/: 1 MoE layer, .* \d+ tokens a layer to learn from/);
    expect(stdout).to.match(/: 4 chiplets in 1 group\b/);
  });

  it("is which layers are searched on batches, where some have too few tokens", async () => {
    const few = sampleTrace({ layers: [1, 2] }).layers.map((layer, index) => ({
      ...layer,
      numTokens: index === 0 ? 8 : layer.numTokens,
      experts: index === 0 ? layer.experts.slice(0, 8 * 2) : layer.experts,
    }));
    place.write("few.jsonl", traceText({ ...sampleTrace(), layers: few }));
    const on = ["--chiplets", "4", "--groups", "1", "--model", "deepseek-moe-16b", "--tokens", "4"];
    const placed = await place.run(
      "place",
      "few.jsonl",
      ...on,
      "--objective",
      "time",
      "--solver",
      "contiguous",
    );
    expect(placed.stdout, placed.stderr).to.match(
      /, in the mean over batches of 16 tokens in layer 2; of the others all tokens at once\n/,
    );
    const one = ["--chiplets", "1", "--groups", "1", "--model", "deepseek-moe-16b", "--tokens", "1"];
    const alone = await place.run("place", "few.jsonl", "--layers", "1", ...one);
    expect(alone.stdout, alone.stderr).to.match(
      /, in the mean over batches of 1 token\n.* 8 tokens a layer to learn from\n.*\n.*: 1 token a step, 1 a chiplet/,
    );
  });

  it("is what compare minimised, where it searched on batches, of solvers in one word or in several", async () => {
    const on = ["--chiplets", "4", "--groups", "1", "--model", "deepseek-moe-16b", "--tokens", "4"];
    const solver = ["--solver", "contiguous,mozart", "--objective", "time", "--draws", "2"];
    const { stdout, stderr } = await place.run("compare", "trace.jsonl", ...on, ...solver);
    expect(stdout, stderr).to.match(/^solver .* batches learned, \S+ /m);
    expect(stdout).to.match(/^contiguous .*\nmozart /m);
    expect(stdout).to.match(
      /^Batches: a step in the mean over batches of 16 tokens, which --objective time minimises/m,
    );
    expect(stdout).not.to.match(/Layer learned/);
  });

  it("is the format before the file, and the placement itself where that is standard output", async () => {
    await place.run("place", "trace.jsonl", "--chiplets", "4", "--solver", "contiguous", "-o", "p.json");
    expect((await place.run("export", "p.json", "--to", "sglan")).stderr).to.match(
      /^--to: found sglan.*\nMaybe you mean sglang/,
    );
    expect((await place.run("export", "p.json", "--to", "eplb-json")).stderr).to.match(
      /^--output: found none/,
    );
    const piped = await place.run("export", "p.json", "--to", "eplb-json", "-o", "-");
    expect(JSON.parse(piped.stdout)).to.have.property("phy2log");
    expect(piped.stderr).to.match(/wrote - \(eplb-json\)/);
    const placed = await place.run(
      "place",
      "trace.jsonl",
      "--chiplets",
      "4",
      "--solver",
      "contiguous",
      "-o",
      "-",
    );
    expect(placed.stdout).to.equal(place.read("p.json"));
    const both = await place.run("place", "trace.jsonl", "--json", "-o", "-");
    expect(both.stderr).to.match(/^--json: found --output - too/);
  });

  it("is what a partition has too many of, which layer it is of, and which layers a trace has besides", async () => {
    const numExperts = 16;
    place.write("all.part", "0\n".repeat(numExperts));
    expect((await place.run("verify", "all.part", "--ranks", "4")).exitCode).to.equal(0);
    const full = await place.run("verify", "all.part", "--ranks", "4", "--slots", "4");
    expect([full.exitCode, full.stdout]).to.deep.equal([
      2,
      "all.part: layer 0: chiplet 0 holds 16 experts, its slots are 4\n",
    ]);
    await place.run("import", "all.part", "--ranks", "4", "--first-moe-layer", "2", "-o", "two.json");
    const shifted = await place.run("verify", "all.part", "--ranks", "4", "--against", "two.json");
    expect(shifted.stdout).to.match(
      /layer 2: found no placement, but layers from 0 on; .*pass --first-moe-layer 2/,
    );
    const told = await place.run(
      "verify",
      "all.part",
      "--ranks",
      "4",
      "--against",
      "two.json",
      "--first-moe-layer",
      "2",
    );
    expect(told.exitCode).to.equal(0);
    await place.run(
      "place",
      "trace.jsonl",
      "--layers",
      "1",
      "--chiplets",
      "4",
      "--solver",
      "contiguous",
      "-o",
      "one.json",
    );
    const more = await place.run("verify", "one.json", "--against", "trace.jsonl");
    expect(more.stdout).to.match(
      /found \d layers in the trace, expected the 1 that the placement was made from: pass --layers 1/,
    );
    expect(
      (await place.run("verify", "one.json", "--against", "trace.jsonl", "--layers", "1")).exitCode,
    ).to.equal(0);
  });

  it("is the field of a sweep that is likely to be meant", async () => {
    place.write(
      "sweep.json",
      JSON.stringify({ traces: ["trace.jsonl"], machines: [{ hardware: "h100-8x8" }], solver: ["auto"] }),
    );
    const { stderr } = await place.run("sweep", "sweep.json", "-o", "out.json");
    expect(stderr).to.match(/found field solver, expected none of that name\nMaybe you mean solvers\./);
  });
});
