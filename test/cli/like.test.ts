import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("place --like", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });

  const made: [string, string[]][] = [
    [
      "limits, pins and tokens held out",
      ["--chiplets", "4", "--max-load", "1.6", "--pin", "0:3", "--holdout", "0.25"],
    ],
    ["replicas and balance", ["--chiplets", "4", "--replicas", "2", "--objective", "balance", "--seed", "7"]],
    [
      "the least time of a step that is not the default",
      ["--chiplets", "4", "--model", "deepseek-moe-16b", "--objective", "time", "--workload", "prefill"],
    ],
    ["groups of the router kept whole", ["--chiplets", "4", "--router-groups", "2"]],
    ["as many experts on every chiplet as can be", ["--chiplets", "3", "--groups", "1", "--even-slots"]],
    ["another solver, and fewer groups", ["--chiplets", "4", "--groups", "2", "--solver", "louvain"]],
  ];
  for (const [what, args] of made) {
    it(`makes a placement again, byte for byte: ${what}`, async () => {
      const first = await place.run("place", "trace.jsonl", ...args, "-o", "p.json");
      expect(first.exitCode, first.stderr).to.equal(0);
      const second = await place.run("place", "trace.jsonl", "--like", "p.json", "-o", "q.json");
      expect(second.exitCode, second.stderr).to.equal(0);
      expect(place.read("q.json")).to.equal(place.read("p.json"));
      const verified = await place.run("verify", "q.json", "--against", "trace.jsonl");
      expect(verified.exitCode, verified.stdout).to.equal(0);
    });
  }

  it("records what was asked for, and which solver answered", async () => {
    await place.run(
      "place",
      "trace.jsonl",
      "--chiplets",
      "4",
      "--replicas",
      "2",
      "--holdout",
      "0.25",
      "-o",
      "p.json",
    );
    const file = JSON.parse(place.read("p.json")) as { solver: string; provenance: Record<string, unknown> };
    expect(file.solver).to.equal("local-search");
    expect(file.provenance).to.deep.include({ objective: "traffic", numReplicas: 2, holdout: 0.25 });
    expect(file.provenance.hardware).to.deep.include({ numChiplets: 4 });
    expect(file.provenance.traceSha256).to.match(/^[0-9a-f]{64}$/);
    const verified = await place.run("verify", "p.json", "--against", "trace.jsonl");
    expect(verified.exitCode, verified.stdout).to.equal(0);
  });

  it("refuses other tokens, and a file that does not say how it was made", async () => {
    await place.run("place", "trace.jsonl", "--chiplets", "4", "--solver", "contiguous", "-o", "p.json");
    const lines = place.read("trace.jsonl").split("\n");
    place.write("other.jsonl", lines.slice(0, -3).join("\n") + "\n");
    const refused = await place.run("place", "other.jsonl", "--like", "p.json", "-o", "q.json");
    expect(refused.exitCode).to.equal(2);
    expect(refused.stderr).to.match(/found a placement of another trace/);
    const file = JSON.parse(place.read("p.json")) as Record<string, unknown>;
    place.write("silent.json", JSON.stringify({ ...file, provenance: undefined }));
    const unknown = await place.run("place", "trace.jsonl", "--like", "silent.json", "-o", "q.json");
    expect(unknown.stderr).to.match(/expected its provenance/);
  });

  it("writes nothing without a trace, or over a trace", async () => {
    const without = await place.run("place", "-o", "p.json");
    expect(without.exitCode).to.equal(2);
    expect(without.stderr).to.match(/^traces: found none/);
    const before = place.read("trace.jsonl");
    const over = await place.run("place", "trace.jsonl", "-o", "trace.jsonl", "--force");
    expect(over.exitCode).to.equal(2);
    expect(place.read("trace.jsonl")).to.equal(before);
    expect(place.files()).to.deep.equal(["trace.jsonl"]);
  });

  it("places the layers that are asked for", async () => {
    const numbers = sampleTrace().layers.map(({ layer }) => layer);
    const args = ["--chiplets", "4", "--solver", "contiguous", "--layers", String(numbers[0])];
    const { placement } = (await place.runJson("place", "trace.jsonl", ...args)) as {
      placement: { layers: { layer: number }[] };
    };
    expect(placement.layers.map(({ layer }) => layer)).to.deep.equal([numbers[0]]);
    const missing = await place.run("place", "trace.jsonl", "--layers", "900");
    expect(missing.stderr).to.match(/^--layers: found 900, expected layers of the trace/);
  });
});
