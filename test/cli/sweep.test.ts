import { expect } from "chai";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface Swept {
  plan: { numPoints: number; numLayers: number; numJobs: number; coreSeconds: number | null };
  rows: Record<string, string | number | null>[];
}

const GRID = `
traces: [trace.jsonl]
machines:
  - chiplets: [8, 16]
    set: { links.root.bytesPerNs: [16, 64] }
    areaMm2: { fixed: 600, perChiplet: 500 }
workloads: [prefill, { name: small decode, workload: decode, tokens: 16 }]
solvers: [contiguous, louvain]
`;

describe("moeplace sweep", () => {
  let place: Workplace;
  before(() => {
    place = openWorkplace();
    const trace = synthesizeTrace({ preset: "olmoe-1b-7b", layers: 2, tokens: 300 });
    place.write("trace.jsonl", traceText(trace));
    place.write("grid.yaml", GRID);
  });
  after(() => {
    place.remove();
  });

  it("plans without solving: points that pose the same problem share it", async () => {
    const plan = (await place.runJson("sweep", "grid.yaml", "--plan")) as Swept["plan"];
    // Links and workloads are nothing to a solver that minimises C_T.
    expect(plan).to.deep.include({ numPoints: 16, numLayers: 32, numJobs: 8 });
    // Every layer of every point is counted, too, before and after it is solved.
    expect(plan.coreSeconds).to.be.above(16 * 2 * 0.02);
  });

  it("says once that the model named has another number of experts than the trace", async () => {
    place.write("other.yaml", `${GRID}model: gpt-oss-20b\n`);
    const { stderr } = await place.run("sweep", "other.yaml", "--plan");
    expect(stderr.match(/the trace has 64 experts a layer and gpt-oss-20b has 32/g)).to.have.length(1);
  });

  it("estimates no search that was not measured: of many experts, with replicas, or for loads", async () => {
    const planOf = async (grid: string) => {
      place.write("plan.yaml", `traces: [trace.jsonl]\nmachines: [{ chiplets: 8 }]\n${grid}`);
      const plan = (await place.runJson("sweep", "plan.yaml", "--plan")) as Swept["plan"];
      return plan.coreSeconds;
    };
    expect(await planOf("solvers: [auto]\nobjectives: [balance]")).to.equal(null);
    expect(await planOf("solvers: [contiguous, local-search]\nreplicas: [8]")).to.equal(null);
    const traffic = await planOf("solvers: [auto]\nobjectives: [traffic]");
    expect(await planOf("solvers: [auto]\nobjectives: [time]")).to.be.above(traffic!);
    const { stdout } = await place.run("sweep", "plan.yaml", "--plan");
    expect(stdout).to.match(/^1 point, 2 layers, of which 2 differ; estimated to take \S+ s of one core, /);
    place.write("plan.yaml", "traces: [trace.jsonl]\nmachines: [{ chiplets: 8 }]\nobjectives: [balance]");
    const unknown = await place.run("sweep", "plan.yaml", "--plan");
    expect(unknown.stdout).to.match(/of which 2 differ; how long they take is not known beforehand\n$/);
  });

  it("tells what all rows have in common once, above the table", async () => {
    const { stdout } = await place.run("sweep", "grid.yaml");
    const [first, , headers] = stdout.split("\n");
    expect(first).to.equal("trace trace.jsonl; objective traffic; dispatch nearest; replicas 0");
    expect(headers).to.match(/^machine +workload +solver/);
    place.write("root.yaml", GRID.replace("chiplets: [8, 16]", "hardware: mozart-deepseek\n    chiplets: 8"));
    const one = await place.run("sweep", "root.yaml");
    expect(one.stdout).to.match(/^machine mozart-deepseek, 8 chiplets; trace/);
    expect(one.stdout).to.match(/^links\.root\.bytesPerNs 16 +prefill +contiguous/m);
  });

  it("gives a row a point: the figures that compare gives, more bandwidth never slower, and fronts", async () => {
    const { rows } = (await place.runJson("sweep", "grid.yaml")) as Swept;
    expect(rows).to.have.length(16);
    const compared = (await place.runJson(
      ...["compare", "trace.jsonl", "--chiplets", "16", "--workload", "prefill"],
      ...["--objective", "traffic", "--solver", "contiguous", "louvain"],
    )) as { solvers: { solver: string; heldOut: { tokenReplication: number } }[] };
    for (const { solver, heldOut } of compared.solvers) {
      const same = rows.filter((row) => row.numChiplets === 16 && row.solver === solver);
      expect(same.map(({ tokenReplication }) => tokenReplication)).to.deep.equal(
        Array(4).fill(heldOut.tokenReplication),
      );
    }
    for (const slow of rows.filter(({ machine }) => String(machine).endsWith("bytesPerNs 16"))) {
      const machine = String(slow.machine).replace(/16$/, "64");
      const { numChiplets, workload, solver } = slow;
      const fast = rows.find(
        (row) =>
          row.machine === machine &&
          row.numChiplets === numChiplets &&
          row.workload === workload &&
          row.solver === solver,
      )!;
      expect(fast.stepNs).to.be.at.most(Number(slow.stepNs));
    }
    const small = rows.find(({ numChiplets }) => numChiplets === 8)!;
    expect(small.areaMm2).to.equal(600 + 8 * 500);
    expect(rows.some(({ fronts }) => (fronts as unknown as string[]).includes("areaMm2"))).to.equal(true);
  });

  it("places for time where the model is known, like place, unless solvers are named or it is told", async () => {
    const objectives = async (grid: string) => {
      place.write("one.yaml", `traces: [trace.jsonl]\nlayers: [0]\nmachines: [{ chiplets: 8 }]\n${grid}`);
      const { rows } = (await place.runJson("sweep", "one.yaml")) as Swept;
      return rows.map(({ objective }) => objective);
    };
    expect(await objectives("solvers: [auto, louvain]\nworkloads: [decode]")).to.deep.equal([
      "time",
      "traffic",
    ]);
    expect(await objectives("objectives: [traffic]\nsolvers: [contiguous]")).to.deep.equal(["traffic"]);
  });

  it("places for engines, whose kernels and rules it takes, or with rules of its own", async () => {
    const rowsOf = async (grid: string) => {
      place.write("engines.yaml", `traces: [trace.jsonl]\nlayers: [0]\nsolvers: [contiguous]\n${grid}`);
      return ((await place.runJson("sweep", "engines.yaml")) as Swept).rows;
    };
    const gpus = "machines: [{ hardware: h100-8x8, chiplets: 8 }]\n";
    const told = await rowsOf(`${gpus}replicas: [8]\ndispatch: [uniform, sglang-static]`);
    expect(told.map(({ engine, dispatch }) => [engine, dispatch])).to.deep.equal([
      [null, "uniform"],
      [null, "sglang-static"],
    ]);
    const aimed = await rowsOf(`${gpus}for: [sglang, vllm]`);
    expect(aimed.map(({ engine }) => engine)).to.deep.equal(["sglang", "vllm"]);
    place.write("wafer.yaml", "traces: [trace.jsonl]\nfor: sglang");
    const { exitCode, stderr } = await place.run("sweep", "wafer.yaml");
    expect([exitCode, stderr.split("\n")[0]]).to.deep.equal([
      2,
      "--for sglang: found no --hardware, expected a machine of GPUs",
    ]);
  });

  it("weighs the weights of the fullest chiplet", async () => {
    place.write(
      "weights.yaml",
      "traces: [trace.jsonl]\nmachines: [{ chiplets: [8, 16] }]\nsolvers: [contiguous]",
    );
    const { rows } = (await place.runJson("sweep", "weights.yaml")) as Swept;
    // OLMoE: 64 experts of 3 x 2048 x 1024 numbers of 2 bytes in each of 16 layers.
    const all = 64 * 3 * 2048 * 1024 * 2 * 16;
    expect(rows.map(({ weightBytes }) => weightBytes)).to.deep.equal([all / 8, all / 16]);
  });

  it("writes the same table and page again, with a checkpoint and without", async () => {
    const outputs = ["-o", "s.csv", "--report", "s.html", "--force"];
    const first = await place.run("sweep", "grid.yaml", ...outputs);
    expect(first.exitCode, first.stderr).to.equal(0);
    const files = ["s.csv", "s.html"].map((name) => place.read(name));
    for (let time = 0; time < 2; time++) {
      await place.run("sweep", "grid.yaml", ...outputs, "--checkpoint", "c.jsonl", "--threads", "1");
      expect(["s.csv", "s.html"].map((name) => place.read(name))).to.deep.equal(files);
    }
    expect(files[0].split("\n")).to.have.length(18);
    expect(files[1])
      .to.contain("Time against silicon")
      .and.not.match(/<script|https?:\/\/(?!www\.w3\.org)/);
    place.write("other.yaml", GRID.replace("[8, 16]", "[8]"));
    const { exitCode, stderr } = await place.run("sweep", "other.yaml", "--checkpoint", "c.jsonl", "--quiet");
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain("c.jsonl: found a checkpoint made with another machines");
  });

  it("refuses before anything is solved what no machine can be, and says of a point without placement why", async () => {
    const refuses = async (grid: string, message: string) => {
      place.write("bad.yaml", grid);
      const { exitCode, stderr } = await place.run("sweep", "bad.yaml", "--quiet");
      expect([exitCode, stderr.split("\n")[0]]).to.deep.equal([2, message]);
    };
    await refuses(
      "traces: [trace.jsonl]\nmachines: [{ chiplets: 10, groups: 4 }]",
      "machine 10 chiplets, 4 groups: chiplets: found 10 in 4 groups, expected groups of equal size",
    );
    await refuses("traces: [no.jsonl]", "no.jsonl: found no such file, expected a trace");
    await refuses(
      "traces: [",
      "bad.yaml: found no JSON or YAML that is read: Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 10:",
    );
    place.write(
      "tight.yaml",
      "traces: [trace.jsonl]\nmachines: [{ chiplets: 64 }]\nmaxLoad: 1\nsolvers: [local-search]",
    );
    const { exitCode, stdout } = await place.run("sweep", "tight.yaml", "--json");
    const [row] = (JSON.parse(stdout) as Swept).rows;
    expect([exitCode, row.status]).to.deep.equal([3, "infeasible"]);
    expect(row.reason).to.be.a("string");
  });
});
