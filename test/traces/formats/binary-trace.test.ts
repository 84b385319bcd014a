import { expect } from "chai";
import { binaryTrace, writeBinaryTrace } from "../../../traces/formats/binary-trace.js";
import { synthesizeTrace } from "../../../traces/synthetic.js";
import { failureOf, readContent } from "../trace-files.js";

const trace = synthesizeTrace({ preset: "deepseek-v2-lite", tokens: 60_000, layers: 3 });
const content = Buffer.concat([...writeBinaryTrace(trace)]);

describe("moeplace binary", () => {
  it("comes back as it was, sequences and all", async () => {
    const { trace: back, report } = await readContent(content);
    expect(back).to.deep.equal(trace);
    expect(report.sources[0].format).to.equal(binaryTrace.name);
  });

  it("drops warm-up rows like any format, unless they are to be kept", async () => {
    const experts = Uint16Array.from([...Array.from({ length: 30 }, () => [0, 1]), [2, 3]].flat());
    const padded = {
      model: undefined,
      numExperts: 4,
      topK: 2,
      layers: [{ layer: 0, numTokens: 31, experts }],
    };
    const bytes = Buffer.concat([...writeBinaryTrace(padded)]);
    expect((await readContent(bytes)).trace.layers[0].numTokens).to.equal(1);
    expect((await readContent(bytes, { keepWarmup: true })).trace).to.deep.equal(padded);
  });

  it("is read as far as it goes where it was cut off", async () => {
    const { trace: back, report } = await readContent(content.subarray(0, content.length - 60_001));
    expect(back.layers.map(({ numTokens }) => numTokens)).to.deep.equal([60_000, 60_000, 54_999]);
    expect(report.warnings.join()).to.match(/cut off in the middle/);
  });

  it("is refused where the version or the header is not known, or an id is wrong", async () => {
    const damaged = (change: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(content);
      change(bytes);
      return failureOf(readContent(bytes, { name: "t.moe" }));
    };
    expect(await damaged((bytes) => bytes.writeUInt32LE(2, 8))).to.equal(
      "InputError: t.moe: found version 2, expected 1",
    );
    expect(await damaged((bytes) => bytes.write("?", 16))).to.match(/t\.moe: found a damaged header/);
    expect(await damaged((bytes) => bytes.writeUInt16LE(64, bytes.length - 2))).to.equal(
      "InputError: t.moe: layer 3, token 59999: expert 64 is out of range [0, 64)",
    );
  });
});
