import { gzipSync } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { createRoutingTrace, type RoutingTrace } from "../../../lib/trace/routing-trace.js";
import { writeJsonLines } from "../../../traces/formats/json-lines.js";
import { readTrace } from "../../../traces/read-trace.js";
import { failureOf, readContent, realFile, row, tokensOf } from "../trace-files.js";

const header = `{"model": "tiny", "num_layers": 1, "num_experts": 8, "top_k": 2, "sequence_lengths": [1, 2]}\n`;
const rows = row(3, 0, [5, 1]) + row(3, 1, [0, 7]) + row(3, 2, [2, 3]);

describe("moeplace JSON Lines", () => {
  it("reads model, experts, top-k and sequences from the header, and the tokens in their order", async () => {
    const { trace, report } = await readContent(header + rows);
    expect(trace).to.deep.include({ model: "tiny", numExperts: 8, topK: 2 });
    expect(tokensOf(trace)).to.deep.equal({
      3: [
        [5, 1],
        [0, 7],
        [2, 3],
      ],
    });
    expect(trace.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 1));
    expect(report.sources[0]).to.include({ format: "moeplace JSON Lines", numFiles: 1 });
    expect(report.warnings).to.deep.equal([]);
  });

  it("reads gzip by content, whatever the name", async () => {
    const { trace } = await readContent(gzipSync(header + rows), { name: "trace.jsonl" });
    expect(tokensOf(trace)).to.deep.equal({
      3: [
        [5, 1],
        [0, 7],
        [2, 3],
      ],
    });
  });

  it("reads the same whatever the spacing, order of members and extra members of a row", async () => {
    const odd = [
      `{ "layer" : 3 , "token" : 0 , "experts" : [ 5 , 1 ] }\r\n`,
      `{"experts":[0,7],"weights":[0.75,2.5e-1],"layer":3,"note":"a \\"quoted\\" one","token":1}\n`,
      `\n`,
      `{"layer":3,"experts":[2.0,3],"nested":{"a":[[1]]},"null":null}`,
    ].join("");
    const { trace } = await readContent(header + odd);
    expect(tokensOf(trace)).to.deep.equal({
      3: [
        [5, 1],
        [0, 7],
        [2, 3],
      ],
    });
  });

  it("reads rows without a header, and says how many experts it assumed", async () => {
    const { trace, report } = await readContent(row(0, 0, [5, 1]) + row(0, 1, [0, 6]));
    expect(trace).to.deep.include({ model: undefined, numExperts: 8, topK: 2 });
    expect(report.warnings).to.deep.equal([
      "trace: assumed 8 experts, because no file tells and the largest id is 6; pass numExperts to correct it",
    ]);
    expect((await readContent(row(0, 0, [5, 1]), { numExperts: 60 })).trace.numExperts).to.equal(60);
  });

  it("counts experts from firstExpert and shifts layers by layerOffset", async () => {
    const { trace } = await readContent(header + row(0, 0, [8, 1]), { firstExpert: 1, layerOffset: 3 });
    expect(tokensOf(trace)).to.deep.equal({ 3: [[7, 0]] });
  });

  it("survives a last line that was cut off, with a warning", async () => {
    for (const cut of [
      `{"layer":3,"tok`,
      `{"layer":3,"token":3,"experts":[1,`,
      `{"layer":3,"token":3,"experts":[1,4]`,
    ]) {
      const { trace, report } = await readContent(header + rows + cut);
      expect(trace.layers[0].numTokens).to.equal(3);
      expect(report.warnings.join()).to.match(/:5: the last line is cut off and was left out$/);
    }
  });

  it("survives a gzip file that was cut off", async () => {
    const many = Array.from({ length: 5000 }, (_, token) => row(3, token, [token % 7, 7])).join("");
    const zipped = gzipSync(header + many);
    const { trace, report } = await readContent(zipped.subarray(0, zipped.length / 2));
    expect(trace.layers[0].numTokens).to.be.within(100, 4999);
    expect(report.warnings.join()).to.match(/the last line is cut off/);
  });

  it("names file, line, what was found and what was expected", async () => {
    const told = async (content: string, options = {}) =>
      failureOf(readContent(content, { name: "trace.jsonl", ...options }));
    expect(await told(header + row(3, 0, [8, 1]))).to.equal(
      "InputError: trace.jsonl:2: expert 8 is out of range [0, 8)\n" +
        "Maybe the trace counts experts from 1; pass firstExpert 1.",
    );
    expect(await told(header + row(3, 0, [1, -1]))).to.equal(
      "InputError: trace.jsonl:2: found 1 expert in a token and -1 behind, expected 2 as in the others\n" +
        "Maybe tokens have varying numbers of experts; pass topK 2, the most of them.",
    );
    expect(await told(header + rows + row(3, 3, [0, 1]), { firstExpert: 1 })).to.equal(
      "InputError: trace.jsonl:3: expert 0 is out of range [1, 9)\n" +
        "Maybe the trace counts experts from 0; pass firstExpert 0.",
    );
    expect(await told(header + rows + row(3, 3, [4, 4]))).to.equal(
      "InputError: trace.jsonl:5: expert 4 comes twice in a token\n" +
        "Maybe 4 stands for no expert; pass padding 4. Or, where an array or a table holds loads, pass as loads.",
    );
    expect(await told(header + rows + row(4, 0, [4, 5, 6]))).to.equal(
      "InputError: trace.jsonl:5: found 3 experts in a token, expected 2 as in the others\n" +
        "Maybe the line is damaged, the trace mixes models, or tokens have varying numbers of experts; pass topK, the most of them.",
    );
    expect(await told(header + `{"layer":3,"tok\n` + rows)).to.equal(
      `InputError: trace.jsonl:2: found {"layer":3,"tok, expected a line like ` +
        `{"layer":0,"token":0,"experts":[8,26]}`,
    );
    expect(await told(header + `{"layer":3,"token":0}\n`)).to.match(
      /trace\.jsonl:2: found .* expected a line like/,
    );
    expect(await told(header.replace("8", `"eight"`) + rows)).to.equal(
      `InputError: trace.jsonl:1: found num_experts "eight", expected a whole number above 0`,
    );
    expect(await told(header)).to.equal("InputError: trace.jsonl: found no tokens, expected at least one");
    expect(await told("")).to.equal("InputError: trace.jsonl: found an empty file, expected a trace");
    expect(await told("hello\n")).to.match(
      /^InputError: trace\.jsonl: found no format known, expected .*moeplace JSON Lines/,
    );
    expect(await failureOf(readTrace(["/no/such/file"]))).to.equal(
      "InputError: /no/such/file: found no such file, expected a trace",
    );
  });

  it("writes what it reads: any trace comes back as it was", async () => {
    await fc.assert(
      fc.asyncProperty(anyTrace(), async (trace) => {
        const { trace: back } = await readContent([...writeJsonLines(trace)].join(""), { keepWarmup: true });
        expect(back).to.deep.equal(trace);
      }),
      { numRuns: 30 },
    );
  });

  it("reads a long file in pieces without losing a row at the seams", async () => {
    const layers = [0, 7].map((layer) => ({
      layer,
      numTokens: 60_000,
      experts: Uint16Array.from(
        { length: 120_000 },
        (_, place) => (place % 2) * 300 + ((place * 7919) % 300),
      ),
    }));
    const trace = createRoutingTrace({ model: "long", numExperts: 600, topK: 2, layers });
    const { trace: back } = await readContent([...writeJsonLines(trace)].join(""));
    expect(back).to.deep.equal(trace);
  });

  it("reads the real traces", async function () {
    const path = realFile(this, "traces", "esft-dsv2lite-law.jsonl.gz");
    const { trace, report } = await readTrace([path]);
    expect(trace).to.deep.include({ numExperts: 64, topK: 6 });
    expect(trace.layers.map(({ layer }) => layer)).to.deep.equal(
      Array.from({ length: 26 }, (_, at) => at + 1),
    );
    expect(trace.layers.every(({ numTokens }) => numTokens === 8327)).to.be.true;
    expect(trace.layers[0].sequenceStarts).to.have.length(33);
    expect(report.layers.every(({ warmupRows }) => warmupRows === 0)).to.be.true;
  });

  it("reads several real files as one trace, and keeps them apart as parts", async function () {
    const paths = ["law", "intent"].map((task) => realFile(this, "traces", `esft-dsv2lite-${task}.jsonl.gz`));
    const { trace, parts } = await readTrace(paths);
    expect(parts.map(({ layers }) => layers[0].numTokens)).to.deep.equal([8327, 8222]);
    expect(trace.layers[0].numTokens).to.equal(8327 + 8222);
    expect(trace.layers[0].sequenceStarts).to.have.length(33 + 127);
  });
});

function anyTrace(): fc.Arbitrary<RoutingTrace> {
  return fc
    .record({
      numExperts: fc.integer({ min: 3, max: 300 }),
      topK: fc.integer({ min: 1, max: 3 }),
      hasStarts: fc.boolean(),
    })
    .chain(({ numExperts, topK, hasStarts }) => {
      const token = fc.uniqueArray(fc.nat(numExperts - 1), { minLength: topK, maxLength: topK });
      const layer = fc.array(token, { minLength: 1, maxLength: 40 });
      return fc
        .record({
          model: fc.option(fc.string(), { nil: undefined }),
          layers: fc.dictionary(fc.nat(60).map(String), layer, { minKeys: 1, maxKeys: 4 }),
        })
        .map(({ model, layers }) =>
          createRoutingTrace({
            model,
            numExperts,
            topK,
            layers: Object.entries(layers).map(([id, tokens]) => ({
              layer: Number(id),
              numTokens: tokens.length,
              experts: Uint16Array.from(tokens.flat()),
              // A header can tell the sequences of layers with as many tokens only.
              ...(hasStarts &&
                Object.keys(layers).length === 1 && { sequenceStarts: startsFor(tokens.length) }),
            })),
          }),
        );
    });
}

function startsFor(numTokens: number): Uint32Array {
  return Uint32Array.from({ length: Math.ceil(numTokens / 5) }, (_, sequence) => sequence * 5);
}
