import { expect } from "chai";
import { loadsOf } from "../../../lib/trace/load-trace.js";
import { readTrace } from "../../../traces/read-trace.js";
import { torchFile } from "../array-files.js";
import { failureOf, readContent, realFile, tokensOf } from "../trace-files.js";

describe("torch indices", () => {
  const indices = { shape: [3, 2], values: BigInt64Array.from([3, 1, 0, 2, 2, 3].map(BigInt)) };

  it("are read with the layer, the model and the sequences that the file tells", async () => {
    const content = torchFile({ model: "tiny", layer: 5, sequence_length: 2, indices });
    const { trace, report } = await readContent(content);
    expect(trace).to.deep.include({ model: "tiny", numExperts: 4, topK: 2 });
    expect(tokensOf(trace)).to.deep.equal({
      5: [
        [3, 1],
        [0, 2],
        [2, 3],
      ],
    });
    expect(trace.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 2));
    expect(report.sources[0].format).to.equal("torch tensors");
  });

  it("take the layer from the name where the file does not tell", async () => {
    const { trace } = await readContent(torchFile({ indices }), { name: "routing_layer12_part0.pt" });
    expect(trace.layers[0].layer).to.equal(12);
  });

  it("are read from the real file", async function () {
    const path = realFile(
      this,
      "formats",
      "flame-pt/flame-moe-290m_runid31066_epoch5473_layer2_shard0-0_to_0-0_encoder_32seqs_2048tokens.pt",
    );
    const { trace } = await readTrace([path]);
    expect(trace).to.deep.include({ model: "flame-moe-290m", numExperts: 64, topK: 6 });
    expect(trace.layers.map(({ layer, numTokens }) => [layer, numTokens])).to.deep.equal([[2, 2048]]);
    expect(trace.layers[0].sequenceStarts).to.have.length(32);
  });
});

describe("dense CSV", () => {
  const header = "layer_id,token_id,expert_0,expert_1,expert_2\n";

  it("takes what is not zero for chosen, and counts the columns", async () => {
    const { trace, report } = await readContent(`${header}4,0,0.000000,0.25,0.5\n4,1,0.1,0,0.9\n`);
    expect(trace).to.deep.include({ numExperts: 3, topK: 2 });
    expect(tokensOf(trace)).to.deep.equal({
      4: [
        [1, 2],
        [0, 2],
      ],
    });
    expect(report.warnings).to.deep.equal([]);
  });

  it("believes the name where layer_id is 0, and says so", async () => {
    const { trace, report } = await readContent(`${header}0,0,0,0.25,0.5\n`, { name: "run_layer7.csv" });
    expect(trace.layers[0].layer).to.equal(7);
    expect(report.warnings.join()).to.match(
      /run_layer7\.csv: taken for layer 7, as its name says, although layer_id is 0/,
    );
  });

  it("survives a last line that was cut off, and names a damaged one", async () => {
    const { trace, report } = await readContent(`${header}0,0,0,0.25,0.5\n0,1,0.2,`);
    expect(trace.layers[0].numTokens).to.equal(1);
    expect(report.warnings.join()).to.match(/:3: the last line is cut off/);
    expect(await failureOf(readContent(`${header}0,0,0.5\n0,1,0.2,0.1,0\n`))).to.equal(
      "InputError: trace:2: found 3 fields, expected 5",
    );
    expect(await failureOf(readContent(`${header}0,0,1,1,0\n0,1,0,1,0\n`))).to.match(
      /trace:3: found 1 expert in a token, expected 2/,
    );
  });

  it("reads the real file", async function () {
    const name = "flame-moe-290m_runid31066_epoch5473_layer2_shard0-0_to_0-1_firstTokens_64x512";
    const { trace, report } = await readTrace([realFile(this, "formats", `flame-dense-csv/${name}.csv`)]);
    expect(trace).to.deep.include({ numExperts: 64, topK: 6 });
    expect(trace.layers.map(({ layer, numTokens }) => [layer, numTokens])).to.deep.equal([[2, 64]]);
    expect(tokensOf(trace)[2][0]).to.deep.equal([16, 17, 28, 38, 42, 47]);
    expect(report.warnings).to.have.length(1);
  });
});

describe("MoE-Beyond CSV", () => {
  const header = "Layer ID,Batch Number,Token,Activated Expert IDs\n";

  it("reads tokens with commas, quotes and newlines; a batch is a sequence", async () => {
    const rows = `1,0,",","[3, 1]"\n1,0,"two\nlines","[0, 2]"\n1,1,"say ""it""","[2, 3]"\n2,0,Ġof,"[1, 0]"\n`;
    const { trace, report } = await readContent(header + rows);
    expect(tokensOf(trace)).to.deep.equal({
      1: [
        [3, 1],
        [0, 2],
        [2, 3],
      ],
      2: [[1, 0]],
    });
    expect(trace.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 2));
    expect(report.sources[0].format).to.equal("MoE-Beyond CSV");
  });

  it("names the line that is damaged", async () => {
    expect(await failureOf(readContent(`${header}1,0,a,"[3, 1]"\n1,0,b,"[3; 1]"\n`))).to.equal(
      "InputError: trace:3: found [3; 1], expected ids like [8, 26]",
    );
  });

  it("reads the real file", async function () {
    const { trace } = await readTrace([realFile(this, "formats", "moe-beyond-csv/prompt_187_data.csv")]);
    expect(trace.topK).to.equal(6);
    expect(trace.layers.map(({ layer, numTokens }) => [layer, numTokens])).to.deep.equal(
      Array.from({ length: 26 }, (_, at) => [at + 1, 26]),
    );
    expect(tokensOf(trace)[1].slice(0, 2)).to.deep.equal([
      [8, 26, 56, 57, 60, 43],
      [0, 8, 15, 22, 29, 23],
    ]);
  });
});

describe("ragged JSON Lines", () => {
  const line = (layer: number, token: number, experts: number[]) =>
    `{"dataset": "d", "problem_id": ${token}, "layer": ${layer}, "experts": [${experts.join(", ")}], "gating_probs": [0.6, 0.4], "token_idx": ${token}}\n`;

  it("reads layers of different lengths; token 0 begins a sequence", async () => {
    const content = line(0, 0, [6, 5]) + line(0, 1, [5, 3]) + line(1, 1, [7, 5]) + line(0, 0, [1, 2]);
    const { trace, report } = await readContent(content);
    expect(tokensOf(trace)).to.deep.equal({
      0: [
        [6, 5],
        [5, 3],
        [1, 2],
      ],
      1: [[7, 5]],
    });
    expect(trace.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 2));
    expect(report.sources[0].format).to.equal("ragged JSON Lines");
  });

  it("reads the real file", async function () {
    const { trace } = await readTrace([realFile(this, "formats", "ragged-jsonl/humaneval_2_routing.jsonl")]);
    expect(trace).to.deep.include({ numExperts: 8, topK: 2 });
    expect(trace.layers).to.have.length(32);
    expect(trace.layers.map(({ numTokens }) => numTokens)).to.include.members([334, 338]);
    expect(loadsOf(trace).layers[0].load.reduce((sum, value) => sum + value)).to.equal(2 * 337);
  });
});
