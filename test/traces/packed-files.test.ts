import { expect } from "chai";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { npyFile } from "./array-files.js";
import { zstdFile } from "./packed-files.js";
import { failureOf, fixture, readContent, readFolder, tokensOf } from "./trace-files.js";

const text = '{"layer":0,"experts":[1,2]}\n{"layer":0,"experts":[3,0]}\n';
const rows = {
  0: [
    [1, 2],
    [3, 0],
  ],
};

describe("zstd", () => {
  it("is unpacked by content: frames one after the other, what is to be skipped, checksums or none", async () => {
    // Two frames by zstd -19 and zstd -1 --no-check, a skippable one between them.
    const { trace, report } = await readContent(readFileSync(fixture("rows.jsonl.zst")));
    expect(trace.layers.map(({ numTokens }) => numTokens)).to.deep.equal([400, 400]);
    expect(trace.layers[0].experts.reduce((sum, expert) => sum + expert, 0)).to.equal(6002);
    expect(report.sources[0].why).to.match(/^unpacked from zstd; a first line of JSON/);
  });

  it("may hold arrays and blocks of any size", async () => {
    for (const blockBytes of [1, 7, 100_000]) {
      const { trace } = await readContent(zstdFile(Buffer.from(text), { blockBytes }));
      expect(tokensOf(trace)).to.deep.equal(rows);
    }
    const array = npyFile({ shape: [2, 1, 2], values: Int32Array.of(1, 2, 3, 0) });
    expect(tokensOf((await readContent(zstdFile(array))).trace)).to.deep.equal(rows);
  });

  it("is read as far as it goes where it was cut off", async () => {
    const whole = zstdFile(Buffer.from(text), { blockBytes: 10 });
    const { trace, report } = await readContent(whole.subarray(0, whole.length - 5));
    expect(tokensOf(trace)).to.deep.equal({ 0: [rows[0][0]] });
    expect(report.warnings[0]).to.match(/cut off/);
  });

  it("is refused where it is damaged, or asks for more memory than files do", async () => {
    const damaged = zstdFile(Buffer.from(text));
    damaged[6] |= 6;
    expect(await failureOf(readContent(damaged))).to.match(
      /found .*, expected a whole zstd file\nMaybe unpack/,
    );
    const wide = zstdFile(Buffer.from(text), { windowLog: 31 });
    expect(await failureOf(readContent(wide))).to.match(/found a window of 2147483648 bytes/);
    // Loads, and 1000 blocks that repeat a zero 128 thousand times.
    const loads = npyFile({ shape: [3, 2 ** 25], values: Float32Array.of(1.5) });
    const begun = zstdFile(loads, { blockBytes: loads.length });
    begun[6] &= 0xfe;
    const bomb = Buffer.concat([begun, ...Array<Buffer>(1000).fill(Buffer.from([2, 0, 0x10, 0]))]);
    expect(await failureOf(readContent(bomb))).to.match(/that unpack to more than/);
  });
});

describe("UTF-16", () => {
  it("is read in both orders of bytes, for every format of text", async () => {
    for (const content of [text, "layer,token,e0,e1\r\n0,0,1,2\r\n0,1,3,0\r\n", JSON.stringify(rows)]) {
      const little = Buffer.from(`\uFEFF${content}`, "utf16le");
      for (const bytes of [little, Buffer.from(little).swap16()]) {
        const { trace, report } = await readContent(bytes);
        expect(tokensOf(trace), content).to.deep.equal(rows);
        expect(report.sources[0].why).to.match(/^unpacked from UTF-16; /);
      }
    }
  });

  it("whose characters are cut by pieces of the file is read whole", async () => {
    const long = `{"num_experts":4,"model":"x${"\u{1F600}".repeat(400_000)}"}\n${text}`;
    const { trace } = await readContent(Buffer.from(`\uFEFF${long}`, "utf16le"));
    expect([trace.model?.length, tokensOf(trace)]).to.deep.equal([800_001, rows]);
  });
});

describe("files that hold no trace as they are", () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["Arrow", Buffer.from("ARROW1\0\0abc"), /found Arrow, .*to_parquet/s],
    ["HDF5", Buffer.from("\x89HDF\r\n\x1a\n abc", "latin1"), /found HDF5, .*numpy\.save/s],
    ["a pickle", Buffer.from("80049511", "hex"), /found a Python pickle, .*numpy\.save/s],
    ["xz", Buffer.from("fd377a585a00", "hex"), /found xz, .*unpack it first/s],
    ["UTF-16", Buffer.from("{}{}", "utf16le"), /found text in UTF-16 without a byte order mark, .*UTF-8/s],
    ["tar, packed", gzipSync(Buffer.from(`${"\0".repeat(257)}ustar`)), /found tar, .*folder/s],
  ];
  for (const [name, content, message] of cases) {
    it(`are named, with the way out: ${name}`, async () => {
      expect(await failureOf(readFolder({ trace: content }))).to.match(message);
    });
  }
});
