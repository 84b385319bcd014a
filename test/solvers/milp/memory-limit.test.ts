import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

/** WebAssembly that gets no more than 24 MiB, in every thread: HiGHS itself then runs out of memory. */
const LITTLE_MEMORY = `
const grow = WebAssembly.Memory.prototype.grow;
WebAssembly.Memory.prototype.grow = function (pages) {
  if (this.buffer.byteLength + 65536 * pages > 24 * 2 ** 20) throw new RangeError("failed to grow memory");
  return grow.call(this, pages);
};
`;

interface Answers {
  undecided: { status: string; reason: string };
  withStart: { status: string; objective: number };
  next: { status: string; objective: number };
  lp: string;
  nextLp: number;
}

describe("HiGHS without memory", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "moeplace-"));
    writeFileSync(join(folder, "little-memory.cjs"), LITTLE_MEMORY);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("decides nothing and says why, keeps the start it was given, and leaves the next models theirs", () => {
    const child = fileURLToPath(new URL("memory-limit-child.js", import.meta.url));
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--require", join(folder, "little-memory.cjs"), child],
      { encoding: "utf8" },
    );
    expect(stdout, stderr).to.not.equal("");
    const { undecided, withStart, next, lp, nextLp } = JSON.parse(stdout) as Answers;
    expect(undecided.status).to.equal("undecided");
    expect(undecided.reason).to.match(/^highs failed: RuntimeError: Aborted/);
    expect(withStart.status).to.equal("feasible");
    expect(next).to.deep.equal({ status: "optimal", objective: 3, bound: 3 });
    expect([lp, nextLp]).to.deep.equal(["no answer", 3]);
  });
});
