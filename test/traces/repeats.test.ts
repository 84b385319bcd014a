import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { readContent, row } from "./trace-files.js";

/** Rows of two layers; top-2 of 16. */
function tokensFrom(seed: number, numTokens: number): number[][][] {
  const random = createRandom(seed);
  const draw = () => {
    const first = Math.floor(random.next() ** 2 * 16);
    return [first, (first + 1 + Math.floor(random.next() * 15)) % 16];
  };
  return Array.from({ length: numTokens }, () => [draw(), draw()]);
}

async function warningsOf(
  tokens: readonly (readonly (readonly number[])[])[],
  header: object = {},
  layers = [1, 2],
): Promise<string> {
  const rows = layers.flatMap((layer, at) => tokens.map((token, index) => row(layer, index, token[at])));
  const content = `${JSON.stringify({ num_experts: 16, ...header })}\n${rows.join("")}`;
  return (await readContent(content)).report.warnings.join("\n");
}

describe("tokens that were recorded before", () => {
  const text = tokensFrom(1, 300);

  it("are told where later dumps hold them again, wherever they begin", async () => {
    for (const between of [0, 7, 40]) {
      const dumps = [...text.slice(0, 200), ...tokensFrom(2, between), ...text];
      expect(await warningsOf(dumps)).to.match(/^(160|192) of \d+ tokens of layer 2 repeat, row by row/);
    }
    expect(await warningsOf(text)).to.equal("");
    expect(await warningsOf([...text, ...text.slice(0, 60)])).to.equal("");
  });

  it("are none of a few rows that come again by chance", async () => {
    const few = Array.from({ length: 400 }, (_, at) => (at % 5 === 0 ? [[0, 1], [2, 3]] : [[4, 5], [6, 7]])); // prettier-ignore
    expect(await warningsOf(few)).to.not.match(/row by row/);
  });
});

describe("tokens that fill batches up", () => {
  const text = tokensFrom(3, 300);

  it("are told where they are the one before in every layer, and no others", async () => {
    const filled = text.flatMap((token, at) => (at % 25 === 24 ? [token, token, token] : [token]));
    expect(await warningsOf(filled)).to.match(
      /^24 of 324 tokens have the experts of the one before in every layer/,
    );
    const alike = text.map(([one, two], at) => [at % 2 === 0 ? one : text[at - 1][0], two]);
    expect(await warningsOf(alike)).to.equal("");
  });
});

describe("layers of speculative drafts", () => {
  it("are told where they come behind those of the model", async () => {
    const model = { model: "gpt-oss-20b", num_experts: 32 };
    const told = await warningsOf(tokensFrom(4, 100), model, [23, 24]);
    expect(told).to.match(
      /layer 24 comes behind the 24 layers of gpt-oss-20b: speculative drafts.*set layers/,
    );
    expect(await warningsOf(tokensFrom(4, 100), model, [22, 23])).to.equal("");
  });
});
