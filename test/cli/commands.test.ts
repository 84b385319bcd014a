import { expect } from "chai";
import { openWorkplace, sampleTrace, traceText, type Workplace } from "./run-cli.js";

describe("the command line", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });

  it("prints its version, and help with an example for every command", async () => {
    expect((await place.run("--version")).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    const help = await place.run();
    expect(help.exitCode).to.equal(0);
    const commands = [...help.stdout.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name);
    expect(commands).to.include.members(["inspect", "compare", "export", "import", "verify"]);
    const helps = await Promise.all(commands.map((command) => place.run(command, "--help")));
    for (const [index, { exitCode, stdout }] of helps.entries()) {
      const command = commands[index];
      expect(exitCode, command).to.equal(0);
      expect(stdout, command).to.match(/Examples?:\n {2}moeplace /);
      expect(stdout, command).to.contain("--json").and.contain("--quiet");
    }
  });

  it("inspect tells what is in a trace", async () => {
    const { stdout } = await place.run("inspect", "trace.jsonl", "--chiplets", "4");
    expect(stdout).to.contain("model sample, 2 MoE layers, 8 experts, top-2");
    const data = (await place.runJson("inspect", "trace.jsonl", "--chiplets", "4")) as {
      layers: { layer: number; tokens: number; contiguousReplication: number; replicationAtLeast: number }[];
    };
    expect(data.layers.map(({ layer, tokens }) => [layer, tokens])).to.deep.equal([
      [1, 200],
      [2, 200],
    ]);
    for (const { contiguousReplication, replicationAtLeast } of data.layers) {
      expect(replicationAtLeast).to.be.at.least(1).and.at.most(contiguousReplication);
    }
  });

  it("drops warm-up rows and says so, or keeps them", async () => {
    const warm = Array.from({ length: 25 }, (_, token) => `{"layer":1,"token":${token},"experts":[0,1]}\n`);
    place.write("warm.jsonl", traceText(sampleTrace({ layers: [1] })) + warm.join(""));
    const dropped = await place.run("inspect", "warm.jsonl");
    expect(dropped.stderr).to.contain("dropped 25 warm-up rows");
    expect((await place.run("inspect", "warm.jsonl", "--quiet")).stderr).to.equal("");
    const kept = (await place.runJson("inspect", "warm.jsonl", "--keep-warmup")) as {
      layers: { tokens: number }[];
    };
    expect(kept.layers[0].tokens).to.equal(225);
  });

  it("verify lists every violation and ends with exit code 2", async () => {
    place.write("p.json", placementText([[0, 1], [2, 2], [4, 5], [6, 7]])); // prettier-ignore
    const { exitCode, stdout } = await place.run("verify", "p.json");
    expect(exitCode).to.equal(2);
    expect(stdout.trim().split("\n")).to.deep.equal([
      "p.json: layer 1: chiplet 1 holds expert 2 twice",
      "p.json: layer 1: expert 3 is on no chiplet",
    ]);
  });

  it("export, import and verify --against come full circle, and overwrite nothing without --force", async () => {
    place.write("p.json", placementText([[0, 4], [1, 5], [2, 6], [3, 7]])); // prettier-ignore
    const exported = await place.run("export", "p.json", "--to", "vllm", "-o", "map.json");
    expect(exported.exitCode, exported.stderr).to.equal(0);
    const verified = await place.run(
      "verify",
      "map.json",
      "--chiplets",
      "4",
      "--first-moe-layer",
      "1",
      "--against",
      "p.json",
    );
    expect(verified.stdout).to.contain("map.json: sound, 1 layers of 8 experts on 4 chiplets");
    expect((await place.run("export", "p.json", "--to", "vllm", "-o", "map.json")).exitCode).to.equal(2);
    expect(
      (await place.run("export", "p.json", "--to", "vllm", "-o", "map.json", "--force")).exitCode,
    ).to.equal(0);
    const imported = await place.run(
      "import",
      "map.json",
      "--chiplets",
      "4",
      "--first-moe-layer",
      "1",
      "-o",
      "q.json",
    );
    expect(imported.exitCode, imported.stderr).to.equal(0);
    expect((await place.run("verify", "q.json", "--against", "p.json")).exitCode).to.equal(0);
    expect(place.files()).to.deep.equal(["map.json", "p.json", "q.json", "trace.jsonl"]);
  });

  it("verify --against a trace recomputes the cost", async () => {
    place.write("one.jsonl", traceText(sampleTrace({ layers: [1] })));
    place.write("p.json", placementText([[0, 4], [1, 5], [2, 6], [3, 7]], { status: "feasible", cost: 1.5 })); // prettier-ignore
    const { exitCode, stdout } = await place.run("verify", "p.json", "--against", "one.jsonl");
    expect(exitCode).to.equal(2);
    expect(stdout).to.match(/p\.json: layer 1: cost is given as 1\.5, recomputed as 1\.\d+/);
  });

  it("compare prints the same JSON twice, with the figures of the table", async () => {
    const args = ["compare", "trace.jsonl", "--chiplets", "4", "--groups", "2"];
    const solvers = ["--solver", "contiguous", "random", "louvain"];
    const first = (await place.runJson(...args, ...solvers)) as {
      solvers: { solver: string; cost: number; heldOut: { tokenReplication: number }; layers: object[] }[];
    };
    expect(await place.runJson(...args, ...solvers)).to.deep.equal(first);
    const [contiguous, , louvain] = first.solvers;
    expect(louvain.cost).to.be.below(contiguous.cost);
    expect(louvain.layers).to.have.length(2);
    const table = (await place.run(...args, ...solvers)).stdout;
    expect(table).to.contain(louvain.heldOut.tokenReplication.toFixed(3));
    const csv = (await place.run(...args, ...solvers, "--csv")).stdout.trim().split("\n");
    expect(csv).to.have.length(4);
    expect(csv[3]).to.contain(String(louvain.cost));
  });

  it("places 60 experts on 16 chiplets, some slots empty", async () => {
    place.write("sixty.jsonl", traceText(sampleTrace({ numExperts: 60, layers: [0] })));
    const { exitCode, stdout, stderr } = await place.run(
      "compare",
      "sixty.jsonl",
      "--solver",
      "contiguous",
      "louvain",
    );
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.match(/louvain +1\.\d{3}/);
  });

  it("ends with exit code 3 where no placement exists, and says which layer and why", async () => {
    const { exitCode, stdout } = await place.run(
      "compare", "trace.jsonl", "--chiplets", "4", "--solver", "contiguous", "--apart", "0,1,2,3,4",
    ); // prettier-ignore
    expect(stdout).to.match(/contiguous: layer 1: /);
    expect(exitCode).to.equal(3);
  });
});

function placementText(chiplets: number[][], claims: object = {}): string {
  return JSON.stringify({
    format: "moeplace.placement",
    version: 1,
    numExperts: 8,
    numChiplets: chiplets.length,
    layers: [{ layer: 1, ...claims, chiplets }],
  });
}
