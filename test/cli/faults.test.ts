import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

/** Ends the process as kill -9 does, where a file that was written whole is about to get its name. */
const KILLED_AT_RENAME = `
const fs = require("node:fs");
fs.renameSync = () => process.kill(process.pid, "SIGKILL");
require("node:module").syncBuiltinESMExports();
`;

const cli = fileURLToPath(new URL("../../cli.js", import.meta.url));
const GRID = "traces: [trace.jsonl]\nmachines: [{ chiplets: 8 }]\nsolvers: [contiguous]\n";
const placing = [
  "place",
  "trace.jsonl",
  "--chiplets",
  "8",
  "--objective",
  "traffic",
  "--solver",
  "contiguous",
];

/** Every command that writes, and what it writes. */
const commands: Readonly<Record<string, readonly [output: string, ...args: string[]]>> = {
  place: ["out.json", ...placing, "-o", "out.json"],
  export: ["out.csv", "export", "p.json", "--to", "csv", "-o", "out.csv"],
  report: ["out.html", "report", "trace.jsonl", "p.json", "-o", "out.html"],
  convert: ["out.jsonl", "convert", "trace.jsonl", "-o", "out.jsonl"],
  sweep: ["out.html", "sweep", "grid.yaml", "--report", "out.html"],
};

describe("a fault while a command writes", () => {
  let place: Workplace;
  before(async () => {
    place = openWorkplace();
    const trace = synthesizeTrace({ preset: "olmoe-1b-7b", layers: 4, tokens: 60 });
    place.write("trace.jsonl", traceText(trace));
    place.write("grid.yaml", GRID);
    place.write("killed.cjs", KILLED_AT_RENAME);
    const { exitCode, stderr } = await place.run(...placing, "-o", "p.json");
    expect(exitCode, stderr).to.equal(0);
  });
  after(() => {
    place.remove();
  });
  const temporaries = () => readdirSync(place.folder).filter((name) => name.endsWith(".tmp"));

  for (const [name, [output, ...args]] of Object.entries(commands)) {
    it(`leaves what ${name} wrote before whole at kill -9, and the next run takes away what is left`, async () => {
      place.write(output, "before");
      const env = { NODE_OPTIONS: `--require ${join(place.folder, "killed.cjs")}` };
      const killed = await place.startWith(env, ...args, "--force").ended;
      expect(killed.exitCode, killed.stderr).to.equal(null);
      expect(place.read(output)).to.equal("before");
      expect(temporaries()).to.have.length(1);
      const { exitCode, stderr } = await place.run(...args, "--force");
      expect(exitCode, stderr).to.equal(0);
      expect(place.read(output)).not.to.equal("before");
      expect(temporaries()).to.deep.equal([]);
    });
  }

  /** Runs a command line where no file may grow beyond so many blocks of 512 or 1,024 bytes. */
  const runWithin = (blocks: number, ...args: readonly string[]) => {
    const limited = ["-c", `ulimit -f ${blocks}; exec "$@"`, "sh", process.execPath, cli, ...args];
    const { status, stderr } = spawnSync("sh", limited, {
      cwd: place.folder,
      encoding: "utf8",
      env: { ...process.env, NODE_V8_COVERAGE: "" },
    });
    return { exitCode: status, stderr };
  };

  // No disk is filled: a file may grow to a kilobyte or two, and what goes beyond is refused as by a disk that is full.
  const canLimit = spawnSync("sh", ["-c", "ulimit -f 1"]).status === 0;
  for (const [name, [output, ...args]] of Object.entries(commands)) {
    it(`leaves what ${name} wrote before whole where the disk takes no more, and nothing beside it`, function () {
      if (!canLimit) this.skip();
      place.write(output, "before");
      const { exitCode, stderr } = runWithin(1, ...args, "--force");
      expect([exitCode, stderr.includes(`${output}: cannot be written (EFBIG)`)], stderr).to.deep.equal([
        2,
        true,
      ]);
      expect(place.read(output)).to.equal("before");
      expect(temporaries()).to.deep.equal([]);
    });
  }

  it("ends a run whose checkpoint the disk does not take, and the next goes on from what it took", async function () {
    if (!canLimit) this.skip();
    const keeping = [...placing, "--checkpoint", "c.jsonl", "--threads", "1"];
    const { exitCode, stderr } = runWithin(2, ...keeping);
    expect([exitCode, stderr.includes("c.jsonl: cannot be written (EFBIG)")], stderr).to.deep.equal([
      2,
      true,
    ]);
    const resumed = await place.run(...keeping, "-o", "resumed.json");
    expect(resumed.exitCode, resumed.stderr).to.equal(0);
    expect(place.read("resumed.json")).to.equal(place.read("p.json"));
  });

  for (const [name, args] of [
    ["compare", ["compare", "trace.jsonl", "--chiplets", "8", "--solver", "contiguous", "random", "--json"]],
    ["sweep", ["sweep", "grid.yaml", "--json"]],
  ] as const) {
    it(`goes on with ${name} from a checkpoint that ends anywhere, to the same bytes`, async () => {
      const whole = await place.run(...args);
      const keeping = [...args, "--checkpoint", `${name}.jsonl`];
      await place.run(...keeping);
      const text = place.read(`${name}.jsonl`);
      const half = text.split("\n").slice(0, 4).join("\n");
      place.write(`${name}.jsonl`, half.slice(0, -10));
      const resumed = await place.run(...keeping);
      expect(resumed.stderr).to.contain("goes on from 2 finished layers");
      expect(resumed.stdout).to.equal(whole.stdout);
    });
  }
});
