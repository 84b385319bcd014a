import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { writeBinaryTrace } from "../../traces/formats/binary-trace.js";
import { readTrace } from "../../traces/read-trace.js";
import { keepsBlock } from "../../traces/sampling.js";
import { failureOf, readContent, row, tokensOf, withFiles } from "./trace-files.js";

describe("reading traces", () => {
  it("drops 20 or more identical rows in a row, wherever they are, and counts them by layer", async () => {
    const rows = [
      ...Array.from({ length: 25 }, () => [0, 1]),
      [2, 3],
      ...Array.from({ length: 19 }, () => [4, 5]),
      [5, 4],
      ...Array.from({ length: 20 }, () => [6, 7]),
    ];
    const content = rows.map((experts, token) => row(2, token, experts)).join("") + row(9, 0, [0, 1]);
    const { trace, report } = await readContent(content);
    expect(tokensOf(trace)[2]).to.deep.equal([[2, 3], ...Array.from({ length: 19 }, () => [4, 5]), [5, 4]]);
    expect(report.layers).to.deep.equal([
      { layer: 2, rowsRead: 66, warmupRows: 45 },
      { layer: 9, rowsRead: 1, warmupRows: 0 },
    ]);
    const kept = await readContent(content, { keepWarmup: true });
    expect(tokensOf(kept.trace)[2]).to.deep.equal(rows);
    expect(kept.report.layers[0].warmupRows).to.equal(0);
  });

  it("drops what a slow and obvious filter drops, and moves the sequences along", async () => {
    const runs = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 30 })), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(runs, async (stretches) => {
        const rows = [
          [9, 8],
          ...stretches.flatMap(([expert, times]) => Array<number[]>(times).fill([expert, 9])),
        ];
        const kept = slowKept(rows);
        const lengths = Array.from({ length: Math.ceil(rows.length / 4) }, (_, at) =>
          Math.min(4, rows.length - 4 * at),
        );
        const header = JSON.stringify({ num_experts: 12, top_k: 2, sequence_lengths: lengths });
        const content = rows.map((experts, token) => row(0, token, experts)).join("");
        const { trace } = await readContent(`${header}\n${content}`);
        expect(tokensOf(trace)[0]).to.deep.equal(kept.map((at) => rows[at]));
        const starts = kept.filter(
          (at, index) => index === 0 || Math.floor(kept[index - 1] / 4) !== Math.floor(at / 4),
        );
        expect([...trace.layers[0].sequenceStarts!]).to.deep.equal(starts.map((at) => kept.indexOf(at)));
      }),
      { numRuns: 60 },
    );
  });

  it("says so where there is nothing but warm-up", async () => {
    const content = Array.from({ length: 20 }, (_, token) => row(0, token, [0, 1])).join("");
    expect(await failureOf(readContent(content))).to.equal(
      "InputError: trace: found nothing but 20 warm-up rows, expected tokens that differ\nMaybe pass keepWarmup.",
    );
  });

  it("reads several files as one trace of as many experts as all of them need", async () => {
    await withFiles({ a: row(0, 0, [0, 1]), b: row(0, 0, [2, 11]) + row(5, 0, [3, 4]) }, async (folder) => {
      const { trace, parts } = await readTrace([join(folder, "a"), join(folder, "b")]);
      expect(trace.numExperts).to.equal(12);
      expect(tokensOf(trace)).to.deep.equal({
        0: [
          [0, 1],
          [2, 11],
        ],
        5: [[3, 4]],
      });
      expect(parts.map(tokensOf)).to.deep.equal([{ 0: [[0, 1]] }, { 0: [[2, 11]], 5: [[3, 4]] }]);
    });
  });

  it("refuses files of different models", async () => {
    await withFiles({ a: row(0, 0, [0, 1]), b: row(0, 0, [2, 3, 1]) }, async (folder) => {
      expect(await failureOf(readTrace([join(folder, "a"), join(folder, "b")]))).to.match(
        /found 4 experts top-3, expected 4 experts top-2/,
      );
    });
  });

  it("reads the files of a folder as one part, in the order of the numbers in their names", async () => {
    const files = { "t10.jsonl": row(0, 0, [4, 5]), "t9.jsonl": row(0, 0, [2, 3]), "notes.md": "# Notes\n" };
    await withFiles(files, async (folder) => {
      const { trace, parts, report } = await readTrace([folder]);
      expect(tokensOf(trace)).to.deep.equal({
        0: [
          [2, 3],
          [4, 5],
        ],
      });
      expect(parts).to.have.length(1);
      expect(report.sources[0].numFiles).to.equal(2);
      expect(report.warnings[0]).to.match(/: 1 files of no known format were left out$/);
    });
  });

  it("tells of its progress in bytes on the disk", async () => {
    const content = Array.from({ length: 1000 }, (_, token) =>
      row(0, token, [token % 5, 5 + (token % 3)]),
    ).join("");
    let read = 0;
    await readContent(content, { onProgress: ({ bytesRead }) => (read = bytesRead) });
    expect(read).to.equal(content.length);
  });

  it("refuses loads and tokens together", async () => {
    const files = { a: row(0, 0, [0, 1]), b: JSON.stringify({ logical_count: [[1, 2]] }) };
    await withFiles(files, async (folder) => {
      expect(await failureOf(readTrace([join(folder, "a"), join(folder, "b")]))).to.equal(
        "InputError: b: found loads without tokens, expected tokens as in the other files",
      );
      expect(await failureOf(readTrace([folder]))).to.match(
        /found files of moeplace JSON Lines and EPLB load history/,
      );
    });
  });
});

describe("sampling", () => {
  const numTokens = 10_000;
  const rows = Array.from({ length: numTokens }, (_, token) => [token % 97, 100 + Math.floor(token / 97)]);
  const content = (layers: readonly number[]) =>
    `{"num_experts":300,"top_k":2,"sequence_lengths":[130,9870]}\n` +
    layers.map((layer) => rows.map((experts, token) => row(layer, token, experts)).join("")).join("");

  it("keeps whole blocks of 64 tokens, the same in all layers, and says so", async () => {
    const { trace, report } = await readContent(content([0, 1]), { maxTokens: 3000, keepWarmup: true });
    const stride = trace.sampledOneIn!;
    const kept = rows.filter((_, token) => keepsBlock(Math.floor(token / 64), stride));
    expect(kept.length).to.be.within(1000, 3000);
    expect(tokensOf(trace)).to.deep.equal({ 0: kept, 1: kept });
    expect(report.layers[0].rowsRead).to.equal(numTokens);
    expect(report.warnings.join()).to.match(
      new RegExp(
        `^sampled: one block of 64 tokens in ${stride} was kept in all layers, at most ${kept.length} `,
      ),
    );
  });

  it("keeps sequences where their first token kept is", async () => {
    const { trace } = await readContent(content([0]), { maxTokens: 3000, keepWarmup: true });
    const kept = [...rows.keys()].filter((token) => keepsBlock(Math.floor(token / 64), trace.sampledOneIn!));
    const second = kept.findIndex((token) => token >= 130);
    expect(trace.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, second));
  });

  it("keeps as many tokens of every stretch of a file, and block 0 always", () => {
    for (const stride of [2, 16, 64]) {
      for (const period of [1, 2, 8, 32, 100]) {
        const blocks = Array.from({ length: 100_000 }, (_, index) => index * period);
        const kept = blocks.filter((block) => keepsBlock(block, stride));
        const expected = blocks.length / stride;
        // Five standard deviations of a fair draw.
        expect(kept.length).to.be.within(
          expected - 5 * Math.sqrt(expected),
          expected + 5 * Math.sqrt(expected),
        );
        expect(kept[0]).to.equal(0);
        expect(kept.every((block) => keepsBlock(block, stride / 2))).to.equal(true);
      }
    }
  });

  it("samples all files alike, and counts their tokens together", async () => {
    await withFiles({ a: content([0]), b: content([0]) }, async (folder) => {
      const { trace, parts } = await readTrace([join(folder, "a"), join(folder, "b")], { maxTokens: 3000 });
      expect(trace.layers[0].numTokens).to.be.within(1000, 3000);
      expect(tokensOf(parts[0])).to.deep.equal(tokensOf(parts[1]));
      expect(trace.sampledOneIn).to.equal(parts[0].sampledOneIn);
    });
  });

  it("keeps the same tokens of a binary file as of text", async () => {
    const { trace } = await readContent(content([0, 1]));
    const text = await readContent(content([0, 1]), { maxTokens: 700 });
    const binary = await readContent(Buffer.concat([...writeBinaryTrace(trace)]), { maxTokens: 700 });
    expect(text.trace.layers[0].numTokens).to.be.within(64, 700);
    expect(binary.trace).to.deep.equal(text.trace);
  });

  it("keeps all where they are no more than allowed, and refuses less than a block", async () => {
    const { trace, report } = await readContent(content([0]), { maxTokens: numTokens });
    expect(trace.layers[0].numTokens).to.equal(numTokens);
    expect(report.warnings).to.deep.equal([]);
    expect(await failureOf(readContent(content([0]), { maxTokens: 63 }))).to.equal(
      "InputError: max-tokens: found 63, expected at least 64, one block of 64 tokens of every trace",
    );
  });
});

/** Indices of the rows that are not part of 20 or more identical ones. */
function slowKept(rows: readonly (readonly number[])[]): number[] {
  const text = rows.map(String);
  return rows.flatMap((_, at) => {
    let from = at;
    let to = at;
    while (text[from - 1] === text[at]) from--;
    while (text[to] === text[at]) to++;
    return to - from >= 20 ? [] : [at];
  });
}
