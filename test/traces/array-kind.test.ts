import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { npyFile, npzFile, safetensorsFile, torchFile, type ArrayContent } from "./array-files.js";
import { failureOf, loadsRead, readFolder, tokensRead } from "./trace-files.js";

/** Ids of tokens that have `topK` of so many experts. Shape [numTokens, numLayers, topK]. */
function tokensOf(shape: readonly [number, number, number], numExperts: number): number[][][] {
  const [numTokens, numLayers, topK] = shape;
  const random = createRandom(shape[0], shape[1], numExperts);
  return Array.from({ length: numTokens }, () =>
    Array.from({ length: numLayers }, () => {
      const chosen = new Set<number>();
      while (chosen.size < topK) chosen.add(Math.floor(random.next() ** 1.5 * numExperts));
      return [...chosen];
    }),
  );
}

function byLayer(tokens: readonly (readonly (readonly number[])[])[], first = 0): Record<number, number[][]> {
  return Object.fromEntries(
    tokens[0].map((_, layer) => [first + layer, tokens.map((token) => [...token[layer]])]),
  );
}

type Width = { from: (ids: readonly number[]) => ArrayContent["values"] };
const big = {
  from: (ids: readonly number[]) =>
    BigUint64Array.from(ids.map((id) => (id < 0 ? 2n ** 64n + BigInt(id) : BigInt(id)))),
};
const widths: readonly (readonly [string, Width])[] = [
  ["int16", Int16Array],
  ["uint16", Uint16Array],
  ["int32", Int32Array],
  ["uint32", Uint32Array],
  ["uint64", big],
  ["float32", Float32Array],
  ["float64", Float64Array],
];

describe("arrays of ids", () => {
  const tokens = tokensOf([300, 3, 8], 64);
  const shape = [300, 3, 8];

  for (const [width, type] of widths) {
    it(`are the same in ${width}, in any order of bytes, with padding and without`, async () => {
      const ids = tokens.flat(2);
      for (const isBigEndian of [false, true]) {
        const file = npyFile({ shape, values: type.from(ids) }, { isBigEndian });
        expect(tokensRead(await readFolder({ "r.npy": file }))).to.deep.equal(byLayer(tokens));
      }
      const none = width === "uint16" ? 65535 : -1;
      const wider = tokens.flatMap((token) => token.flatMap((row) => [...row.slice(0, 6), none, none]));
      const cut = tokens.map((token) => token.map((row) => row.slice(0, 6)));
      const padded = npyFile({ shape, values: type.from(wider) });
      expect(tokensRead(await readFolder({ "r.npy": padded }, { topK: 8 }))).to.deep.equal(byLayer(cut));
    });
  }

  it("are read in any container under any likely name, by layer, nested, and with what stands beside them", async () => {
    const all = { shape, values: Int32Array.from(tokens.flat(2)) };
    const weights = { shape, values: Float32Array.from(tokens.flat(2), (id) => id / 100) };
    const layers = Object.fromEntries(
      [0, 1, 2].map((layer) => [
        `layer_${layer}`,
        { shape: [300, 8], values: Int32Array.from(tokens.flatMap((token) => token[layer])) },
      ]),
    );
    const files: readonly (readonly [string, Uint8Array | string])[] = [
      ["routed.npz", npzFile({ topk_weights: weights, topk_ids: all })],
      ["layers.npz", npzFile(layers)],
      ["one.npz", npzFile({ arr_0: all })],
      ["layers.safetensors", safetensorsFile(layers)],
      ["named.safetensors", safetensorsFile({ experts: all, scores: weights })],
      ["routed.safetensors", safetensorsFile({ routed_experts: all })],
      ["nested.pt", torchFile({ layers, model: "tiny" })],
      ["list.pt", torchFile(Object.values(layers))],
      ["requests.pt", torchFile([all])],
      [
        "records.pt",
        torchFile({ records: Object.values(layers).map((topk_ids, layer) => ({ layer, topk_ids })) }),
      ],
      ["cube.json", JSON.stringify(tokens)],
      ["named.json", JSON.stringify({ routed_experts: tokens })],
      ["layers.json", JSON.stringify({ layers: byLayer(tokens) })],
    ];
    for (const [name, content] of files) {
      expect(tokensRead(await readFolder({ [name]: content })), name).to.deep.equal(byLayer(tokens));
    }
  });

  it("take the layer from a 0-d array, and leave out names that hold no numbers", async () => {
    const indices = { shape: [300, 8], values: Int32Array.from(tokens.flatMap((token) => token[0])) };
    const file = npzFile({ layer: { shape: [], values: Int32Array.of(7) }, indices });
    const layer = Object.values(byLayer(tokens))[0];
    expect(tokensRead(await readFolder({ "a.npz": file }))).to.deep.equal({ 7: layer });
  });

  it("are refused where layers seem to come first, unless their number is told", async () => {
    const first = {
      shape: [3, 300, 8],
      values: Int32Array.from([0, 1, 2].flatMap((layer) => tokens.flatMap((token) => token[layer]))),
    };
    expect(await failureOf(readFolder({ "a.npy": npyFile(first) }))).to.match(
      /a second dimension of 300.*\nMaybe pass numLayers 3/,
    );
    expect(tokensRead(await readFolder({ "a.npy": npyFile(first) }, { numLayers: 3 }))).to.deep.equal(
      byLayer(tokens),
    );
  });

  it("are refused where layers seem to come first although topK is told, and named where nothing tells", async () => {
    const cube = (numLayers: number, numTokens: number, skew: number) => {
      const random = createRandom(17);
      const ids = Array.from({ length: numLayers * numTokens }, (_, at) => {
        const chosen = new Set<number>();
        const first = 7 * Math.floor(at / numTokens);
        while (chosen.size < 6) chosen.add((first + Math.floor(64 * random.next() ** skew)) % 64);
        return [...chosen];
      });
      return npyFile({ shape: [numLayers, numTokens, 6], values: Int32Array.from(ids.flat()) });
    };
    const told = { topK: 6, numExperts: 64 };
    expect(await failureOf(readFolder({ "a.npy": cube(26, 60, 2) }, told))).to.match(
      /first dimension seems to be layers.*\nMaybe pass numLayers 26/,
    );
    const { report } = await readFolder({ "a.npy": cube(6, 40, 1) }, told);
    expect(report.warnings.join()).to.match(/taken for 6 tokens of 40 layers; pass numLayers 6 where layers/);
  });

  it("of one dimension or two are refused where several readings are possible", async () => {
    const flat = { shape: [100], values: Int32Array.from({ length: 100 }, (_, at) => (at * 7) % 16) };
    expect(await failureOf(readFolder({ "a.npy": npyFile(flat) }))).to.match(
      /pass as tokens, or pass as loads/,
    );
    expect(loadsRead(await readFolder({ "a.npy": npyFile(flat) }, { as: "loads" }))).to.have.keys("0");
    const few = {
      shape: [200, 4],
      values: Int32Array.from({ length: 800 }, (_, at) => (at % 4) * 128 + ((at * 31) % 101)),
    };
    expect(await failureOf(readFolder({ "a.npy": npyFile(few) }))).to.match(
      /pass topK 1 for layers of a top-1 model, or pass topK 4/,
    );
    const rows = { shape: [500, 64], values: Float32Array.from({ length: 32000 }, (_, at) => at / 7) };
    expect(await failureOf(readFolder({ "a.npy": npyFile(rows) }))).to.match(
      /500 layers, expected .*\n.*pass as loads/,
    );
  });

  it("are tokens although two layers have the same, or every token has all experts", async () => {
    const twice = tokens.map(([row]) => [row, row]);
    const same = npyFile({ shape: [300, 2, 8], values: Int32Array.from(twice.flat(2)) });
    expect(tokensRead(await readFolder({ "a.npy": same }))).to.deep.equal(byLayer(twice));
    const all = tokensOf([40, 3, 24], 24);
    const file = npyFile({ shape: [40, 3, 24], values: Int32Array.from(all.flat(2)) });
    expect(tokensRead(await readFolder({ "a.npy": file }))).to.deep.equal(byLayer(all));
  });
});

describe("layers without experts", () => {
  const tokens = tokensOf([30, 3, 1], 16).map(([, one, two]) => [[0], one, two]);
  const file = npyFile({ shape: [30, 3, 1], values: Uint8Array.from(tokens.flat(2)) });

  it("of a top-1 model are those whose tokens all have expert 0, in all files, unless they are named", async () => {
    const routing = await readFolder({ "a.npy": file, "b.npy": file });
    const twice = [...tokens, ...tokens];
    const { 1: one, 2: two } = byLayer(twice);
    expect(tokensRead(routing)).to.deep.equal({ 1: one, 2: two });
    expect(routing.report.warnings.join()).to.match(/every token of layer 0 has expert 0/);
    expect(routing.report.layers.map(({ layer }) => layer)).to.deep.equal([1, 2]);
    const kept = await readFolder({ "a.npy": file }, { layers: [0, 1] });
    expect(tokensRead(kept)).to.deep.equal(byLayer(tokens));
  });

  it("are not those that have other experts in another file", async () => {
    const other = tokens.map(([, one, two]) => [[5], one, two]);
    const content = npyFile({ shape: [30, 3, 1], values: Uint8Array.from(other.flat(2)) });
    expect(tokensRead(await readFolder({ "a.npy": file, "b.npy": content }))).to.have.keys("0", "1", "2");
  });
});

describe("the largest id", () => {
  const read = (tokens: readonly (readonly (readonly number[])[])[], options = {}) => {
    const shape = [tokens.length, tokens[0].length, tokens[0][0].length];
    return readFolder({ "a.npy": npyFile({ shape, values: Int32Array.from(tokens.flat(2)) }) }, options);
  };
  const tokens = tokensOf([300, 1, 6], 64);
  const withLast = (id: number) => tokens.map(([row], at) => [at === 9 ? [...row.slice(0, 5), id] : row]);

  it("that stands alone behind all others may be padding, or an expert", async () => {
    expect(await failureOf(read(withLast(255)))).to.equal(
      "InputError: trace: found id 255 in 1 places and no other above 63, expected experts without such a gap\n" +
        "Maybe it is padding; pass padding 255. Or, where it is an expert, pass numExperts 256.",
    );
    expect(await failureOf(read(withLast(64)))).to.match(/found all ids up to 64.*\n.*pass padding 64/);
    const padded = await read(withLast(255), { padding: 255, topK: 6 });
    expect(padded.kind === "tokens" && padded.trace.numExperts).to.equal(64);
    const expert = await read(withLast(255), { numExperts: 256 });
    expect(tokensRead(expert)).to.deep.equal(byLayer(withLast(255)));
  });

  it("is an expert where it stands before others, and as many as ids where these are counted from 1", async () => {
    const before = tokens.map(([row], at) => [at === 9 ? [64, ...row.slice(1)] : row]);
    expect(tokensRead(await read(before))).to.deep.equal(byLayer(before));
    const fromOne = tokens.map(([row]) => [row.map((id) => id + 1)]);
    expect(await failureOf(read(fromOne))).to.match(/counts experts from 1; pass firstExpert 1/);
    const few = tokensOf([300, 1, 2], 8).map(([row]) => [row.map((id) => id + 1)]);
    expect(await failureOf(read(few))).to.match(/counts experts from 1; pass firstExpert 1/);
    const counted = await read(fromOne, { firstExpert: 1 });
    expect(tokensRead(counted)).to.deep.equal(byLayer(tokens));
  });
});

describe("numbers that may be ids or loads", () => {
  const random = createRandom(11);
  const read = (shape: readonly number[], values: ArrayContent["values"], options = {}) =>
    readFolder({ "a.npy": npyFile({ shape: [...shape], values }) }, options);

  for (const type of [Uint16Array, Int32Array]) {
    for (const width of [4, 8]) {
      it(`are refused in ${type.name} where ${width} numbers a row are too few to tell`, async () => {
        const loads = new type(24 * width).map((_, at) => (at === 0 ? 0 : Math.floor(random.next() * 2600)));
        expect(await failureOf(read([6, 4, width], loads))).to.match(/pass as tokens, or pass as loads/);
      });
    }
  }

  it("are tokens where experts 0 and 1 are idle and no row of many has an expert twice", async () => {
    const tokens = tokensOf([300, 1, 6], 62).map(([row]) => [row.map((id) => id + 2)]);
    const ids = Int32Array.from(tokens.flat(2));
    expect(tokensRead(await read([300, 1, 6], ids, { numExperts: 64 }))).to.deep.equal(byLayer(tokens));
    const matrix = await read([300, 6], ids, { numExperts: 64, topK: 6 });
    expect(tokensRead(matrix)).to.deep.equal(byLayer(tokens));
  });

  it("are a table where the first two columns count layers and tokens, and none where another one counts", async () => {
    const tokens = tokensOf([100, 2, 6], 64);
    const table = [0, 1].flatMap((layer) => tokens.flatMap((token, at) => [layer, at, ...token[layer]]));
    expect(tokensRead(await read([200, 8], Int32Array.from(table)))).to.deep.equal(byLayer(tokens));
    const odd = tokens.flatMap(([row], at) => [...row, at >> 3]);
    expect(await failureOf(read([100, 7], Int32Array.from(odd)))).to.match(/whose column 6 counts.*\n.*CSV/);
  });

  it("are tokens where rows are no loads of as many experts as there are", async () => {
    const few = tokensOf([5, 1, 8], 128);
    const read8 = await read([5, 8], Int32Array.from(few.flat(2)), { numExperts: 128, topK: 8 });
    expect(tokensRead(read8)).to.deep.equal(byLayer(few));
    const more = tokensOf([90, 1, 6], 64);
    expect(tokensRead(await read([90, 6], Int32Array.from(more.flat(2)), { numExperts: 64 }))).to.deep.equal(
      byLayer(more),
    );
  });

  it("are no layers of a top-1 model where no expert comes twice within so many columns as tokens have experts", async () => {
    for (const [numLayers, topK, numExperts] of [
      [4, 6, 64],
      [6, 2, 8],
      [3, 8, 128],
    ] as const) {
      const tokens = tokensOf([150, numLayers, topK], numExperts);
      const side = Int32Array.from(tokens.flat(2));
      expect(await failureOf(read([150, numLayers * topK], side, { numExperts }))).to.match(
        /within \d columns each.*\n.*layers x top-k\]: save them as \[150, /,
      );
      const one = await read([150, numLayers * topK], side, { numExperts, topK: 1 });
      expect(Object.keys(tokensRead(one) as object)).to.have.length(numLayers * topK);
    }
  });

  it("are layers of a top-1 model where topK is 1", async () => {
    const ids = Uint8Array.from({ length: 2400 }, () => Math.floor(random.next() * 8));
    expect(await failureOf(read([100, 24], ids))).to.match(/pass as tokens/);
    const routing = await read([100, 24], ids, { topK: 1, numExperts: 8 });
    expect(Object.keys(tokensRead(routing) as object)).to.have.length(24);
  });

  it("are no scores or weights of a router, which are refused unless they are called loads", async () => {
    const scores = Float32Array.from({ length: 200 * 3 * 16 }, () => random.next() / 8);
    const logits = scores.map((score) => score - 0.06);
    for (const values of [scores, logits]) {
      for (const shape of [
        [200, 3, 16],
        [600, 16],
      ]) {
        expect(await failureOf(read(shape, values)), String(shape)).to.match(
          /scores and weights of a router.*\n.*save the ids.*pass as loads/,
        );
      }
    }
    expect((await read([200, 3, 16], scores, { as: "loads" })).kind).to.equal("loads");
    expect(await failureOf(read([200, 3, 16], scores, { as: "tokens" }))).to.match(
      /found 0\.0\d+, expected the number of an expert\n.*scores of a router/,
    );
    // Shares of loads have a row a layer.
    expect((await read([12, 16], scores.subarray(0, 12 * 16))).kind).to.equal("loads");
  });

  it("are whole numbers: a few others among them are named", async () => {
    for (const odd of [NaN, 3.5]) {
      const ids = Float32Array.from(tokensOf([300, 2, 4], 32).flat(2));
      ids[61] = odd;
      expect(await failureOf(read([300, 2, 4], ids))).to.match(new RegExp(`with ${odd} among whole numbers`));
      expect(await failureOf(read([300, 2, 4], ids, { as: "tokens" }))).to.match(
        new RegExp(`layer 1: found ${odd}, expected the number of an expert`),
      );
      const table = `layer,token,e0,e1\n0,0,3,5\n0,1,${odd},2\n0,2,1,6\n`;
      expect(await failureOf(readFolder({ "t.csv": table }))).to.match(
        new RegExp(`t.csv:3: found ${Number.isNaN(odd) ? "nothing" : odd}, expected the number of an expert`),
      );
    }
  });

  it("are named as padding where padding stands before an expert", async () => {
    const ids = Int32Array.from(tokensOf([300, 1, 6], 64).flat(2));
    ids[12] = 255;
    expect(await failureOf(read([300, 1, 6], ids, { padding: 255, numExperts: 256 }))).to.match(
      /255, named as padding, stands before an expert/,
    );
  });
});
