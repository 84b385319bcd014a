import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { readContent, row, tokensOf } from "./trace-files.js";

describe("warm-up", () => {
  it("is not what one hot expert makes by chance", async () => {
    const random = createRandom(3);
    const rows = Array.from({ length: 4000 }, () => [random.next() < 0.93 ? 2 : random.below(8)]);
    const content = (tokens: readonly (readonly number[])[]) =>
      tokens.map((experts, token) => row(5, token, experts)).join("");
    const { trace, report } = await readContent(content(rows));
    expect(report.layers).to.deep.equal([{ layer: 5, rowsRead: 4000, warmupRows: 0 }]);
    expect(tokensOf(trace)[5]).to.deep.equal(rows);
    const dummies = Array.from({ length: 3000 }, () => [7]);
    const withWarmup = await readContent(content([...rows.slice(0, 1000), ...dummies, ...rows.slice(1000)]));
    expect(withWarmup.report.layers[0].warmupRows).to.be.within(3000, 3002);
  });

  it("is the same in all layers: layers routed by a hash of the token repeat with the text", async () => {
    const random = createRandom(5);
    const numTokens = 600;
    const gated = Array.from({ length: numTokens }, () => {
      const first = random.below(16);
      return [first, (first + 1 + random.below(15)) % 16];
    });
    const hashed = gated.map((_, token) => [Math.floor(token / 30) % 16, 3 + (Math.floor(token / 30) % 13)]);
    const lines = (layer: number, rows: readonly (readonly number[])[]) =>
      rows
        .map((experts, token) => row(layer, token, new Set(experts).size === 2 ? experts : [15, 14]))
        .join("");
    const { report } = await readContent(lines(0, hashed) + lines(3, gated));
    expect(report.layers.map(({ warmupRows }) => warmupRows)).to.deep.equal([0, 0]);
    const alone = await readContent(lines(0, hashed) + lines(3, gated.slice(1)));
    expect(alone.report.layers[0].warmupRows).to.equal(numTokens);
    const dummies = Array.from({ length: 50 }, () => [4, 9]);
    const both = await readContent(lines(0, [...dummies, ...hashed]) + lines(3, [...dummies, ...gated]));
    expect(both.report.layers.map(({ warmupRows }) => warmupRows)).to.deep.equal([50, 50]);
    expect(tokensOf(both.trace)[3]).to.deep.equal(tokensOf((await readContent(lines(3, gated))).trace)[3]);
  });
});
