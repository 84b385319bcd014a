import { join } from "node:path";
import { expect } from "chai";
import { readTrace } from "../../traces/read-trace.js";
import { npyFile, safetensorsFile, torchFile } from "./array-files.js";
import { loadsRead, readFolder, tokensOf, tokensRead, withFiles } from "./trace-files.js";

const map = { shape: [1, 4], values: BigInt64Array.from([0, 1, 2, 3].map(BigInt)) };

function recording(rank: number, ...passes: readonly (readonly number[])[]): Uint8Array {
  const records = passes.map((ids, pass) => ({
    forward_pass_id: pass,
    rank,
    topk_ids_of_layer: { shape: [1, ids.length / 2, 2], values: Int32Array.from(ids) },
  }));
  return torchFile({ records, last_physical_to_logical_map: map });
}

describe("recordings of several ranks", () => {
  it("count once where ranks computed the same batch, however the files are given", async () => {
    const files = {
      "a_0.pt": recording(0, [0, 1, 2, 3], [1, 2]),
      "a_1.pt": recording(1, [0, 1, 2, 3], [1, 2]),
    };
    const once = {
      0: [
        [0, 1],
        [2, 3],
        [1, 2],
      ],
    };
    const folder = await readFolder(files);
    expect(tokensRead(folder)).to.deep.equal(once);
    expect(folder.report.warnings[0]).to.equal(
      "2 of 4 recordings are the same as another rank's at the same step (a_1.pt): ranks that computed the same batch, " +
        "which was counted once",
    );
    await withFiles(files, async (path) => {
      const { trace, parts } = await readTrace([join(path, "a_0.pt"), join(path, "a_1.pt")]);
      expect(tokensOf(trace)).to.deep.equal(once);
      expect(parts).to.have.length(1);
    });
  });

  it("add up where ranks have tokens of their own, even where these are alike at other steps", async () => {
    const files = { "a_0.pt": recording(0, [0, 1], [1, 2]), "a_1.pt": recording(1, [1, 2], [0, 1]) };
    const { report, ...routing } = await readFolder(files);
    expect(tokensRead({ report, ...routing })).to.deep.equal({
      0: [
        [0, 1],
        [1, 2],
        [1, 2],
        [0, 1],
      ],
    });
    expect(report.warnings.join()).not.to.match(/same batch/);
  });

  it("are told for loads, too", async () => {
    const counts = { logical_count: { shape: [1, 3], values: Int32Array.of(1, 2, 3) } };
    const routing = await readFolder({ "s_0.pt": torchFile(counts), "s_1.pt": torchFile(counts) });
    expect(loadsRead(routing)).to.deep.equal({ 0: [1, 2, 3] });
    expect(routing.report.warnings[0]).to.match(/^1 of 2 recordings are the same/);
  });

  it("are told for load matrices of any container, in files and in one array, and add up where they differ", async () => {
    const shape = [2, 4];
    const [one, two] = [Float64Array.of(5, 9, 2, 8, 30, 1, 7, 6), Float64Array.of(6, 9, 2, 8, 30, 1, 7, 6)];
    const once = { 0: [5, 9, 2, 8], 1: [30, 1, 7, 6] };
    const json = JSON.stringify([
      [5, 9, 2, 8],
      [30, 1, 7, 6],
    ]);
    const pairs: readonly (readonly [Uint8Array | string, Uint8Array | string])[] = [
      [npyFile({ shape, values: one }), npyFile({ shape, values: Int32Array.from(one) })],
      [torchFile({ counts: { shape, values: one } }), torchFile({ counts: { shape, values: one } })],
      [safetensorsFile({ load: { shape, values: one } }), safetensorsFile({ load: { shape, values: one } })],
      [json, json],
    ];
    for (const [first, second] of pairs) {
      const routing = await readFolder({ load_0: first, load_1: second }, { as: "loads" });
      expect(loadsRead(routing), String(first)).to.deep.equal(once);
      expect(routing.report.warnings[0]).to.match(/^1 of 2 recordings are the same as another rank's/);
    }
    const ranks = npyFile({ shape: [3, 2, 4], values: Float64Array.of(...one, ...one, ...one) });
    expect(loadsRead(await readFolder({ a: ranks }, { as: "loads" }))).to.deep.equal(once);
    const apart = { a: npyFile({ shape, values: one }), b: npyFile({ shape, values: two }) };
    expect(loadsRead(await readFolder(apart, { as: "loads" }))).to.deep.equal({
      0: [11, 18, 4, 16],
      1: [60, 2, 14, 12],
    });
  });

  it("are told for TensorRT-LLM", async () => {
    const ids = { "0_3": { shape: [2, 2], values: Int32Array.of(0, 1, 2, 3) } };
    const own = { ...ids, "1_3": { shape: [1, 2], values: Int32Array.of(3, 1) } };
    const routing = await readFolder({
      "rank0_raw.safetensors": safetensorsFile(ids),
      "rank1_raw.safetensors": safetensorsFile(own),
    });
    expect(tokensRead(routing)).to.deep.equal({
      3: [
        [0, 1],
        [2, 3],
        [3, 1],
      ],
    });
  });
});

describe("Megatron router trace", () => {
  const line = (rank: number, layer: number, rows: readonly (readonly number[])[], more = {}) =>
    `${JSON.stringify({ step: 0, stage: "pre_dispatch", block: "decoder", layer, rank, num_tokens: rows.length, topk: 2, top_indices: rows, ...more })}\n`;

  it("is read with the numbers of its layers, ranks of the same tokens once, other blocks not at all", async () => {
    const routing = await readFolder({
      "router_trace_rank0.jsonl":
        line(0, 1, [
          [0, 1],
          [2, 3],
        ]) +
        line(0, 2, [[3, 0]]) +
        line(0, 1, [[5, 4]], { block: "mtp" }),
      "router_trace_rank1.jsonl":
        line(1, 1, [
          [0, 1],
          [2, 3],
        ]) + line(1, 2, [[1, 2]]),
    });
    expect(routing.report.sources[0].format).to.equal("Megatron router trace");
    expect(tokensRead(routing)).to.deep.equal({
      1: [
        [0, 1],
        [2, 3],
      ],
      2: [
        [3, 0],
        [1, 2],
      ],
    });
    expect(routing.report.warnings.join("\n")).to.match(/1 lines of other blocks[^]*1 of 4 recordings/);
  });

  it("leaves a line out that was cut off, and refuses any other that is none", async () => {
    const cut = await readFolder({ "a.jsonl": line(0, 1, [[0, 1]]) + line(0, 1, [[2, 3]]).slice(0, -5) });
    expect(tokensRead(cut)).to.deep.equal({ 1: [[0, 1]] });
  });
});
