import { expect } from "chai";
import { npyFile, torchFile, torchZip } from "../array-files.js";
import { failureOf, loadsRead, readContent, readFolder, tokensOf, tokensRead } from "../trace-files.js";

// Layer 0 is dense. Layer 1 has 4 experts on 5 places: place 0 holds expert 2, ..., expert 3 has two copies.
const map = { shape: [2, 5], values: BigInt64Array.from([0, 1, 2, 3, 3, 2, 0, 3, 1, 3].map(BigInt)) };
const none = [-1, -1, -1];

function perToken(rank: number, passes: readonly (readonly number[])[][]): Uint8Array {
  const records = passes.map((rows) => ({
    rank,
    forward_mode: 2,
    input_ids: rows.map((_, at) => at),
    topk_ids_of_layer: {
      shape: [2, rows.length, 3],
      values: Int32Array.from([...rows.map(() => none), ...rows].flat()),
    },
    misc_objects: [],
  }));
  return torchFile({ records, last_physical_to_logical_map: map });
}

describe("SGLang recorder", () => {
  it("maps the physical experts of tokens to logical ones, and reads all ranks as one", async () => {
    const files = {
      "recorder_0.pt": perToken(0, [[[0, 1, -1], none], [[4, 3, -1]]]),
      "recorder_1.pt": perToken(1, [[[2, 0, -1]]]),
    };
    const routing = await readFolder(files);
    expect(tokensRead(routing)).to.deep.equal({
      1: [
        [2, 0],
        [3, 1],
        [3, 2],
      ],
    });
    expect(routing.kind === "tokens" && routing.trace.numExperts).to.equal(4);
    expect(routing.report.sources[0]).to.include({ format: "SGLang recorder", numFiles: 2 });
  });

  it("adds up the loads of forward passes and ranks by logical expert", async () => {
    const pass = (values: readonly number[]) => ({
      global_physical_count: { shape: [2, 5], values: Int32Array.from([0, 0, 0, 0, 0, ...values]) },
    });
    const file = (...passes: readonly number[][]) =>
      torchFile({ records: passes.map(pass), last_physical_to_logical_map: map });
    const routing = await readFolder({
      "r_0.pt": file([1, 2, 3, 4, 5], [10, 0, 0, 0, 0]),
      "r_1.pt": file([0, 0, 0, 0, 100]),
    });
    expect(loadsRead(routing)).to.deep.equal({ 1: [2, 4, 11, 108] });
  });

  it("adds up the steps of logical counts", async () => {
    const counts = { shape: [2, 2, 3], values: Int32Array.of(0, 0, 0, 1, 2, 3, 0, 0, 0, 10, 20, 30) };
    const content = torchFile({ rank: 0, logical_count: counts, average_utilization_rate_over_window: null });
    const routing = await readFolder({ "stat.pt": content });
    expect(loadsRead(routing)).to.deep.equal({ 1: [11, 22, 33] });
    expect(await failureOf(readContent(content, { name: "stat.pt" }))).to.equal(
      "InputError: stat.pt: found loads of experts without tokens, expected the experts that every token chose\n" +
        "Maybe record tokens: loads tell what is busy, but not what is chosen together, which C_T depends on.",
    );
  });

  it("never runs a pickle: any name but those that build tensors is refused", async () => {
    const told = async (pickle: string) =>
      failureOf(readContent(torchZip(Buffer.from(pickle, "latin1")), { name: "r.pt" }));
    // Each mentions logical_count, so that it is taken for a recording at all.
    const dictionary = "\x80\x02}X\x0d\x00\x00\x00logical_count";
    expect(await told(`${dictionary}cos\nsystem\nX\x04\x00\x00\x00true\x85Rs.`)).to.equal(
      "InputError: r.pt: found the name os.system in the pickle, expected tensors and plain values",
    );
    expect(await told(`${dictionary}cbuiltins\neval\nX\x01\x00\x00\x001\x85Rs.`)).to.match(
      /the name builtins\.eval in the pickle/,
    );
    expect(await told(`${dictionary}ctorch\n__proto__\n)Rs.`)).to.match(
      /the name torch\.__proto__ in the pickle/,
    );
    expect(await told(`${dictionary}ctorch\nLongStorage\n)Rs.`)).to.match(
      /the name torch\.LongStorage in the pickle/,
    );
    expect(await told(dictionary)).to.match(/r\.pt: found .*, expected tensors and plain values/);
  });

  it("refuses a tensor that reaches beyond its storage", async () => {
    const content = torchFile({ logical_count: { shape: [1, 2, 300], values: Int32Array.of(1, 2, 3) } });
    expect(await failureOf(readContent(content))).to.match(
      /found a tensor of shape \[1,2,300\] beyond its storage/,
    );
  });

  it("says what to do with a file of the old format", async () => {
    const legacy = Buffer.from("8002 8a0a 6cfc 9c46 f920 6aa8 5019 2e".replaceAll(" ", ""), "hex");
    expect(
      await failureOf(readContent(Buffer.concat([legacy, Buffer.from("logical_count")]), { name: "r.pt" })),
    ).to.equal(
      "InputError: r.pt: found the old torch format, expected a trace\n" +
        "Maybe save it again as torch does since version 1.6: " +
        `python -c "import torch; torch.save(torch.load('OLD.pt', map_location='cpu', weights_only=True), 'NEW.pt')".`,
    );
  });
});

describe("SGLang routed experts", () => {
  // Two tokens, two layers of which the first is dense, top-2.
  const base64 = Buffer.from(Int32Array.of(0, 0, 3, 1, 0, 0, 2, 0).buffer).toString("base64");
  const tokens = {
    1: [
      [3, 1],
      [2, 0],
    ],
  };
  const shape = { numLayers: 2, topK: 2 };

  it("are read from the responses of a file, each a sequence", async () => {
    const response = JSON.stringify({
      text: "a",
      meta_info: { completion_tokens: 2, routed_experts: base64 },
    });
    const { trace, report } = await readContent(`${response}\n${response}\n`, shape);
    expect(tokensOf(trace)).to.deep.equal({ 1: [...tokens[1], ...tokens[1]] });
    expect(trace.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 2));
    expect(report.sources[0].format).to.equal("SGLang routed experts");
  });

  it("are read from base64 alone", async () => {
    const long = Buffer.from(
      Int32Array.from(Array.from({ length: 20 }, () => [0, 0, 3, 1, 0, 0, 2, 0]).flat()).buffer,
    );
    const { trace } = await readContent(`${long.toString("base64")}\n`, shape);
    expect(trace.layers[0].numTokens).to.equal(40);
  });

  it("need their shape, which is written nowhere", async () => {
    const response = JSON.stringify({ routed_experts: base64 });
    expect(await failureOf(readContent(response, { name: "r.json" }))).to.equal(
      "InputError: r.json: found routed experts without their shape, expected the number of layers and top-k beside them\n" +
        "Maybe pass numLayers and topK, dense layers counted too.",
    );
    expect(await failureOf(readContent(response, { name: "r.json", numLayers: 3, topK: 2 }))).to.equal(
      "InputError: r.json: found 8 ids, expected a multiple of 3 layers x top-2",
    );
  });

  it("may be the base64 of an array file, as vLLM sends it", async () => {
    const npy = npyFile({ shape: [2, 2, 2], values: Uint8Array.of(0, 0, 3, 1, 0, 0, 2, 0) });
    const { trace } = await readContent(JSON.stringify({ routed_experts: npy.toString("base64") }));
    expect(tokensOf(trace)).to.deep.equal(tokens);
  });
});
