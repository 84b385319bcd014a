import { expect } from "chai";
import fc from "fast-check";
import { createRandom } from "../../lib/random.js";
import { npyFile, npzFile, safetensorsFile, torchFile } from "./array-files.js";
import { failureOf, loadsRead, readFolder, tokensRead } from "./trace-files.js";

interface Layout {
  readonly seed: number;
  readonly numLayers: number;
  readonly firstLayer: number;
  readonly numTokens: number;
  readonly firstToken: number;
  readonly topK: number;
  /** Whether all layers of a token come before the next token. */
  readonly isByToken: boolean;
  readonly isTokenFirst: boolean;
  readonly isLong: boolean;
  readonly hasRank: boolean;
  readonly hasWeights: boolean;
}

const layouts: fc.Arbitrary<Layout> = fc.record({
  seed: fc.nat(1000),
  numLayers: fc.integer({ min: 1, max: 6 }),
  firstLayer: fc.constantFrom(0, 1, 3),
  numTokens: fc.constantFrom(30, 130, 200),
  firstToken: fc.constantFrom(0, 1),
  topK: fc.integer({ min: 2, max: 8 }),
  isByToken: fc.boolean(),
  isTokenFirst: fc.boolean(),
  isLong: fc.boolean(),
  hasRank: fc.boolean(),
  hasWeights: fc.boolean(),
});

type Tokens = Record<number, number[][]>;

/** Tokens of 32 experts, of which every layer has its own busy ones. */
function tokensOf({ seed, numLayers, firstLayer, numTokens, topK }: Layout): Tokens {
  const random = createRandom(seed);
  const layers = Array.from({ length: numLayers }, (_, index) => {
    const tokens = Array.from({ length: numTokens }, () => {
      const chosen = new Set<number>();
      while (chosen.size < topK) chosen.add((7 * index + 5 * Math.floor(random.next() ** 1.5 * 32)) % 32);
      return [...chosen];
    });
    return [firstLayer + index, tokens] as const;
  });
  return Object.fromEntries(layers);
}

/** A table of such tokens. */
function tableOf(layout: Layout): { names: string[]; rows: number[][] } {
  const { isByToken, isTokenFirst, isLong, hasRank, hasWeights, firstToken, topK } = layout;
  const cells = Object.entries(tokensOf(layout)).flatMap(([layer, tokens]) =>
    tokens.map((experts, at) => ({ layer: Number(layer), token: at + firstToken, experts })),
  );
  if (isByToken) cells.sort((a, b) => a.token - b.token || a.layer - b.layer);
  const beginning = ({ layer, token }: { layer: number; token: number }) =>
    isTokenFirst ? [token, layer] : [layer, token];
  const weight = (expert: number, at: number) => (expert + 1) / (64 * (at + 1)) + 0.001;
  const rows = cells.flatMap(({ experts, ...cell }) =>
    isLong
      ? experts.map((expert, at) => [
          ...beginning(cell),
          ...(hasRank ? [at] : []),
          expert,
          ...(hasWeights ? [weight(expert, at)] : []),
        ])
      : [[...beginning(cell), ...experts, ...(hasWeights ? experts.map(weight) : [])]],
  );
  const places = Array.from({ length: topK }, (_, at) => at);
  const names = [
    ...(isTokenFirst ? ["token_id", "layer_id"] : ["layer", "token"]),
    ...(isLong ? [...(hasRank ? ["rank"] : []), "expert_id"] : places.map((at) => `e${at}`)),
    ...(hasWeights ? (isLong ? ["weight"] : places.map((at) => `w${at}`)) : []),
  ];
  return { names, rows };
}

function csvOf(rows: readonly (readonly unknown[])[], separator = ","): string {
  return rows.map((row) => `${row.join(separator)}\n`).join("");
}

const named: Readonly<Record<string, (names: string[], rows: number[][]) => string>> = {
  CSV: (names, rows) => csvOf([names, ...rows]),
  TSV: (names, rows) => csvOf([names, ...rows], "\t"),
  "CSV of pandas": (names, rows) => csvOf([["", ...names], ...rows.map((row, at) => [at, ...row])]),
  "TSV of pandas, read and written again": (names, rows) =>
    csvOf([["Unnamed: 0", ...names], ...rows.map((row, at) => [at, ...row])], "\t"),
  "CSV of R": (names, rows) =>
    csvOf([["", ...names].map((name) => `"${name}"`), ...rows.map((row, at) => [`"${at + 1}"`, ...row])]),
  "JSON records": (names, rows) => JSON.stringify(recordsOf(names, rows)),
  "JSON Lines": (names, rows) =>
    recordsOf(names, rows)
      .map((record) => `${JSON.stringify(record)}\n`)
      .join(""),
};

function recordsOf(names: readonly string[], rows: readonly (readonly number[])[]) {
  return rows.map((row) => Object.fromEntries(row.map((value, at) => [names[at], value])));
}

const unnamed: Readonly<Record<string, (rows: number[][]) => string | Uint8Array>> = {
  CSV: (rows) => csvOf(rows),
  "text of numpy": (rows) => csvOf(rows, " "),
  "CSV of pandas without names": (rows) =>
    csvOf([["", ...rows[0].map((_, at) => at)], ...rows.map((row, at) => [at, ...row])]),
  "CSV with numbers of rows": (rows) => csvOf(rows.map((row, at) => [at, ...row])),
  JSON: (rows) => JSON.stringify(rows),
  npy: (rows) => npyFile(arrayOf(rows)),
  npz: (rows) => npzFile({ arr_0: arrayOf(rows) }),
  torch: (rows) => torchFile(arrayOf(rows)),
  safetensors: (rows) => safetensorsFile({ trace: arrayOf(rows) }),
};

function arrayOf(rows: readonly (readonly number[])[]) {
  return { shape: [rows.length, rows[0].length], values: Float64Array.from(rows.flat()) };
}

describe("tables", () => {
  for (const [container, write] of Object.entries(named)) {
    it(`whose columns have names are read right in any order and shape: ${container}`, async () => {
      await fc.assert(
        fc.asyncProperty(layouts, async (layout) => {
          const { names, rows } = tableOf(layout);
          const routing = await readFolder({ trace: write(names, rows) }, { numExperts: 32 });
          expect(tokensRead(routing)).to.deep.equal(tokensOf(layout));
        }),
        { numRuns: 12 },
      );
    });
  }

  for (const [container, write] of Object.entries(unnamed)) {
    it(`whose columns have none are read right, or refused with the way out: ${container}`, async () => {
      await fc.assert(
        fc.asyncProperty(layouts, async (layout) => {
          const file = { trace: write(tableOf(layout).rows) };
          const failure = await failureOf(readFolder(file, { numExperts: 32 }));
          if (failure !== "nothing failed") {
            expect(failure).to.match(/^InputError: .*\nMaybe (save|pass)/s);
            return;
          }
          expect(tokensRead(await readFolder(file, { numExperts: 32 }))).to.deep.equal(tokensOf(layout));
        }),
        { numRuns: 12 },
      );
    });
  }
});

describe("tables with a row for every expert", () => {
  const read = async (content: string, options = {}) => tokensRead(await readFolder({ a: content }, options));
  const told = (content: string, options = {}) => failureOf(readFolder({ a: content }, options));

  it("are of a top-1 model where no token has two, and asked for where its tokens come again", async () => {
    const rows = [5, 3, 9, 5].map((expert, token) => [2, token, expert]);
    const names = ["layer", "token", "expert"];
    expect(await read(csvOf([names, ...rows]))).to.deep.equal({ 2: [[5], [3], [9], [5]] });
    const twice = csvOf([names, ...rows, ...rows]);
    expect(await told(twice)).to.match(/expected those of a token one after the other\n.*pass topK 1/);
    expect(await told(twice, { topK: 2 })).to.match(/sort them by layer and token/);
    expect(await read(twice, { topK: 1 })).to.deep.equal({ 2: [[5], [3], [9], [5], [5], [3], [9], [5]] });
    const requests = [names, ...rows, ...rows].map((row, at) => [
      at === 0 ? "req_id" : Number(at > 4),
      ...row,
    ]);
    expect(await read(csvOf(requests))).to.deep.equal({ 2: [[5], [3], [9], [5], [5], [3], [9], [5]] });
  });

  it("may fill up tokens of fewer experts, and say by topK that some have fewer", async () => {
    const names = ["layer", "token", "slot", "expert"];
    const padded = [
      names,
      [0, 0, 0, 4],
      [0, 0, 1, 2],
      [0, 1, 0, 3],
      [0, 1, 1, -1],
      [0, 2, 0, 1],
      [0, 2, 1, 0],
    ];
    const tokens = {
      0: [
        [4, 2],
        [3, 65535],
        [1, 0],
      ],
    };
    expect(await read(csvOf(padded), { topK: 2 })).to.deep.equal(tokens);
    const without = csvOf(padded.filter((row) => row[3] !== -1));
    expect(await told(without)).to.match(/do not make tokens of as many each/);
    expect(await read(without, { topK: 2 })).to.deep.equal(tokens);
  });

  it("are refused where the experts of a token are apart, or no column tells tokens", async () => {
    const melted = [
      ["layer", "token", "k", "expert"],
      ...[0, 1].flatMap((k) => [0, 1, 2].map((at) => [0, at, k, at + 4 * k])),
    ];
    expect(await told(csvOf(melted))).to.match(/a:5: found rows of one expert.*\nMaybe sort them/);
    const tokenless = csvOf([
      ["layer", "expert", "gate"],
      [0, 3, 0.5],
      [0, 4, 0.5],
    ]);
    expect(await told(tokenless)).to.match(/no column that tells tokens, expected token, or count/);
    const vocabulary = [
      ["layer", "token", "expert"],
      [0, 17, 3],
      [0, 17, 3],
      [0, 9, 1],
    ];
    expect(await told(csvOf(vocabulary))).to.match(/pass topK 1 where every row is a token/);
  });
});

describe("numbers in tables", () => {
  it("have columns of places and of experts by the numbers in their names, in whatever order they stand", async () => {
    const ids = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    const chosen = [
      [3, 10],
      [0, 11],
      [2, 4],
    ];
    for (const order of [ids, ids.toReversed(), ids.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))]) {
      const dense = chosen.map((experts, token) => [
        1,
        token,
        ...order.map((id) => (experts.includes(id) ? 0.5 : 0)),
      ]);
      for (const first of [
        ["layer", "token"],
        ["layer_id", "token_id"],
      ]) {
        const names = [...first, ...order.map((id) => `expert_${id}`)];
        const read = await readFolder({ "t.csv": csvOf([names, ...dense]) });
        expect(tokensRead(read)).to.deep.equal({ 1: chosen });
      }
    }
    const places = chosen.map(([first, second], token) => [second, token, first, 1]);
    const read = await readFolder({ "t.csv": csvOf([["e1", "token", "e0", "layer"], ...places]) });
    expect(tokensRead(read)).to.deep.equal({ 1: chosen });
  });

  it("of weights are refused where the numbers of experts leave one out", async () => {
    const names = ["layer", "token", "expert_0", "expert_1", "expert_3", "expert_4"];
    const rows = [
      [0, 0, 0.5, 0, 0.5, 0],
      [0, 1, 0, 0.5, 0, 0.5],
    ];
    expect(await failureOf(readFolder({ "t.csv": csvOf([names, ...rows]) }))).to.contain(
      "leave out the one behind expert_1",
    );
  });

  it("are refused with separators of thousands, which would be lists or other columns", async () => {
    const files = [
      'layer,expert,count\n0,0,"1,234"\n0,1,"2,000"\n',
      "layer,expert,count\n0,0,1_234\n0,1,2\n",
      "layer\texpert\tcount\n0\t0\t1,234\n0\t1\t2,000\n",
      'layer,token,e0,e1\n0,0,1,"1,234"\n0,1,2,3\n',
      '0,0,"1,234"\n0,1,"2,234"\n',
    ];
    for (const content of files) {
      expect(await failureOf(readFolder({ a: content })), content).to.match(
        /found (count )?1[,_]234, expected .*\nMaybe write numbers without separators/,
      );
    }
  });

  it("in a column without a name that number no rows are asked for where no other column tells layers", async () => {
    const loads = [
      [900, 20, 3, 77],
      [950, 30, 5, 15],
    ];
    const file = (first: number) =>
      csvOf([["", 0, 1, 2, 3], ...loads.map((row, at) => [first + at, ...row])]);
    const routing = await readFolder({ a: file(0) });
    expect(loadsRead(routing)).to.deep.equal({ 0: loads[0], 1: loads[1] });
    expect(routing.report.warnings.join()).to.match(/first column has no name, numbers the rows/);
    expect(await failureOf(readFolder({ a: file(3) }))).to.match(
      /found 3 in a column.*\nMaybe name it: layer or token/,
    );
  });

  it("are refused where more columns count than layers and tokens, in whatever order their rows come", async () => {
    const random = createRandom(9);
    const lengths = [17, 30, 9, 41];
    const rows = lengths.flatMap((length, request) =>
      Array.from({ length }, (_, token) =>
        [0, 1, 2].map((layer) => ({ request, layer, token, expert: Math.floor(random.next() * 16) })),
      ).flat(),
    );
    const passes = [...rows].sort(
      (a, b) =>
        (a.token >> 3) - (b.token >> 3) || a.layer - b.layer || a.request - b.request || a.token - b.token,
    );
    for (const order of [rows, passes]) {
      const wide = order.map(({ request, layer, token, expert }) => [
        request,
        layer,
        token,
        expert,
        16 + expert,
      ]);
      const long = order.flatMap(({ request, layer, token, expert }) =>
        [0, 1].map((rank) => [request, token, layer, rank, expert + 16 * rank]),
      );
      const weighted = order.map(({ layer, token, expert }) => [layer, token, expert, 1]);
      for (const table of [wide, long, weighted]) {
        expect(await failureOf(readFolder({ a: csvOf(table) }))).to.match(/^InputError: .*\nMaybe save/s);
      }
    }
  });

  it("may be loads in any order, by layer and expert, those of no load left out", async () => {
    const random = createRandom(3);
    const loads = [0, 1, 2].map(() => Array.from({ length: 40 }, () => Math.floor(300 * random.next() ** 3)));
    const rows = loads
      .flatMap((load, layer) => load.map((count, expert) => [layer, expert, count]))
      .filter(([, , count]) => count > 0)
      .sort(([, , one], [, , other]) => other - one);
    const expected = Object.fromEntries(loads.map((load, layer) => [layer, load]));
    const header = ["layer_id", "expert_id", "num_tokens"];
    expect(loadsRead(await readFolder({ a: csvOf([header, ...rows]) }))).to.deep.equal(expected);
    for (const content of [csvOf(rows), JSON.stringify(rows), npyFile(arrayOf(rows))]) {
      expect(await failureOf(readFolder({ a: content }))).to.match(/three columns .*\nMaybe pass as tokens/);
      expect(loadsRead(await readFolder({ a: content }, { as: "loads" }))).to.deep.equal(expected);
    }
  });

  it("are taken for a layer and a token in this order where nothing tells, and a warning says so", async () => {
    const rows = [0, 1].flatMap((layer) => [0, 1, 2].map((token) => [layer, token, token, 4 + layer]));
    const routing = await readFolder({ a: csvOf(rows) });
    expect(Object.keys(tokensRead(routing) as object)).to.deep.equal(["0", "1"]);
    expect(routing.report.warnings.join()).to.match(/the first was taken for the layer; pass numLayers/);
  });

  it("may be of layers and tokens both ways round, which the number of layers tells", async () => {
    // As many of one as a model has layers, and few of the other: random experts say nothing.
    const random = createRandom(5);
    const rows = Array.from({ length: 60 }, (_, at) => [
      at % 12,
      Math.floor(at / 12),
      Math.floor(random.next() * 16),
      16 + Math.floor(random.next() * 16),
    ]);
    expect(await failureOf(readFolder({ a: csvOf(rows) }))).to.match(
      /that may be layer and token or token and layer, expected what tells\nMaybe save it as CSV .* Or pass numLayers/,
    );
    const byFirst = await readFolder({ a: csvOf(rows) }, { numLayers: 12, numExperts: 32 });
    expect(Object.keys(tokensRead(byFirst) as object)).to.have.length(12);
    const bySecond = await readFolder({ a: JSON.stringify(rows) }, { numLayers: 5, numExperts: 32 });
    expect(Object.keys(tokensRead(bySecond) as object)).to.have.length(5);
  });
});

describe("numbers by the names of layers", () => {
  const tokens = {
    1: [
      [8, 26],
      [3, 4],
    ],
    3: [
      [5, 6],
      [7, 30],
    ],
  };
  const loads = { 0: [12, 3, 40, 5], 2: [10, 0, 25, 25] };
  const keyed = (value: object, key: (layer: string) => string) =>
    Object.fromEntries(Object.entries(value).map(([layer, rows]) => [key(layer), rows as unknown]));

  it("may be rows of tokens, under whatever name has the layer", async () => {
    const keys = [
      "model.layers.#.mlp",
      "model.layers.#.mlp.top2",
      "transformer.h.#.moe",
      "block_#",
      "layer#",
      "#",
    ];
    for (const key of keys) {
      const content = JSON.stringify({
        model: "tiny",
        num_experts: 32,
        ...keyed(tokens, (layer) => key.replace("#", layer)),
      });
      expect(tokensRead(await readFolder({ a: content })), key).to.deep.equal(tokens);
    }
    const nested = keyed(tokens, (layer) => `layer_${layer}`);
    for (const [layer, rows] of Object.entries(nested)) nested[layer] = { ...(rows as object) };
    expect(tokensRead(await readFolder({ a: JSON.stringify(nested) }))).to.deep.equal(tokens);
    const bare = Object.fromEntries(
      Object.entries(tokens).map(([layer, rows]) => [layer, Object.fromEntries(rows.entries())]),
    );
    expect(await failureOf(readFolder({ a: JSON.stringify(bare) }))).to.match(
      /which are layers .*\nMaybe name them/,
    );
  });

  it("may be tokens by number within layers by number, or the other way round, where something tells which", async () => {
    const [numLayers, numTokens] = [3, 150];
    const idsOf = (layer: number, token: number) =>
      [0, 1].map((place) => ((7 * token + 3 * layer) % 9) + 9 * place);
    const numbered = (outer: number, inner: number, ids: (outer: number, inner: number) => number[]) =>
      Object.fromEntries(
        Array.from({ length: outer }, (_, at) => [
          at,
          Object.fromEntries(Array.from({ length: inner }, (__, within) => [within, ids(at, within)])),
        ]),
      );
    const expected = Object.fromEntries(
      Array.from({ length: numLayers }, (_, layer) => [
        layer,
        Array.from({ length: numTokens }, (__, token) => idsOf(layer, token)),
      ]),
    );
    const byLayer = numbered(numLayers, numTokens, idsOf);
    const byToken = numbered(numTokens, numLayers, (token, layer) => idsOf(layer, token));
    for (const content of [byLayer, byToken])
      expect(tokensRead(await readFolder({ a: JSON.stringify(content) }))).to.deep.equal(expected);
    const few = numbered(2, 3, idsOf);
    expect(await failureOf(readFolder({ a: JSON.stringify(few) }))).to.match(
      /which are layers .*\nMaybe name them/,
    );
    const layers = tokensRead(await readFolder({ a: JSON.stringify(few) }, { numLayers: 3 }));
    expect(layers).to.have.all.keys("0", "1", "2");
  });

  it("may have tokens under names with a number, in whatever order text is sorted", async () => {
    const names = Array.from({ length: 12 }, (_, token) => `token_${token}`).sort();
    const rows = Object.fromEntries(names.map((name) => [name, [Number(name.slice(6)), 30]]));
    expect(tokensRead(await readFolder({ a: JSON.stringify({ layer_0: rows }) }))).to.deep.equal({
      0: Array.from({ length: 12 }, (_, token) => [token, 30]),
    });
  });

  it("are none where they are a placement", async () => {
    const placed = [
      {
        layer: 1,
        chiplets: [
          [8, 26],
          [3, 4],
        ],
      },
    ];
    const files = [
      { format: "moeplace.placement", version: 1, numExperts: 32, numChiplets: 2, layers: placed },
      {
        moe_layer_count: 1,
        layer_list: [
          { layer_id: 0, device_count: 1, device_list: [{ device_id: 0, device_expert: [0, 1] }] },
        ],
      },
      {
        physical_to_logical_map: [
          [0, 1],
          [1, 0],
        ],
      },
    ];
    for (const content of files) {
      expect(await failureOf(readFolder({ a: JSON.stringify(content) }))).to.match(/found no format known/);
    }
    for (const content of [
      "Expert,Node\n0,1\n1,0\n",
      "layer,expert,chiplet,slot\n0,3,0,0\n0,7,0,1\n0,2,1,0\n",
    ]) {
      expect(await failureOf(readFolder({ a: content }))).to.match(/a placement is for moeplace import/);
    }
  });

  it("tell layers by names, of one stack of layers", async () => {
    const rows = [
      ["model.layers.3.mlp", 0, 3, 5],
      ["model.layers.3.mlp", 1, 1, 2],
      ["model.layers.11.mlp", 0, 6, 0],
    ] as const;
    const records = rows.map(([layer, token, ...experts]) => ({ layer, token, experts }));
    const files = {
      wide: csvOf([["layer", "token", "e0", "e1"], ...rows]),
      long: csvOf([
        ["layer", "token", "expert"],
        ...rows.flatMap(([layer, token, ...experts]) => experts.map((expert) => [layer, token, expert])),
      ]),
      records: JSON.stringify(records),
      lines: records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    };
    for (const [name, content] of Object.entries(files)) {
      expect(tokensRead(await readFolder({ a: content })), name).to.deep.equal({
        3: [
          [3, 5],
          [1, 2],
        ],
        11: [[6, 0]],
      });
      expect(
        await failureOf(readFolder({ a: content.replace("model.layers.3", "encoder.layers.3") })),
      ).to.match(
        /found layer model.layers.3.mlp beside another name of layer 3, expected one stack of layers/,
      );
    }
    const counts = "layer,expert,count\nlayers.3,0,3\nlayers.3,1,5\nlayers.4,0,1\nlayers.4,1,2\n";
    expect(loadsRead(await readFolder({ a: counts }))).to.deep.equal({ 3: [3, 5], 4: [1, 2] });
  });

  it("may have the experts of a token in any order of their places, but not apart", async () => {
    const names = "layer,token,rank,expert\n";
    for (const rows of ["0,0,1,5\n0,0,0,3\n0,1,0,6\n0,1,1,2\n", "0,0,2,5\n0,0,1,3\n0,1,2,2\n0,1,1,6\n"]) {
      expect(tokensRead(await readFolder({ a: names + rows }, { numExperts: 8 }))).to.deep.equal({
        0: [
          [3, 5],
          [6, 2],
        ],
      });
    }
    const apart = "0,0,0,3\n0,1,0,6\n0,0,1,5\n0,1,1,2\n";
    expect(await failureOf(readFolder({ a: names + apart }))).to.match(
      /those of a token one after the other/,
    );
  });

  it("may be how often experts were chosen, by their numbers, those left out not at all", async () => {
    const counted = Object.fromEntries(
      Object.entries(loads).map(([layer, load]) => [
        layer,
        Object.fromEntries(load.map((count, expert) => [expert, count]).filter(([, count]) => count > 0)),
      ]),
    );
    for (const content of [
      counted,
      { counts: counted },
      { model: "tiny", num_experts: 4, layers: counted },
      keyed(counted, (layer) => `model.layers.${layer}.mlp`),
    ]) {
      expect(loadsRead(await readFolder({ a: JSON.stringify(content) }))).to.deep.equal(loads);
    }
  });
});
