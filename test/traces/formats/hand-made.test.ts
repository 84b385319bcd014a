import { expect } from "chai";
import { failureOf, loadsRead, readContent, readFolder, tokensOf } from "../trace-files.js";

const tokens = {
  1: [
    [8, 26],
    [3, 4],
  ],
};
const loads = { 0: [1, 2, 3], 1: [4, 5, 6] };

describe("hand-made files", () => {
  it("may be CSV of layer, token and experts, with and without a header", async () => {
    const rows = "1,0,8,26\n1,1,3,4\n";
    for (const content of [rows, `layer,token,e0,e1\r\n${rows}`, `\uFEFFlayer,token,e0,e1\n${rows}`]) {
      expect(tokensOf((await readContent(content)).trace)).to.deep.equal(tokens);
    }
    expect(await failureOf(readContent("1,0,8,26\n1,x,3,4\n", { name: "a.csv" }))).to.match(
      /a\.csv:2: found 1,x,3,4/,
    );
  });

  it("may be tables with any separator, with names of columns or without, and with lists or what is missing", async () => {
    const files = [
      "layer_id,token_id,expert_0,expert_1\n1,0,8,26\n1,1,3,4\n",
      "layer, token, k1, w1, k2, w2\n1, 0, 8, 0.5, 26, 0.5\n1, 1, 3, 0.5, 4, 0.5\n".replaceAll(
        /k(\d)/g,
        "e$1",
      ),
      "layer;token;e0;e1\n1;0;8;26\n1;1;3;4\n",
      "layer\ttoken\te0\te1\n1\t0\t8\t26\n1\t1\t3\t4\n",
      'layer,token,experts\n1,0,"[8, 26]"\n1,1,"[3, 4]"\n',
      "layer,token,experts\n1,0,8 26\n1,1,3 4\n",
      "layer,token,e0,e1,e2\n1,0,8.0,26.0,\n1,1,3.0,4.0,NaN\n",
      "1 0 8 26\n1 1 3 4\n",
      "1.0e+00 0.0e+00 8.0e+00 2.6e+01\n1.0e+00 1.0e+00 3.0e+00 4.0e+00\n",
    ];
    for (const content of files) {
      expect(tokensOf((await readContent(content)).trace), content).to.deep.equal(tokens);
    }
  });

  it("may be a matrix without names, whose numbers tell what it is", async () => {
    const row = (layer: number) => [5000 + layer, 20, 3, 900, 17, 4, 60, 2];
    const matrix = [row(0), row(1)];
    for (const separator of [",", " ", "\t"]) {
      const content = matrix.map((loads) => `${loads.join(separator)}\n`).join("");
      expect(loadsRead(await readFolder({ "a.csv": content }))).to.deep.equal({ 0: row(0), 1: row(1) });
    }
    const wide = `layer,${row(0)
      .map((_, at) => `e${at}`)
      .join()}\n${matrix.map((loads, at) => `${at},${loads.join()}\n`).join("")}`;
    expect(loadsRead(await readFolder({ "a.csv": wide }))).to.deep.equal({ 0: row(0), 1: row(1) });
    const ids = Array.from({ length: 200 }, (_, at) =>
      [0, 16, 32, 48].map((first) => first + ((at * 7) % 13)),
    );
    const named = await readContent(ids.map((one) => `${one.join()}\n`).join(""), { name: "layer_4.csv" });
    expect(tokensOf(named.trace)).to.deep.equal({ 4: ids });
  });

  it("of three columns without names are asked for", async () => {
    const content = Array.from({ length: 8 }, (_, at) => `${at >> 2},${at & 3},${(at * 5) % 7}\n`).join("");
    expect(await failureOf(readContent(content))).to.match(/pass as tokens, or pass as loads/);
    const { trace } = await readContent(content, { as: "tokens" });
    expect(trace.topK).to.equal(1);
    expect(loadsRead(await readFolder({ a: content }, { as: "loads" }))).to.deep.equal({
      0: [0, 5, 3, 1],
      1: [6, 4, 2, 0],
    });
  });

  it("may be CSV of loads", async () => {
    const content = "layer_id,expert_id,count\n0,0,1\n0,1,2\n0,2,3\n1,0,4\n1,1,5\n1,2,6\n";
    expect(loadsRead(await readFolder({ "a.csv": content }))).to.deep.equal(loads);
  });

  it("may be JSON: rows, rows by layer, loads", async () => {
    const list = JSON.stringify(tokens[1].map((experts, token) => ({ layer: 1, token, experts })));
    for (const content of [list, JSON.stringify(tokens)]) {
      expect(tokensOf((await readContent(content)).trace)).to.deep.equal(tokens);
    }
    const matrix = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    for (const content of [matrix, { counts: matrix }]) {
      expect(loadsRead(await readFolder({ "a.json": JSON.stringify(content) }))).to.deep.equal(loads);
    }
  });
});

describe("vLLM EPLB statistics", () => {
  it("are mapped back from slots to experts, and added up by step", async () => {
    const line = (expert_load: number[][]) =>
      `${JSON.stringify({
        record_type: "eplb_load_stats",
        version: 1,
        expert_load,
        p2l_map: [
          [0, 1, 2, 1],
          [2, 1, 0, 0],
        ],
      })}\n`;
    const content =
      line([
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ]) +
      line([
        [10, 0, 0, 0],
        [0, 0, 0, 10],
      ]);
    expect(loadsRead(await readFolder({ "a.jsonl": content }))).to.deep.equal({
      0: [11, 6, 3],
      1: [17, 2, 1],
    });
  });
});
