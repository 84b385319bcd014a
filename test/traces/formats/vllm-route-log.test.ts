import { expect } from "chai";
import { readTrace } from "../../../traces/read-trace.js";
import { failureOf, readContent, realFile, tokensOf } from "../trace-files.js";

describe("vLLM route log", () => {
  const route = (layer: number, token: number, ids: readonly number[]) =>
    `${JSON.stringify({ type: "route", req_id: "r1", token_idx: token, layer, topk_ids: ids, topk_weights: [0.5, 0.25] })}\n`;
  const meta = `{"type": "meta", "model_id": "tiny", "layers_logged": [0], "top_k": 2}\n`;

  it("reads the model from the meta line and the ids from the route lines", async () => {
    const { trace, report } = await readContent(meta + route(0, 0, [3, 1]) + route(0, 1, [2, 0]));
    expect(trace).to.deep.include({ model: "tiny", numExperts: 4, topK: 2 });
    expect(tokensOf(trace)).to.deep.equal({
      0: [
        [3, 1],
        [2, 0],
      ],
    });
    expect(report.sources[0].format).to.equal("vLLM route log");
  });

  it("names the line where a row is not as wide as the meta line says", async () => {
    expect(await failureOf(readContent(meta + route(0, 0, [3, 1, 2])))).to.match(
      /trace:2: found 3 experts in a token, expected 2/,
    );
  });

  it("finds the warm-up rows of a real log", async function () {
    const { trace, report } = await readTrace([realFile(this, "formats", "vllm-route-log/moe_layer0.jsonl")]);
    expect(report.layers).to.deep.equal([{ layer: 0, rowsRead: 12_805, warmupRows: 8448 }]);
    expect(trace).to.deep.include({ numExperts: 60, topK: 4 });
    // The published trace was cleaned by its collector, independently.
    const published = await readTrace([realFile(this, "traces", "qwen15moe-5l-weiran.jsonl.gz")]);
    expect(trace.layers[0].experts).to.deep.equal(published.trace.layers[0].experts);
  });
});
