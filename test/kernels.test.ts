import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { npyFile } from "./traces/array-files.js";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

describe("kernels", () => {
  it("are those that the sources compile to", () => {
    const { status, stderr } = run("kernels/build.js", ["--check"]);
    expect(status, stderr).to.equal(0);
  });

  it("change nothing: arrays of every width are the same trace without them", () => {
    const folder = mkdtempSync(join(tmpdir(), "moeplace-test-"));
    try {
      const ids = Array.from({ length: 3000 * 8 }, (_, at) => (13 * (at >> 3) + 5 * (at & 7)) % 97);
      const arrays = [
        ...[Uint8Array, Int8Array, Uint16Array, Int16Array, Int32Array].map((type) => type.from(ids)),
        BigInt64Array.from(ids, BigInt),
      ];
      const files = arrays.map((values, at) => {
        const file = join(folder, `${at}.npy`);
        writeFileSync(file, npyFile({ shape: [1000, 3, 8], values }));
        return file;
      });
      const traces = ["0", "1"].map((without) => {
        const output = join(folder, `${without}.moeplace`);
        const { status, stderr } = run("dist/cli.js", ["convert", ...files, "-o", output], {
          MOEPLACE_NO_WASM: without,
        });
        expect(status, stderr).to.equal(0);
        return readFileSync(output);
      });
      expect(traces[0].equals(traces[1])).to.equal(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("change nothing: negative ids are refused in the same words without them", () => {
    const folder = mkdtempSync(join(tmpdir(), "moeplace-test-"));
    try {
      const ids = Array.from({ length: 3000 * 8 }, (_, at) => (13 * (at >> 3) + 5 * (at & 7)) % 97);
      ids[100] = -2;
      for (const type of [Int8Array, Int16Array, Int32Array]) {
        const file = join(folder, "ids.npy");
        writeFileSync(file, npyFile({ shape: [1000, 3, 8], values: type.from(ids) }));
        const told = ["0", "1"].map(
          (without) => run("dist/cli.js", ["inspect", file], { MOEPLACE_NO_WASM: without }).stderr,
        );
        expect(told[0]).to.contain("found a negative id");
        expect(told[1]).to.equal(told[0]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("change nothing: a placement is the same, byte by byte, without them", () => {
    const folder = mkdtempSync(join(tmpdir(), "moeplace-test-"));
    try {
      const placed = ["0", "1"].map((without) => {
        const file = join(folder, `${without}.json`);
        const trace = join(folder, "trace.jsonl");
        run("dist/cli.js", ["synth", "--layers", "1", "--tokens", "2000", "-o", trace, "--force"]);
        const args = ["place", trace, "--chiplets", "16", "--solver", "local-search", "-o", file, "--quiet"];
        const { status, stderr } = run("dist/cli.js", args, { MOEPLACE_NO_WASM: without });
        expect(status, stderr).to.equal(0);
        return readFileSync(file);
      });
      expect(placed[0].equals(placed[1])).to.equal(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function run(script: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, [join(root, script), ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
}
