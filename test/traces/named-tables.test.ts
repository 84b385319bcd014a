import { expect } from "chai";
import fc from "fast-check";
import { createRandom } from "../../lib/random.js";
import { npyFile, npzFile, safetensorsFile, torchFile, type ArrayContent } from "./array-files.js";
import { failureOf, loadsRead, readFolder, tokensRead } from "./trace-files.js";

interface Row {
  readonly layer: number;
  readonly token: number;
  readonly experts: readonly number[];
}

/** Rows of 32 experts, layer after layer or token after token. */
const tables = fc
  .record({
    seed: fc.nat(1000),
    numLayers: fc.integer({ min: 2, max: 5 }),
    numTokens: fc.integer({ min: 20, max: 60 }),
    topK: fc.integer({ min: 2, max: 6 }),
    isByToken: fc.boolean(),
  })
  .map(({ seed, numLayers, numTokens, topK, isByToken }): Row[] => {
    const random = createRandom(seed);
    const rows = Array.from({ length: numLayers * numTokens }, (_, at) => {
      const experts = new Set<number>();
      while (experts.size < topK) experts.add(Math.floor(random.next() ** 1.5 * 32));
      return { layer: 3 + Math.floor(at / numTokens), token: at % numTokens, experts: [...experts] };
    });
    return isByToken ? rows.sort((a, b) => a.token - b.token || a.layer - b.layer) : rows;
  });

function tokensIn(rows: readonly Row[]): Record<number, number[][]> {
  const layers = [...new Set(rows.map(({ layer }) => layer))].sort((a, b) => a - b);
  return Object.fromEntries(
    layers.map((layer) => [
      layer,
      rows.filter((row) => row.layer === layer).map(({ experts }) => [...experts]),
    ]),
  );
}

/** A table as pandas writes JSON, in each of its orientations, and as people write it around that. */
function jsonFiles(rows: readonly Readonly<Record<string, unknown>>[]): [string, unknown][] {
  const names = Object.keys(rows[0]);
  const column = (name: string) => rows.map((row) => row[name]);
  const byIndex = <T>(values: readonly T[]) => Object.fromEntries(values.map((value, at) => [at, value]));
  return [
    ["records", rows],
    ["columns", Object.fromEntries(names.map((name) => [name, byIndex(column(name))]))],
    ["list", Object.fromEntries(names.map((name) => [name, column(name)]))],
    ["index", byIndex(rows)],
    [
      "split",
      { columns: names, index: rows.map((_, at) => at), data: rows.map((row) => Object.values(row)) },
    ],
    ["table", { schema: { fields: names.map((name) => ({ name })) }, data: rows }],
    ["named", { model: "tiny", num_experts: 32, rows }],
  ];
}

const int = (shape: readonly number[], values: readonly number[]): ArrayContent => ({
  shape,
  values: Int32Array.from(values),
});

describe("tables by name", () => {
  it("are the same in every orientation of JSON, with experts in lists or in a row for each", async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (rows) => {
        const long = rows.flatMap(({ experts, ...row }) =>
          experts.map((expert, rank) => ({ ...row, rank, expert })),
        );
        for (const table of [rows, long]) {
          for (const [name, content] of jsonFiles(table as Readonly<Record<string, unknown>>[])) {
            const read = await readFolder({ "a.json": JSON.stringify(content) }, { numExperts: 32 });
            expect(tokensRead(read), name).to.deep.equal(tokensIn(rows));
          }
        }
      }),
      { numRuns: 4 },
    );
  });

  it("are the same as arrays of columns in every container, with what stands beside them", async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (rows) => {
        const [numRows, topK] = [rows.length, rows[0].experts.length];
        const ids = rows.flatMap(({ experts }) => experts);
        const columns = {
          layer_ids: int([numRows], rows.map(({ layer }) => layer)), // prettier-ignore
          token: int([numRows], rows.map(({ token }) => token)), // prettier-ignore
          topk_weights: { shape: [numRows, topK], values: Float32Array.from(ids, (id) => id / 64) },
          topk_ids: int([numRows, topK], ids),
        };
        const records = rows.map(({ experts, ...row }) => ({ ...row, experts: int([topK], experts) }));
        for (const [name, content] of [
          ["a.npz", npzFile(columns)],
          ["a.safetensors", safetensorsFile(columns)],
          ["a.pt", torchFile(columns)],
          ["records.pt", torchFile(records)],
        ] as const) {
          expect(tokensRead(await readFolder({ [name]: content })), name).to.deep.equal(tokensIn(rows));
        }
      }),
      { numRuns: 5 },
    );
  });

  it("of loads are the same in every orientation and container", async () => {
    const loads = [0, 1, 2].map((layer) =>
      Array.from({ length: 8 }, (_, expert) => 10 * layer + expert ** 2),
    );
    const rows = loads.flatMap((load, layer) => load.map((count, expert) => ({ layer, expert, count })));
    const numbers = (name: keyof (typeof rows)[0]) => int([rows.length], rows.map((row) => row[name])); // prettier-ignore
    const columns = { layer: numbers("layer"), expert: numbers("expert"), count: numbers("count") };
    const files: [string, string | Uint8Array][] = [
      ["a.npz", npzFile(columns)],
      ["a.pt", torchFile(columns)],
      ...jsonFiles(rows).map(([name, content]): [string, string] => [
        `${name}.json`,
        JSON.stringify(content).replace('"num_experts":32', '"num_experts":8'),
      ]),
    ];
    for (const [name, content] of files)
      expect(loadsRead(await readFolder({ [name]: content })), name).to.deep.equal(
        Object.fromEntries(loads.entries()),
      );
  });

  it("tell the layers of an array that has them in its second dimension", async () => {
    const random = createRandom(5);
    const ids = Array.from({ length: 90 * 3 }, () => {
      const chosen = new Set<number>();
      while (chosen.size < 4) chosen.add(Math.floor(random.next() * 32));
      return [...chosen];
    });
    const expected = Object.fromEntries(
      [3, 5, 7].map((layer, index) => [layer, ids.filter((_, at) => at % 3 === index)]),
    );
    const arrays = { layer_ids: int([3], [3, 5, 7]), routed_experts: int([90, 3, 4], ids.flat()) };
    const lists = {
      layer_ids: [3, 5, 7],
      routed_experts: Array.from({ length: 90 }, (_, token) => ids.slice(3 * token, 3 * token + 3)),
    };
    for (const [name, content] of [
      ["a.npz", npzFile(arrays)],
      ["a.pt", torchFile(arrays)],
      ["a.json", JSON.stringify(lists)],
    ] as const) {
      expect(tokensRead(await readFolder({ [name]: content }, { numExperts: 32 })), name).to.deep.equal(
        expected,
      );
    }
  });

  it("are refused where layers are as many as nothing else, because all would be one layer", async () => {
    const file = npzFile({ layer: int([5], [0, 1, 2, 3, 4]), topk_ids: int([40, 2], [...Array(80).keys()]) });
    expect(await failureOf(readFolder({ "a.npz": file }))).to.match(
      /found 5 numbers of layers beside topk_ids of other lengths, expected as many rows/,
    );
  });
});

describe("the layer beside an array", () => {
  it("may be a number or a name under any name of it, as text too", async () => {
    const topk_ids = int([40, 2], Array.from({ length: 80 }, (_, at) => (at * 7) % 32)); // prettier-ignore
    for (const beside of [
      { layer_number: 7 },
      { layer_idx: "7" },
      { layer_name: "model.layers.7.mlp.gate" },
      { layer: int([], [7]) },
    ]) {
      const read = await readFolder({ "a.pt": torchFile({ ...beside, topk_ids }) }, { numExperts: 32 });
      expect(tokensRead(read), JSON.stringify(beside)).to.have.keys("7");
    }
  });
});

describe("layers told by names", () => {
  const random = createRandom(3);
  const tokens = Array.from({ length: 150 * 3 }, () => {
    const chosen = new Set<number>();
    while (chosen.size < 4) chosen.add(Math.floor(random.next() ** 1.5 * 32));
    return [...chosen];
  });
  const ofLayer = (layer: number) => tokens.filter((_, at) => at % 3 === layer);
  const expected = Object.fromEntries([0, 1, 2].map((layer) => [layer, ofLayer(layer)]));
  const told = { numExperts: 32, topK: 4 };
  const filesBy = (nameOf: (layer: number) => string) =>
    Object.fromEntries(
      [0, 1, 2].map((layer) => [nameOf(layer), npyFile(int([150, 4], ofLayer(layer).flat()))]),
    );

  it("of files are read as models, blocks and people write them", async () => {
    for (const nameOf of [
      (layer: number) => `layer${layer}.npy`,
      (layer: number) => `run7_layer-0${layer}_topk8.npy`,
      (layer: number) => `model.layers.${layer}.mlp.gate.npy`,
      (layer: number) => `block_${layer}.npy`,
      (layer: number) => `transformer.h.${layer}.npy`,
    ]) {
      expect(tokensRead(await readFolder(filesBy(nameOf), told)), nameOf(0)).to.deep.equal(expected);
    }
  });

  it("of no file are said to be one layer", async () => {
    const { report } = await readFolder(
      filesBy((layer) => `part_${layer}.npy`),
      told,
    );
    expect(report.warnings.join()).to.match(
      /part_0\.npy and 2 more files were taken for tokens of layer 0, as no name tells a layer/,
    );
    const lines = (layer: number) => ofLayer(layer).map((ids) => `${ids.join()}\n`).join(""); // prettier-ignore
    const csv = await readFolder({ "part_0.csv": lines(0), "part_1.csv": lines(1) }, told);
    expect(csv.report.warnings.join()).to.match(/part_0\.csv and 1 more files/);
  });

  it("of columns are read under likely names, and refused under others", async () => {
    const table = (name: string) =>
      tokens
        .map((experts, at) => JSON.stringify({ [name]: at % 3, token: Math.floor(at / 3), experts }))
        .join("\n");
    for (const name of ["layer", "layer_ids", "moe_layer", "moe_layer_idx", "decoder_layer"])
      expect(tokensRead(await readFolder({ "a.jsonl": table(name) }, told)), name).to.deep.equal(expected);
    for (const name of ["my_layer", "block_idx"]) {
      expect(await failureOf(readFolder({ "a.jsonl": table(name) }, told)), name).to.match(
        /found no column of layers but \w+, expected layer\nMaybe rename it/,
      );
    }
  });

  it("of a row that is a token of all layers are its places", async () => {
    for (const name of ["experts", "routed_experts"]) {
      const rows = Array.from({ length: 150 }, (_, token) =>
        JSON.stringify({ token, [name]: tokens.slice(3 * token, 3 * token + 3) }),
      );
      expect(tokensRead(await readFolder({ "a.jsonl": rows.join("\n") }, told)), name).to.deep.equal(
        expected,
      );
    }
  });
});

describe("loads of steps and ranks", () => {
  const steps = [0, 1, 2].map((step) =>
    [0, 1].map((layer) =>
      Array.from({ length: 32 }, (_, expert) => 3 * step + 10 * layer + ((expert * 7) % 13)),
    ),
  );
  const total = (times: number) =>
    Object.fromEntries(
      [0, 1].map((layer) => [
        layer,
        steps[0][layer].map((_, expert) => times * steps.reduce((sum, step) => sum + step[layer][expert], 0)),
      ]),
    );
  const long = (names: readonly string[], numRanks: number) => {
    const rows = steps.flatMap((layers, step) =>
      Array.from({ length: numRanks }, (_, rank) =>
        layers.flatMap((load, layer) =>
          load.map((count, expert) => [step, rank, layer, expert, count].join()),
        ),
      ).flat(),
    );
    return `${names.join()}\n${rows.join("\n")}\n`;
  };

  it("in rows add up, and those of ranks that counted the same once", async () => {
    const names = ["step", "rank", "layer", "expert", "count"];
    expect(loadsRead(await readFolder({ "a.csv": long(names, 1) }))).to.deep.equal(total(1));
    const ranks = await readFolder({ "a.csv": long(names, 4) });
    expect(loadsRead(ranks)).to.deep.equal(total(1));
    expect(ranks.report.warnings.join()).to.match(/same as another rank's at the same step/);
    // Passes are no ranks.
    const passes = ["step", "pass", "layer", "expert", "count"];
    expect(loadsRead(await readFolder({ "a.csv": long(passes, 2) }))).to.deep.equal(total(2));
  });

  it("in columns for every expert are loads, too, and no tokens with all experts", async () => {
    const names = ["step", "layer", ...steps[0][0].map((_, expert) => `expert_${expert}`)];
    const rows = steps.flatMap((layers, step) => layers.map((load, layer) => [step, layer, ...load].join()));
    const content = `${names.join()}\n${rows.join("\n")}\n`;
    expect(loadsRead(await readFolder({ "a.csv": content }))).to.deep.equal(total(1));
  });

  it("in a list without names are refused, unless it is told that the list is of layers", async () => {
    const list = steps.map((layers) => int([2, 32], layers.flat()));
    expect(await failureOf(readFolder({ "a.pt": torchFile(list) }, { as: "loads" }))).to.match(
      /a list of 3 arrays \[2, 32\] of loads, .*\nMaybe pass numLayers 3/,
    );
    const told = await readFolder({ "a.pt": torchFile(list) }, { as: "loads", numLayers: 3 });
    expect(loadsRead(told)).to.have.keys("0", "1", "2");
  });
});

describe("batches in lists", () => {
  it("are of the layer that names them", async () => {
    const batch = (seed: number) =>
      Array.from({ length: 100 }, (_, at) => [(at * seed) % 16, 16 + ((at * seed) % 15)]);
    const layers = { layer_3: [batch(3), batch(5)], layer_4: [batch(7), batch(9)] };
    const content = Object.fromEntries(
      Object.entries(layers).map(([name, batches]) => [
        name,
        batches.map((rows) => int([100, 2], rows.flat())),
      ]),
    );
    const read = await readFolder({ "a.pt": torchFile(content) }, { numExperts: 32, topK: 2 });
    expect(tokensRead(read)).to.deep.equal({ 3: layers.layer_3.flat(), 4: layers.layer_4.flat() });
  });
});
