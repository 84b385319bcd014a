import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { countMoves } from "../../lib/placement/migration.js";
import type { Placement } from "../../lib/placement/placement.js";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { traceText } from "../sample-trace.js";
import { layersText } from "./layers-to-place.js";
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

  /** A disk of 16 KiB of which all but the earlier output is taken: its own to a process, gone with it. */
  const onFullDisk = (output: string, args: readonly string[]) => {
    const script = [
      "mkdir -p disk && mount -t tmpfs -o size=16k none disk || exit 77",
      `printf before > disk/${output}; cat /dev/zero > disk/filler 2> /dev/null`,
      '"$@"; echo "ended $?"; echo "holds $(ls -A disk | tr "\\n" " ")"; cat disk/' + output,
    ].join("\n");
    const within = args.map((arg) => (arg === output ? `disk/${output}` : arg));
    const command = ["sh", "-c", script, "sh", process.execPath, cli, ...within];
    const { status, stdout, stderr } = spawnSync("unshare", ["--map-root-user", "--mount", ...command], {
      cwd: place.folder,
      encoding: "utf8",
      env: { ...process.env, NODE_V8_COVERAGE: "" },
    });
    return { canMount: status === 0, stderr, lines: stdout.split("\n").slice(-3) };
  };

  for (const [name, [output, ...args]] of Object.entries(commands)) {
    it(`leaves what ${name} wrote before whole on a disk that is full, and nothing beside it`, function () {
      const { canMount, stderr, lines } = onFullDisk(output, [...args, "--force"]);
      if (!canMount) this.skip();
      expect(stderr).to.contain(`disk/${output}: cannot be written (ENOSPC)\nMaybe the disk is full.`);
      expect(lines).to.deep.equal(["ended 2", `holds filler ${output} `, "before"]);
    });
  }

  for (const [stream, args] of [
    ["standard output", ["inspect", "trace.jsonl", "--json"]],
    ["standard output", [...placing, "-o", "to-full.json", "--force"]],
    ["standard error", ["inspect", "trace.jsonl"]],
  ] as const) {
    it(`says so where ${stream} goes to a disk that is full, and is no bug: ${args[0]}`, function () {
      if (!existsSync("/dev/full")) this.skip();
      const to = stream === "standard output" ? "> /dev/full" : "2> /dev/full";
      const { status, stderr, stdout } = spawnSync(
        "sh",
        ["-c", `"$@" ${to}`, "sh", process.execPath, cli, ...args],
        { cwd: place.folder, encoding: "utf8" },
      );
      if (stream === "standard error") {
        expect(status).to.equal(0);
        expect(stdout).to.contain("4 MoE layers");
        return;
      }
      expect(status, stderr).to.equal(2);
      expect(stderr).to.contain("standard output: cannot be written (ENOSPC)\nMaybe the disk is full.");
      expect(stderr).not.to.contain("at ");
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

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`ends well at ${signal}: the best so far is written and called interrupted`, async () => {
      const output = `${signal}.json`;
      place.write("layers.jsonl", layersText(12));
      const long = ["place", "layers.jsonl", "--chiplets", "4", "--groups", "2", "--solver", "exact"];
      const keeping = ["--checkpoint", `${signal}.jsonl`, "--threads", "1"];
      const { child, ended } = place.start(...long, ...keeping, "-o", output);
      const kept = () => (place.files().includes(`${signal}.jsonl`) ? place.read(`${signal}.jsonl`) : "");
      const isBusy = () => kept().split("\n").length > 2;
      while (!isBusy()) await setTimeout(10);
      child.kill(signal);
      const { exitCode, stderr } = await ended;
      expect(exitCode, stderr).to.equal(130);
      expect(stderr).to.contain("interrupted: finishing with the best found so far");
      const { layers } = JSON.parse(place.read(output)) as { layers: { stoppedBy: string }[] };
      expect(layers.map(({ stoppedBy }) => stoppedBy)).to.include("interrupt");
      const verified = await place.run("verify", output, "--against", "layers.jsonl");
      expect(verified.exitCode, verified.stderr).to.equal(0);
    });
  }

  for (const [signal, numReplicas] of [
    ["SIGINT", 0],
    ["SIGTERM", 16],
  ] as const) {
    it(`hears ${signal} while it looks for moves of a placement that runs, of ${numReplicas} replicas`, async () => {
      const trace = synthesizeTrace({ preset: "qwen3-30b-a3b", layers: 2, tokens: 2000 });
      place.write("moves.jsonl", traceText(trace));
      const on = ["place", "moves.jsonl", "--hardware", "h100-8x8", "--chiplets", "16", "--force"];
      const asked = [...on, "--replicas", `${numReplicas}`, "--solver", "eplb-global", "--threads", "1"];
      const ran = await place.run(...asked, "-o", "running.json");
      expect(ran.exitCode, ran.stderr).to.equal(0);
      const moving = ["--from", "running.json", "--max-moves", "100", "--objective", "time", "--verbose"];
      const { child, ended } = place.start(...asked, ...moving, "-o", "moved.json");
      // Told of a search that is under way, in the first of two layers.
      await new Promise<void>((resolve) => {
        child.stderr?.on("data", (text: Buffer) => {
          if (text.includes(", moves: ")) resolve();
        });
      });
      child.kill(signal);
      const { exitCode, stderr } = await ended;
      expect(exitCode, stderr).to.equal(130);
      const { layers } = JSON.parse(place.read("moved.json")) as Placement;
      expect(layers.map(({ stoppedBy }) => stoppedBy)).to.deep.equal(["interrupt", "interrupt"]);
      const running = (JSON.parse(place.read("running.json")) as Placement).layers;
      for (const [index, { chiplets }] of layers.entries())
        expect(countMoves(running[index].chiplets, chiplets)).to.be.at.most(100);
      const verified = await place.run("verify", "moved.json", "--against", "moves.jsonl");
      expect(verified.exitCode, verified.stderr).to.equal(0);
    });
  }

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
