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
