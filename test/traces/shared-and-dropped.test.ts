import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { NO_EXPERT } from "../../lib/trace/routing-trace.js";
import { npyFile } from "./array-files.js";
import { failureOf, loadsRead, readFolder, row, tokensRead } from "./trace-files.js";

/** Tokens of `numExperts`, the same number in each. */
function tokensOf(numTokens: number, topK: number, numExperts: number): number[][] {
  const random = createRandom(numTokens, topK, numExperts);
  return Array.from({ length: numTokens }, () => {
    const chosen = new Set<number>();
    while (chosen.size < topK) chosen.add(Math.floor(random.next() ** 1.3 * numExperts));
    return [...chosen];
  });
}

function cube(rows: readonly (readonly number[])[], numLayers = 1): Buffer {
  const shape = [rows.length / numLayers, numLayers, rows[0].length];
  return npyFile({ shape, values: Int32Array.from(rows.flat()) });
}

function lines(rows: readonly (readonly number[])[], header = ""): string {
  return header + rows.map((experts, token) => row(0, token, experts)).join("");
}

describe("experts that are left out", () => {
  const tokens = tokensOf(300, 6, 64);
  const shared = tokens.map((experts) => [...experts, 64]);

  it("are no part of top-k, which may be told with or without them, in every container", async () => {
    for (const topK of [undefined, 6, 7]) {
      for (const numExperts of [undefined, 64]) {
        const options = { topK, numExperts, dropExperts: [64] };
        for (const file of [cube(shared), lines(shared), lines(shared, '{"num_experts":64,"top_k":7}\n')])
          expect(tokensRead(await readFolder({ a: file }, options))).to.deep.equal({ 0: tokens });
      }
    }
    expect(await failureOf(readFolder({ a: lines(shared) }, { topK: 5, dropExperts: [64] }))).to.match(
      /found 6 experts in a token, expected 5/,
    );
  });

  it("may be more in some tokens than in others", async () => {
    const all = tokensOf(300, 8, 80);
    const dropExperts = Array.from({ length: 16 }, (_, at) => 64 + at);
    const expected = all
      .map((experts) => experts.filter((expert) => expert < 64))
      .filter(({ length }) => length);
    for (const topK of [undefined, 8]) {
      const read = await readFolder({ a: cube(all) }, { topK, numExperts: 64, dropExperts });
      const [rows] = Object.values(tokensRead(read) as Record<string, number[][]>);
      const chosen = rows.map((row) => row.filter((expert) => expert !== NO_EXPERT));
      expect(chosen).to.deep.equal(expected);
    }
  });

  it("are named where replicas of a shared expert take the same place of every token", async () => {
    const replicas = tokens.map((experts, token) => [...experts, 64 + (token % 8)]);
    const { report } = await readFolder({ a: cube(replicas) });
    expect(report.warnings.join("\n")).to.match(
      /experts 64, 65, .*, 71 are the only ones in place 6 of every token.*pass dropExperts 64,65,66,67,68,69,70,71/,
    );
    // One of each group, as routers with groups choose: every place has experts of its own.
    const grouped = tokens.map((experts) => experts.map((expert, group) => 64 * group + expert));
    expect((await readFolder({ a: cube(grouped) })).report.warnings.join()).not.to.match(/the only ones/);
    const sorted = tokens.map((experts) => experts.toSorted((a, b) => a - b));
    expect((await readFolder({ a: cube(sorted) })).report.warnings.join()).not.to.match(/the only ones/);
  });
});

describe("layers without a choice", () => {
  it("are those whose tokens all have the first experts in order, and are left out where others choose", async () => {
    for (const topK of [1, 2, 6]) {
      const tokens = tokensOf(100, topK, 64);
      const order = Array.from({ length: topK }, (_, place) => place);
      const both = tokens.flatMap((experts) => [order, experts]);
      const read = await readFolder({ "a.npy": cube(both, 2) }, { topK, numExperts: 64 });
      expect(tokensRead(read), `top-${topK}`).to.deep.equal({ 1: tokens });
      expect(read.report.warnings.join()).to.match(/every token of layer 0 has expert/);
    }
  });
});

describe("loads of a few layers", () => {
  it("are no table because the first experts happen to count", async () => {
    for (const first of [
      [0, 0, 0, 1, 0, 2],
      [0, 1, 1, 1, 2, 1],
      [0, 0, 0, 0, 0, 1],
    ]) {
      const loads = [0, 1, 2].map((layer) =>
        Array.from({ length: 64 }, (_, expert) =>
          expert < 2 ? first[2 * layer + expert] : (expert * 7 + layer) % 5,
        ),
      );
      const file = npyFile({ shape: [3, 64], values: Int32Array.from(loads.flat()) });
      expect(loadsRead(await readFolder({ "a.npy": file }, { numExperts: 64 }))).to.deep.equal(
        Object.fromEntries(loads.entries()),
      );
    }
  });

  it("may leave out experts without tokens where their number is told", async () => {
    const content = "layer,expert,count\n0,0,5\n0,3,2\n1,1,4\n";
    expect(loadsRead(await readFolder({ "a.csv": content }, { numExperts: 8 }))).to.deep.equal({
      0: [5, 0, 0, 2, 0, 0, 0, 0],
      1: [0, 4, 0, 0, 0, 0, 0, 0],
    });
    const more = "layer,expert,count\n0,5,1\n";
    expect(await failureOf(readFolder({ "a.csv": content, "b.csv": more }))).to.match(
      /found 6 experts, expected 4\nMaybe pass numExperts/,
    );
  });
});

describe("ids that cannot be, among others", () => {
  it("make no loads of tokens", async () => {
    for (const wrong of [5000, 2 ** 31 - 1]) {
      const rows = tokensOf(400, 6, 64).map((experts, at) =>
        at === 9 ? [...experts.slice(1), wrong] : experts,
      );
      expect(await failureOf(readFolder({ "a.npy": cube(rows, 4) }))).to.match(
        /pass as tokens, or pass as loads/,
      );
      expect(await failureOf(readFolder({ "a.npy": cube(rows, 4) }, { topK: 6, numExperts: 64 }))).to.match(
        /expert/,
      );
    }
  });
});

describe("columns separated by spaces", () => {
  it("may have names", async () => {
    const tokens = tokensOf(40, 3, 16);
    for (const [separator, end] of [
      [" ", "\n"],
      ["  ", "\r\n"],
    ]) {
      const table = [
        ["layer", "token", "e0", "e1", "e2"],
        ...tokens.map((experts, token) => [0, token, ...experts]),
      ];
      const content = table.map((cells) => cells.join(separator) + end).join("");
      expect(tokensRead(await readFolder({ a: content }))).to.deep.equal({ 0: tokens });
    }
  });
});
