import { expect } from "chai";
import {
  npyFile,
  npzFile,
  RawPickle,
  safetensorsFile,
  torchFile,
  TorchParameter,
  UntypedTensor,
} from "../array-files.js";
import { failureOf, loadsRead, readContent, readFolder, tokensOf, tokensRead } from "../trace-files.js";

const ids = { shape: [3, 2], values: Int32Array.of(0, 1, 2, 3, 1, 0) };
const rows = [
  [0, 1],
  [2, 3],
  [1, 0],
];
const halves = { shape: [3, 2], values: new Uint16Array(6) };

describe("torch files", () => {
  it("may hold numbers of other types beside the ids", async () => {
    const types = ["float8_e4m3fn", "float8_e5m2", "complex64"];
    for (const dtype of types) {
      const scores = new UntypedTensor(dtype, [3, 2], Buffer.alloc(6));
      const { trace } = await readContent(torchFile({ indices: ids, scores, layer: 7 }));
      expect(tokensOf(trace), dtype).to.deep.equal({ 7: rows });
    }
    const { trace } = await readContent(torchFile({ indices: ids, scores: halves, layer: 7 }));
    expect(tokensOf(trace)).to.deep.equal({ 7: rows });
  });

  it("may hold ids of 16, 32 and 64 bits without sign, and parameters", async () => {
    const widths = [
      ["uint16", 2],
      ["uint32", 4],
      ["uint64", 8],
    ] as const;
    for (const [dtype, width] of widths) {
      const bytes = Buffer.alloc(6 * width);
      ids.values.forEach((id, at) => bytes.writeUInt16LE(id, at * width));
      const { trace } = await readContent(torchFile({ indices: new UntypedTensor(dtype, [3, 2], bytes) }));
      expect(tokensOf(trace), dtype).to.deep.equal({ 0: rows });
    }
    const { trace } = await readContent(torchFile({ indices: new TorchParameter(ids) }));
    expect(tokensOf(trace)).to.deep.equal({ 0: rows });
  });

  it("may tell the layer by a tensor or by a number of numpy", async () => {
    const scalar = { shape: [], values: BigInt64Array.of(5n) };
    expect(tokensOf((await readContent(torchFile({ indices: ids, layer: scalar }))).trace)).to.deep.equal({
      5: rows,
    });
    const numpy =
      "cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\x00\x00\x00i8\x89\x88tR(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" +
      "c_codecs\nencode\n(X\x09\x00\x00\x00\xc3\x89\x00\x00\x00\x00\x00\x00\x00X\x06\x00\x00\x00latin1tRtR";
    const named = torchFile({ indices: ids, layer: new RawPickle(numpy) });
    expect(Object.keys(tokensOf((await readContent(named)).trace))).to.deep.equal(["201"]);
  });

  it("may be a dictionary of layers, or a plain tensor", async () => {
    const byLayer = new Map([
      [3, ids],
      [11, ids],
    ]);
    expect(tokensOf((await readContent(torchFile(byLayer))).trace)).to.deep.equal({ 3: rows, 11: rows });
    const byName = torchFile({ "model.layers.4": ids });
    expect(tokensOf((await readContent(byName)).trace)).to.deep.equal({ 4: rows });
    const loads = { shape: [2, 4], values: Float32Array.of(1, 2.5, 3, 4, 5, 6, 7, 8) };
    expect(loadsRead(await readFolder({ "expert_load_view.pt": torchFile(loads) }))).to.deep.equal({
      0: [1, 2.5, 3, 4],
      1: [5, 6, 7, 8],
    });
    const requests = { shape: [2, 2, 2], values: Int32Array.of(0, 1, 2, 3, 1, 0, 3, 2) };
    expect(tokensRead(await readFolder({ "r.pt": torchFile(requests) }))).to.deep.equal({
      0: [
        [0, 1],
        [1, 0],
      ],
      1: [
        [2, 3],
        [3, 2],
      ],
    });
    const untensored = await failureOf(readFolder({ "r.pt": torchFile({ weights: halves, names: "none" }) }));
    expect(untensored).to.match(/found weights, names, expected one array, arrays by layer/);
  });
});

describe("safetensors", () => {
  it("may hold numbers of other types beside the ids", async () => {
    const file = safetensorsFile({ "0_3": ids, gates: { shape: [2], values: Uint8Array.of(1, 2) } });
    const renamed = Buffer.from(file.toString("latin1").replace('"U8"', '"F8"'), "latin1");
    expect(tokensRead(await readFolder({ "rank0_raw.safetensors": renamed }))).to.deep.equal({ 3: rows });
  });
});

describe("arrays of mere numbers", () => {
  const npy = (shape: readonly number[], value: (at: number) => number) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return npyFile({ shape, values: Int32Array.from({ length }, (_, at) => value(at)) });
  };
  const kindOf = async (content: Uint8Array, options = {}) => {
    const routing = await readFolder({ "a.npy": content }, options);
    return `${routing.kind}, ${routing.report.sources[0].format}`;
  };

  it("are loads of few experts where range, sums or repeats say so", async () => {
    const distinct = npy([6, 4, 8], (at) => 40 + ((at * 37) % 50));
    expect(await kindOf(distinct)).to.equal("loads, load matrix");
    const sums = npy([3, 4, 8], (at) =>
      at % 8 === 7 ? 900 - ((at - 7) % 17) * 7 - 21 : ((at - (at % 8)) % 17) + (at % 8),
    );
    expect(await kindOf(sums)).to.equal("loads, load matrix");
    const repeats = npy([4, 4, 8], (at) => (at * at) % 11);
    expect(await kindOf(repeats)).to.equal("loads, load matrix");
    expect(await kindOf(npy([2, 3, 8], (at) => 5000 * at))).to.equal("loads, load matrix");
  });

  it("are experts of tokens where these are distinct", async () => {
    const id = (at: number) =>
      ((Math.floor(at / 8) * 31) % 57) +
      (at % 8) * 8 -
      ((Math.floor(at / 8) * 31) % 57 > 7 ? ((Math.floor(at / 8) * 31) % 57) - 3 : 0);
    expect(await kindOf(npy([40, 3, 8], id))).to.equal("tokens, vLLM routed experts");
  });

  it("are what is asked for where both are possible, and refused without it", async () => {
    const few = npy([2, 2, 8], (at) => (at * 29) % 97);
    expect(await failureOf(kindOf(few))).to.match(
      /a\.npy: found numbers \[2, 2, 8\] that may be .*\nMaybe pass as tokens, or pass as loads/,
    );
    expect(await kindOf(few, { as: "loads" })).to.equal("loads, load matrix");
    expect(await kindOf(few, { as: "tokens" })).to.equal("tokens, vLLM routed experts");
  });

  it("are tokens of a top-1 model where there are more rows than layers, as ExFlow writes them", async () => {
    const exflow = npy([500, 12], (at) => (at * at * 3 + Math.floor(at / 12)) % 16);
    expect(await kindOf(exflow)).to.equal("tokens, tokens as a matrix");
    const routing = await readFolder({ "a.npy": exflow });
    expect(routing.kind === "tokens" && [routing.trace.layers.length, routing.trace.topK]).to.deep.equal([
      12, 1,
    ]);
    const layer = npy([500, 4], (at) => ((Math.floor(at / 4) * 5) % 13) + 13 * (at % 4));
    const named = await readFolder({ "layer_9.npy": layer });
    expect(named.kind === "tokens" && named.trace.layers.map(({ layer: id }) => id)).to.deep.equal([9]);
  });

  it("may be the only array of an .npz", async () => {
    const loads = { shape: [1, 4], values: Float64Array.of(1, 2, 3, 4) };
    const file = npzFile({ loads, names: { shape: [1], values: Int32Array.of(1) } });
    expect(loadsRead(await readFolder({ "a.npz": file }))).to.deep.equal({ 0: [1, 2, 3, 4] });
  });
});
