import { expect } from "chai";
import { countExperts } from "../../traces/padding.js";
import { writeBinaryTrace } from "../../traces/formats/binary-trace.js";
import { writeJsonLines } from "../../traces/formats/json-lines.js";
import { npyFile, safetensorsFile, torchFile, type ArrayContent } from "./array-files.js";
import { failureOf, readContent, readFolder, row, tokensOf, tokensRead } from "./trace-files.js";

describe("padding", () => {
  it("is what no expert is numbered like, behind the experts", () => {
    for (const never of [-1, -7, 65535, 2 ** 32 - 1, 2 ** 64, NaN]) {
      expect(countExperts([8, 26, never], 3, {}), `${never}`).to.equal(2);
      expect(countExperts([never, never], 2, {}), `${never}`).to.equal(0);
      expect(countExperts([8, never, 26], 3, {}), `${never}`).to.equal(3);
    }
    expect(countExperts([8, 255, 255], 3, {})).to.equal(1);
    expect(countExperts([8, 255], 2, { numExperts: 64 })).to.equal(1);
    expect(countExperts([8, 255], 2, { numExperts: 256 })).to.equal(2);
    expect(countExperts([8, 64, 64], 3, { numExperts: 64 })).to.equal(1);
    expect(countExperts([8, 64], 2, { numExperts: 64 })).to.equal(2);
    expect(countExperts([8, 7], 2, { padding: 7 })).to.equal(1);
    expect(countExperts([8, 255, 255], 3, { padding: "none" })).to.equal(3);
  });

  const widths = [
    ["int8", Int8Array, -1],
    ["int16", Int16Array, -1],
    ["int32", Int32Array, -1],
    ["uint16", Uint16Array, 65535],
    ["uint8", Uint8Array, 255],
  ] as const;
  const containers: readonly (readonly [string, (content: ArrayContent) => Record<string, Uint8Array>])[] = [
    [".npy", (content) => ({ "r.npy": npyFile(content) })],
    ["Fortran .npy", (content) => ({ "r.npy": npyFile(transposed(content), { isFortran: true }) })],
    [
      ".pt",
      ({ shape, values }) => ({ "r.pt": torchFile({ indices: { shape: [shape[0], shape[2]], values } }) }),
    ],
    [
      "safetensors",
      ({ shape, values }) => ({
        "rank0_raw.safetensors": safetensorsFile({ "0_0": { shape: [shape[0], shape[2]], values } }),
      }),
    ],
  ];
  for (const [container, write] of containers) {
    for (const [width, type, padding] of widths) {
      if (container === ".pt" && width === "uint16") continue;
      it(`is no expert in ${width} of ${container}: cut where all tokens have it, named where one has`, async () => {
        const files = (values: readonly number[]) =>
          write({ shape: [values.length / 3, 1, 3], values: type.from(values) });
        const options = { numExperts: 64 };
        const cut = await readFolder(
          files([1, 2, padding, padding, padding, padding, 3, 4, padding]),
          options,
        );
        expect(tokensRead(cut)).to.deep.equal({
          0: [
            [1, 2],
            [3, 4],
          ],
        });
        expect(cut.kind === "tokens" && cut.trace.topK).to.equal(2);
        const uneven = files([1, 2, 3, 4, 5, padding, 6, 7, 8]);
        expect(await failureOf(readFolder(uneven, options))).to.match(/pass topK 3/);
        const varying = await readFolder(uneven, { ...options, topK: 3 });
        expect(tokensRead(varying)).to.deep.equal({
          0: [
            [1, 2, 3],
            [4, 5, 65535],
            [6, 7, 8],
          ],
        });
        expect(varying.report.warnings).to.include("1 of 3 rows have fewer than 3 experts");
        const inside = await failureOf(readFolder(files([1, 2, 3, 4, padding, 5]), options));
        expect(inside).to.match(/found a negative id|expert (255|65535)/);
      });
    }
  }

  it("of the first token is named, with the option that says how many experts others may have", async () => {
    const told =
      /found 4 experts in a token, expected 2 as in the first, which padding fills up\nMaybe .* pass topK 4/;
    const rows = [
      [3, 5, -1, -1],
      [1, 2, 4, 0],
      [6, 7, 2, 1],
    ];
    const text = rows.map((experts, token) => row(0, token, experts)).join("");
    for (const type of [Int8Array, Int16Array, Int32Array, Float32Array]) {
      const file = npyFile({ shape: [3, 1, 4], values: type.from(rows.flat()) });
      expect(await failureOf(readFolder({ "r.npy": file }, { as: "tokens" }))).to.match(told);
    }
    expect(await failureOf(readContent(text))).to.match(told);
    const table = "layer,token,e0,e1,e2\n0,0,3,5,\n0,1,1,2,4\n";
    expect(await failureOf(readFolder({ "t.csv": table }))).to.match(/pass topK, the most of them/);
    expect((await readContent(text, { topK: 4 })).trace.topK).to.equal(4);
  });

  it("is left out of text as well", async () => {
    const log = (ids: readonly number[]) =>
      `${JSON.stringify({ type: "route", token_idx: 0, layer: 0, topk_ids: ids })}\n`;
    for (const none of [-1, 65535, 255]) {
      const { trace } = await readContent(log([3, 4]) + log([none, none]) + log([5, 6]));
      expect(tokensOf(trace)).to.deep.equal({
        0: [
          [3, 4],
          [5, 6],
        ],
      });
    }
  });

  it("is asked for where 255 in 8 bits may be the last of 256 experts", async () => {
    const array = (shape: readonly number[], ...ids: number[]) =>
      npyFile({ shape, values: Uint8Array.from(ids) });
    const topOne = array([4, 1, 1], 3, 254, 255, 7);
    expect(await failureOf(readContent(topOne, { name: "r.npy" }))).to.equal(
      "InputError: r.npy: found id 255 in numbers of 8 bits, which may be an expert or padding, and no other above 254\n" +
        "Maybe pass padding 255 or, where it is an expert, pass padding none.",
    );
    expect(await failureOf(readContent(topOne, { numExperts: 256 }))).to.match(/pass padding 255/);
    const told = async (padding: number | "none") =>
      tokensOf((await readContent(topOne, { padding })).trace)[0];
    expect(await told(255)).to.deep.equal([[3], [254], [7]]);
    expect(await told("none")).to.deep.equal([[3], [254], [255], [7]]);
    const gap = array([2, 1, 2], 3, 60, 4, 255);
    expect(await failureOf(readContent(gap))).to.match(/no other above 60/);
    const all = await readContent(array([2, 1, 2], 3, 253, 4, 255));
    expect(tokensOf(all.trace)[0]).to.deep.equal([
      [3, 253],
      [4, 255],
    ]);
  });

  it("is 255 in 8 bits of 256 experts where it comes twice, and the last expert alone", async () => {
    const rows = [
      [3, 7, 255],
      [255, 4, 9],
      [5, 255, 255],
      [1, 2, 6],
    ];
    const content = npyFile({ shape: [rows.length, 1, 3], values: Uint8Array.from(rows.flat()) });
    const { trace } = await readContent(content, { numExperts: 256, topK: 3 });
    expect(tokensOf(trace)[0]).to.deep.equal([rows[0], rows[1], [5, 65535, 65535], rows[3]]);
    const alone = npyFile({ shape: [2, 1, 3], values: Uint8Array.from([...rows[0], ...rows[1]]) });
    expect(tokensOf((await readContent(alone, { numExperts: 256 })).trace)[0]).to.deep.equal([
      rows[0],
      rows[1],
    ]);
  });
});

describe("experts left out", () => {
  const rows = Array.from({ length: 30 }, (_, token) =>
    [token, (token * 7 + 1) % 31, 64].filter((e, at, all) => all.indexOf(e) === at),
  );
  const content = rows
    .map((experts, token) => row(1, token, experts.length === 3 ? experts : [token, 33, 64]))
    .join("");

  it("are shared ones, which are named: an option decides where nothing tells how many experts there are", async () => {
    expect(await failureOf(readContent(content))).to.equal(
      "InputError: trace: found expert 64 in every token of every layer, the largest of all ids, and no file tells how many experts there are\n" +
        "Maybe it is a shared expert, which is no routed one; pass dropExperts 64. Or, where it is routed, pass numExperts 65.",
    );
    const { report } = await readContent(content, { numExperts: 65 });
    expect(report.warnings.join("\n")).to.match(
      /expert 64 is in every token .* pass dropExperts 64 to leave it out/,
    );
    const { trace } = await readContent(content, { dropExperts: [64] });
    expect([trace.topK, trace.numExperts]).to.deep.equal([2, 36]);
    const declared = await failureOf(readContent(`{"num_experts":64}\n${content}`));
    expect(declared).to.match(/expert 64 is out of range .*\nMaybe 64 is a shared expert.*dropExperts 64/);
    const values = Int32Array.from(rows.flatMap((_, token) => [token, 33, 64]));
    const array = npyFile({ shape: [30, 1, 3], values });
    expect(await failureOf(readContent(array, { numExperts: 64 }))).to.match(
      /expert 64 in every token.*\n.*dropExperts 64/,
    );
  });

  it("may leave tokens with fewer experts, which are written and read again", async () => {
    const zero = row(0, 0, [0, 1, 9]) + row(0, 1, [8, 2, 3]) + row(0, 2, [9, 10, 11]) + row(0, 3, [4, 9, 10]);
    const { trace } = await readContent(zero, { dropExperts: [8, 9, 10, 11], numExperts: 8 });
    const expected = {
      0: [
        [0, 1],
        [2, 3],
        [4, 65535],
      ],
    };
    expect(tokensOf(trace)).to.deep.equal(expected);
    expect(tokensOf((await readContent([...writeJsonLines(trace)].join(""))).trace)).to.deep.equal(expected);
    expect(tokensOf((await readContent(Buffer.concat([...writeBinaryTrace(trace)]))).trace)).to.deep.equal(
      expected,
    );
  });
});

describe("suspicious rows", () => {
  it("are counted to the last one where there are so many tokens that a part of them tells whether to", async () => {
    const numTokens = 300_000;
    const experts = new Uint16Array(2 * numTokens);
    for (let token = 0; token < numTokens; token++) {
      const isFill = Math.floor(token / 50) % 20 === 3;
      experts.set(isFill ? [0, 1] : [2 + ((token * token) % 61), 1], 2 * token);
    }
    const fill = { model: undefined, numExperts: 64, topK: 2, layers: [{ layer: 0, numTokens, experts }] };
    const { report } = await readContent(Buffer.concat([...writeBinaryTrace(fill)]), { keepWarmup: true });
    expect(report.warnings.join("\n")).to.match(
      /^15000 of 300000 rows are the experts 0 to 1 in this order/m,
    );
  });

  it("are told: experts 0, 1, 2, ... in order, and loads that are too even", async () => {
    const ids = (token: number) => [token % 16 === 5 ? 0 : (token * token) % 61, 61, 62];
    const padded = Array.from({ length: 100 }, (_, token) =>
      row(0, token, token % 4 === 0 ? [0, 1, 2] : ids(token)),
    );
    expect((await readContent(padded.join(""))).report.warnings.join("\n")).to.match(
      /^25 of 100 rows are the experts 0 to 2 in this order/m,
    );
    const even = Array.from({ length: 800 }, (_, token) =>
      row(
        0,
        token,
        [token % 16, (token * 5 + 3) % 16].map((e, at, [a]) => (at === 1 && e === a ? (e + 1) % 16 : e)),
      ),
    );
    expect((await readContent(even.join(""))).report.warnings.join("\n")).to.match(
      /as if experts were drawn by chance/,
    );
  });
});

/** The same numbers, the first dimension the fastest. */
function transposed({ shape, values }: ArrayContent): ArrayContent {
  const [numTokens, , width] = shape;
  const turned = values.slice();
  for (let token = 0; token < numTokens; token++) {
    for (let place = 0; place < width; place++)
      turned[place * numTokens + token] = values[token * width + place];
  }
  return { shape, values: turned };
}
