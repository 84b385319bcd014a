import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { readTrace } from "../../traces/read-trace.js";
import { failureOf, readContent, realFile, row, tokensOf, withFiles } from "./trace-files.js";

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
      "InputError: trace: found nothing but 20 warm-up rows, expected tokens that differ\nMaybe pass --keep-warmup.",
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
    const content = Array.from({ length: 1000 }, (_, token) => row(0, token, [token % 5, 7])).join("");
    let read = 0;
    await readContent(content, { onProgress: ({ bytesRead }) => (read = bytesRead) });
    expect(read).to.equal(content.length);
  });
});

describe("vLLM route log", () => {
  const route = (layer: number, token: number, ids: readonly number[]) =>
    `${JSON.stringify({ type: "route", req_id: "r1", token_idx: token, layer, topk_ids: ids, topk_weights: [0.5, 0.25] })}\n`;
  const meta = `{"type": "meta", "model_id": "tiny", "layers_logged": [0], "top_k": 2}\n`;

  it("reads the model from the meta line and the ids from the route lines", async () => {
    const { trace, report } = await readContent(meta + route(0, 0, [3, 1]) + route(0, 1, [2, 0]));
    expect(trace).to.deep.include({ model: "tiny", numExperts: 4, topK: 2 });
    expect(tokensOf(trace)).to.deep.equal({
      0: [
        [3, 1],
        [2, 0],
      ],
    });
    expect(report.sources[0].format).to.equal("vLLM route log");
  });

  it("names the line where a row is not as wide as the meta line says", async () => {
    expect(await failureOf(readContent(meta + route(0, 0, [3, 1, 2])))).to.match(
      /trace:2: found 3 experts in a token, expected 2/,
    );
  });

  it("finds the warm-up rows of a real log", async function () {
    const { trace, report } = await readTrace([realFile(this, "formats", "vllm-route-log/moe_layer0.jsonl")]);
    expect(report.layers).to.deep.equal([{ layer: 0, rowsRead: 12_805, warmupRows: 8448 }]);
    expect(trace).to.deep.include({ numExperts: 60, topK: 4 });
    // The published trace was cleaned by its collector, independently.
    const published = await readTrace([realFile(this, "traces", "qwen15moe-5l-weiran.jsonl.gz")]);
    expect(trace.layers[0].experts).to.deep.equal(published.trace.layers[0].experts);
  });
});

describe("ESFT expert scores", () => {
  const line = (ids: readonly number[]) => `${ids.join("\t")}\t\t${ids.map(() => "0.125").join("\t")}\n`;

  it("reads a sequence from every line, and top-k from where the ids of a token are distinct", async () => {
    const files = {
      "expert_weights_2.txt": line([0, 1, 2, 0, 3, 1]) + line([4, 5, 6]),
      "expert_weights_10.txt": line([0, 1, 3, 1, 0, 2]) + line([7, 5, 6]),
    };
    await withFiles(files, async (folder) => {
      const { trace, report } = await readTrace([folder]);
      expect(trace).to.deep.include({ numExperts: 8, topK: 3 });
      expect(tokensOf(trace)).to.deep.equal({
        2: [
          [0, 1, 2],
          [0, 3, 1],
          [4, 5, 6],
        ],
        10: [
          [0, 1, 3],
          [1, 0, 2],
          [7, 5, 6],
        ],
      });
      expect(trace.layers[1].sequenceStarts).to.deep.equal(Uint32Array.of(0, 2));
      expect(report.sources[0]).to.include({ format: "ESFT expert scores", numFiles: 2 });
    });
  });

  it("survives a last line that was cut off, and names a damaged one", async () => {
    const name = "expert_weights_1.txt";
    const cut = line([4, 5, 6]).slice(0, -12);
    const { trace, report } = await readContent(line([0, 1, 2, 0, 3, 1]) + cut, { name });
    expect(trace.layers[0].numTokens).to.equal(2);
    expect(report.warnings.join()).to.match(/expert_weights_1\.txt:2: the last line is cut off/);
    const damaged = line([0, 1, 2, 0, 3, 1]) + `${cut}\n` + line([4, 5, 6]);
    expect(await failureOf(readContent(damaged, { name }))).to.match(
      /expert_weights_1\.txt:2: found .* expected ids, two tabs, as many weights/,
    );
  });

  it("reads the real files as the published trace has them", async function () {
    const { trace } = await readTrace([realFile(this, "formats", "esft/law")]);
    const published = await readTrace([realFile(this, "traces", "esft-dsv2lite-law.jsonl.gz")]);
    for (const layer of trace.layers) {
      expect(layer).to.deep.equal(published.trace.layers.find((one) => one.layer === layer.layer));
    }
    expect(trace).to.deep.include({ numExperts: 64, topK: 6 });
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
