import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { writeOutput } from "../../cli/output-file.js";
import { InputError } from "../../lib/errors.js";
import { printableLines } from "../../lib/printable.js";
import { expectRejection } from "../expect-rejection.js";

describe("output files", () => {
  let folder: string;
  const path = (name: string) => join(folder, name);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "moeplace-"));
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  });

  it("leave a link as it is, and replace what it leads to", async () => {
    writeFileSync(path("real.json"), "old");
    symlinkSync("real.json", path("link.json"));
    await expectRejection(writeOutput(path("link.json"), "new", {}), /found a file/);
    await writeOutput(path("link.json"), "new", { force: true });
    expect(lstatSync(path("link.json")).isSymbolicLink()).to.equal(true);
    expect(readFileSync(path("real.json"), "utf8")).to.equal("new");
  });

  it("are not written through a link that leads nowhere, or one where the temporary file is to be", async () => {
    symlinkSync("nowhere", path("link.json"));
    await expectRejection(writeOutput(path("link.json"), "new", { force: true }), /leads nowhere/);
    writeFileSync(path("victim"), "old");
    symlinkSync("victim", path(`p.json.${process.pid}.tmp`));
    await writeOutput(path("p.json"), "new", {});
    expect(readFileSync(path("victim"), "utf8")).to.equal("old");
    expect(readFileSync(path("p.json"), "utf8")).to.equal("new");
  });

  it("take away what killed runs have left of them, and nothing else", async () => {
    const ended = 2 ** 22 + 1;
    writeFileSync(path(`p.json.${ended}.tmp`), "half");
    writeFileSync(path(`p.json.${process.ppid}.tmp`), "of a run that goes on");
    writeFileSync(path(`other.json.${ended}.tmp`), "of another file");
    await writeOutput(path("p.json"), "whole", {});
    expect(readdirSync(folder).sort()).to.deep.equal(
      ["p.json", `other.json.${ended}.tmp`, `p.json.${process.ppid}.tmp`].sort(),
    );
  });

  it("stay whole, and leave nothing beside them, where writing fails in the middle", async () => {
    writeFileSync(path("p.json"), "old");
    function* broken() {
      yield "half";
      throw new InputError("trace: ends");
    }
    await expectRejection(writeOutput(path("p.json"), broken(), { force: true }), /trace: ends/);
    expect(readdirSync(folder)).to.deep.equal(["p.json"]);
    expect(readFileSync(path("p.json"), "utf8")).to.equal("old");
  });

  it("stay whole where the run is killed while it writes, and the next run takes away what it left", async () => {
    writeFileSync(path("p.json"), "old");
    const script = `
      import { writeOutput } from ${JSON.stringify(new URL("../../cli/output-file.js", import.meta.url).href)};
      function* endless() { for (;;) yield "x".repeat(65536); }
      await writeOutput(${JSON.stringify(path("p.json"))}, endless(), { force: true });`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
    const left = `p.json.${child.pid}.tmp`;
    while (!existsSync(path(left))) await setTimeout(10);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(readFileSync(path("p.json"), "utf8")).to.equal("old");
    await writeOutput(path("p.json"), "new", { force: true });
    expect(readdirSync(folder)).to.deep.equal(["p.json"]);
  });

  it("say that the disk is full", async function () {
    if (!existsSync("/dev/full")) this.skip();
    const failure = await writeOutput("/dev/full", "x", {}).catch((error: unknown) => error as InputError);
    expect(failure).to.be.instanceOf(InputError);
    expect((failure as InputError).message).to.equal("/dev/full: cannot be written (ENOSPC)");
    expect((failure as InputError).advice).to.equal("Maybe the disk is full.");
  });
});

describe("lines on a terminal", () => {
  it("keep their styles and write out whatever else steers it", () => {
    expect(printableLines("\u001b[1mname\u001b[22m\n\u001b]0;x\u0007\u001b[8m\u202e")).to.equal(
      "\u001b[1mname\u001b[22m\n\\x1b]0;x\\x07\\x1b[8m\\u202e",
    );
  });
});
