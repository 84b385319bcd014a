import { expect } from "chai";
import { readTrace } from "../../../traces/read-trace.js";
import { failureOf, readContent, realFile, tokensOf, withFiles } from "../trace-files.js";

describe("ESFT expert scores", () => {
  const line = (ids: readonly number[]) => `${ids.join("\t")}\t\t${ids.map(() => "0.125").join("\t")}\n`;

  it("reads a sequence from every line, and top-k from where the ids of a token are distinct", async () => {
    const files = {
      "expert_weights_2.txt": line([0, 1, 2, 0, 3, 1]) + line([4, 5, 6]),
      "expert_weights_10.txt": line([0, 1, 3, 1, 0, 2]) + line([7, 5, 6]),
    };
    await withFiles(files, async (folder) => {
      const { trace, report } = await readTrace([folder]);
      expect(trace).to.deep.include({ numExperts: 8, topK: 3 });
      expect(tokensOf(trace)).to.deep.equal({
        2: [
          [0, 1, 2],
          [0, 3, 1],
          [4, 5, 6],
        ],
        10: [
          [0, 1, 3],
          [1, 0, 2],
          [7, 5, 6],
        ],
      });
      expect(trace.layers[1].sequenceStarts).to.deep.equal(Uint32Array.of(0, 2));
      expect(report.sources[0]).to.include({ format: "ESFT expert scores", numFiles: 2 });
    });
  });

  it("survives a last line that was cut off, and names a damaged one", async () => {
    const name = "expert_weights_1.txt";
    const cut = line([4, 5, 6]).slice(0, -12);
    const { trace, report } = await readContent(line([0, 1, 2, 0, 3, 1]) + cut, { name });
    expect(trace.layers[0].numTokens).to.equal(2);
    expect(report.warnings.join()).to.match(/expert_weights_1\.txt:2: the last line is cut off/);
    const damaged = line([0, 1, 2, 0, 3, 1]) + `${cut}\n` + line([4, 5, 6]);
    expect(await failureOf(readContent(damaged, { name }))).to.match(
      /expert_weights_1\.txt:2: found .* expected ids, two tabs, as many weights/,
    );
  });

  it("reads the real files as the published trace has them", async function () {
    const { trace } = await readTrace([realFile(this, "formats", "esft/law")]);
    const published = await readTrace([realFile(this, "traces", "esft-dsv2lite-law.jsonl.gz")]);
    for (const layer of trace.layers) {
      expect(layer).to.deep.equal(
        published.trace.layers.find((reference) => reference.layer === layer.layer),
      );
    }
    expect(trace).to.deep.include({ numExperts: 64, topK: 6 });
  });
});
