import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import type { Calibration } from "../lib/performance/calibrate.js";
import { openWorkplace, type Workplace } from "./cli/run-cli.js";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const examples = join(root, "examples");
const read = (name: string) => readFileSync(join(examples, name), "utf8");

describe("examples/", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
  });
  afterEach(() => {
    place.remove();
  });

  /** Runs a script in an empty folder, with the command line of this build. */
  function runScript(name: string): string {
    const { status, stdout, stderr } = spawnSync("sh", [join(examples, name)], {
      cwd: place.folder,
      env: { ...process.env, MOEPLACE: `${process.execPath} ${join(root, "dist/cli.js")}` },
      encoding: "utf8",
    });
    expect(status, stderr).to.equal(0);
    return stdout;
  }

  it("holds what is run here, and nothing else", () => {
    expect(readdirSync(examples).sort()).to.deep.equal([
      "compose.yaml",
      "kubernetes.yaml",
      "own-machine.json",
      "own-machine.sh",
      "own-solver.mjs",
      "serve-an-moe.sh",
      "timings.csv",
      "wafer-sweep.yaml",
    ]);
  });

  it("own-solver.mjs places by a solver of its own, and on a machine of its own", () => {
    // In the package's own folder its name resolves to its exports.
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(examples, "own-solver.mjs")], {
      cwd: root,
      encoding: "utf8",
    });
    expect(status, stderr).to.equal(0);
    expect(stdout).to.match(/^contiguous .*\nsnake .*\nfaster memory .* ms\n$/);
  });

  it("serve-an-moe.sh ends with a file of every layer's slots for SGLang", () => {
    const said = runScript("serve-an-moe.sh");
    expect(said).to.contain("2 MoE layers").and.contain("wrote experts.json");
    const { physical_to_logical_map: slots } = JSON.parse(place.read("experts.json")) as {
      physical_to_logical_map: number[][];
    };
    for (const layer of slots) expect(new Set(layer)).to.have.property("size", 128);
  });

  it("own-machine.sh places on own-machine.json, draws a layer, and sweeps wafer-sweep.yaml", () => {
    const said = runScript("own-machine.sh");
    expect(said).to.contain("my-wafer: 8 chiplets in 2 groups");
    expect(place.read("layer.svg")).to.match(/^<svg /);
    // Two numbers of chiplets, two links, two memories, two solvers, and the head.
    expect(place.read("sweep.csv").trim().split("\n")).to.have.length(17);
    expect(place.read("sweep.html")).to.contain("mozart-deepseek-calibrated");
  });

  it("timings.csv moves all constants of its kernels, and the machine is theirs", async () => {
    const printed = await place.runJson("calibrate", join(examples, "timings.csv"), "-o", "mine.json");
    for (const found of (printed as { calibrations: Calibration[] }).calibrations) {
      const { kernel, fitted, meanErrorBefore, meanError } = found;
      expect(fitted.length, kernel).to.be.at.least(3);
      expect(meanErrorBefore, kernel).to.be.above(0.1);
      expect(meanError, kernel).to.be.below(0.02);
    }
  });

  for (const name of ["compose.yaml", "kubernetes.yaml"]) {
    it(`${name} is YAML that runs a worker of this version, by options that it has`, async () => {
      const [document, ...more] = parseAllDocuments(read(name));
      expect([document.errors, more]).to.deep.equal([[], []]);
      const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
      const versions = [...read(name).matchAll(/moeplace[@:](\d[\w.-]*)/g)].map(([, found]) => found);
      expect(versions).to.deep.equal([version]);
      const worker = /"worker".*|moeplace worker.*/.exec(read(name))![0];
      const { stdout } = await place.run("worker", "--help");
      for (const option of worker.match(/--[a-z]+/g)!) expect(stdout).to.contain(`${option} <`);
    });
  }
});
