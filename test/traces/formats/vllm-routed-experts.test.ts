import { expect } from "chai";
import { readTrace } from "../../../traces/read-trace.js";
import { npyFile, npzFile } from "../array-files.js";
import { failureOf, readContent, readFolder, tokensOf, tokensRead, withFiles } from "../trace-files.js";
import { join } from "node:path";

// Two tokens, three layers of which the first is dense, top-2.
const ids = [0, 0, 3, 1, 2, 0, 0, 0, 0, 2, 1, 3];
const tokens = {
  1: [
    [3, 1],
    [0, 2],
  ],
  2: [
    [2, 0],
    [1, 3],
  ],
};

describe("vLLM routed experts", () => {
  it("are read from .npy of any integer type, layers without experts left out", async () => {
    for (const values of [
      Uint8Array.from(ids),
      Uint16Array.from(ids),
      Int32Array.from(ids),
      BigInt64Array.from(ids.map(BigInt)),
    ]) {
      const { trace, report } = await readContent(npyFile({ shape: [2, 3, 2], values }));
      expect(tokensOf(trace), values.constructor.name).to.deep.equal(tokens);
      expect(report.sources[0].format).to.equal("vLLM routed experts");
    }
  });

  it("are read from arrays in Fortran order", async () => {
    const byPlace = [0, 1].flatMap((place) =>
      [0, 1, 2].flatMap((layer) => [0, 1].map((token) => ids[token * 6 + layer * 2 + place])),
    );
    const { trace } = await readContent(
      npyFile({ shape: [2, 3, 2], values: Uint8Array.from(byPlace) }, { isFortran: true }),
    );
    expect(tokensOf(trace)).to.deep.equal(tokens);
  });

  it("are read from the requests of a folder, each a sequence, whatever else an .npz holds", async () => {
    const request = (values: number[]) =>
      npzFile({
        prompt_token_ids: { shape: [3], values: Int32Array.of(5, 6, 7) },
        routed_experts: { shape: [values.length / 2, 1, 2], values: Uint8Array.from(values) },
      });
    const files = { "request-10.npz": request([4, 5]), "request-9.npz": request([0, 1, 2, 3]) };
    const routing = await readFolder(files, { layerOffset: 3 });
    expect(tokensRead(routing)).to.deep.equal({
      3: [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
    });
    expect(routing.kind === "tokens" && routing.trace.layers[0].sequenceStarts).to.deep.equal(
      Uint32Array.of(0, 2),
    );
  });

  it("leave out padding of 255 and -1", async () => {
    const unsigned = npyFile({ shape: [2, 1, 2], values: Uint8Array.of(255, 255, 1, 2) });
    const signed = npyFile({ shape: [2, 1, 2], values: Int32Array.of(1, 2, -1, -1) });
    for (const content of [unsigned, signed]) {
      expect(tokensOf((await readContent(content)).trace)).to.deep.equal({ 0: [[1, 2]] });
    }
    const alone = npyFile({ shape: [3, 1, 1], values: Uint8Array.of(255, 0, 2) });
    expect(tokensOf((await readContent(alone)).trace)).to.deep.equal({ 0: [[0], [2]] });
  });

  it("are read as far as they go where the file was cut off", async () => {
    const whole = npyFile({ shape: [5, 1, 2], values: Uint8Array.of(0, 1, 1, 2, 2, 3, 3, 4, 4, 5) });
    const { trace, report } = await readContent(whole.subarray(0, whole.length - 3));
    expect(trace.layers[0].numTokens).to.equal(3);
    expect(report.warnings.join()).to.match(/cut off after 3 of 5 tokens/);
  });

  it("are streamed without losing a token at the seams", async () => {
    const numTokens = 50_000;
    const values = Uint16Array.from(
      { length: numTokens * 21 },
      (_, at) => (at % 3) * 100 + ((at * 7919) % 100),
    );
    const { trace } = await readContent(npyFile({ shape: [numTokens, 7, 3], values }), { keepWarmup: true });
    expect(trace.layers).to.have.length(7);
    for (const { layer, experts } of trace.layers) {
      const expected = Uint16Array.from(
        { length: numTokens * 3 },
        (_, at) => values[Math.floor(at / 3) * 21 + layer * 3 + (at % 3)],
      );
      expect(Buffer.from(experts.buffer).equals(Buffer.from(expected.buffer))).to.be.true;
    }
  });

  it("name the file of an id that is wrong", async () => {
    const told = async (values: Int32Array, options = {}) =>
      failureOf(
        readContent(npyFile({ shape: [values.length / 2, 1, 2], values }), { name: "r.npy", ...options }),
      );
    expect(await told(Int32Array.of(0, 1, 2, 8), { numExperts: 8 })).to.equal(
      "InputError: r.npy: layer 0, token 1: expert 8 is out of range [0, 8)",
    );
    expect(await told(Int32Array.of(0, 1, 2, -1))).to.equal(
      "InputError: r.npy: layer 0: found 1 expert in a token and -1 behind, expected 2 as in the others\n" +
        "Maybe tokens have varying numbers of experts; pass topK 2, the most of them.",
    );
    const doubled = npyFile({ shape: [1, 1, 3], values: Uint8Array.of(4, 5, 4) });
    expect(await failureOf(readContent(doubled, { name: "r.npy" }))).to.equal(
      "InputError: r.npy: layer 0, token 0: expert 4 comes twice\n" +
        "Maybe 4 stands for no expert; pass padding 4. Or, where an array or a table holds loads, pass as loads.",
    );
    const promptAlone = npzFile({ prompt_token_ids: { shape: [1], values: Int32Array.of(5) } });
    expect(await failureOf(readContent(promptAlone, { name: "r.npz" }))).to.equal(
      "InputError: r.npz: found prompt_token_ids, expected one array, arrays by layer, or one named routed_experts, topk_ids, expert_load ...",
    );
    const broken = promptAlone.subarray(0, promptAlone.length - 30);
    expect(await failureOf(readContent(broken, { name: "r.npz" }))).to.match(
      /r\.npz: found .*, expected a whole zip file/,
    );
  });

  it("refuse an array of another width than the others", async () => {
    const files = {
      a: npyFile({ shape: [1, 1, 2], values: Uint8Array.of(0, 1) }),
      b: npyFile({ shape: [1, 1, 3], values: Uint8Array.of(0, 1, 2) }),
    };
    await withFiles(files, async (folder) => {
      expect(await failureOf(readTrace([folder]))).to.match(
        /b: layer 0: found 3 experts in a token, expected 2/,
      );
      expect(await failureOf(readTrace([join(folder, "a"), join(folder, "b")]))).to.match(
        /top-3, expected 4 experts top-2/,
      );
    });
  });
});
