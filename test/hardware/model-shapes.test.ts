import { expect } from "chai";
import { expertBytes, findModelShape, modelShapes } from "../../lib/hardware/model-shapes.js";

describe("findModelShape", () => {
  const namesInTraces: Record<string, string> = {
    "deepseek-ai/ESFT-vanilla-lite (DeepSeek-V2-Lite architecture)": "deepseek-v2-lite",
    "openai/gpt-oss-20b": "gpt-oss-20b",
    "Qwen/Qwen1.5-MoE-A2.7B-Chat": "qwen1.5-moe-a2.7b",
    "Qwen/Qwen3-30B-A3B": "qwen3-30b-a3b",
    "allenai/OLMoE-1B-7B-0924": "olmoe-1b-7b",
    "deepseek-ai/deepseek-moe-16b-base": "deepseek-moe-16b",
    "deepseek-ai/DeepSeek-V3-0324": "deepseek-v3",
  };
  for (const [name, shape] of Object.entries(namesInTraces)) {
    it(`knows ${name}`, () => {
      expect(findModelShape(name)?.name).to.equal(shape);
    });
  }

  it("knows every shape by its own name", () => {
    for (const { name } of modelShapes) expect(findModelShape(name)?.name).to.equal(name);
  });

  it("does not guess", () => {
    for (const name of ["my-model", "deepseek-r1-distill-qwen-7b", "Qwen/Qwen3-480B-A35B", ""]) {
      expect(findModelShape(name), name).to.equal(undefined);
    }
  });
});

describe("model shapes", () => {
  /** Parameters that the published models count, embedding and unembedding included, in billions. */
  const published: Record<string, { total: number; vocabulary: number; rounding?: number }> = {
    "qwen3-30b-a3b": { total: 30.5, vocabulary: 2 * 151936 },
    "olmoe-1b-7b": { total: 6.92, vocabulary: 2 * 50304 },
    "deepseek-moe-16b": { total: 16.4, vocabulary: 2 * 102400 },
    "deepseek-v2-lite": { total: 15.7, vocabulary: 2 * 102400 },
    "gpt-oss-20b": { total: 20.9, vocabulary: 2 * 201088 },
    "deepseek-v3": { total: 671, vocabulary: 2 * 129280 },
    "qwen1.5-moe-a2.7b": { total: 14.3, vocabulary: 2 * 151936 },
    "qwen3-235b-a22b": { total: 235, vocabulary: 2 * 151936 },
    "kimi-k2": { total: 1026, vocabulary: 2 * 163840 },
    // Published as 2.8 trillion; linear attention, which most layers have, is larger than that of the others.
    "kimi-k3": { total: 2800, vocabulary: 2 * 163840, rounding: 0.02 },
    "mixtral-8x7b": { total: 46.7, vocabulary: 2 * 32000 },
    "deepseek-v2": { total: 236, vocabulary: 2 * 102400 },
  };
  for (const shape of modelShapes) {
    const { total, vocabulary, rounding = 0.01 } = published[shape.name];
    it(`add up to the published size of ${shape.name} within ${100 * rounding} %`, () => {
      const feedForward = (width: number) => 3 * shape.hiddenSize * width;
      const latent = shape.wireSize === undefined ? 0 : 2 * shape.hiddenSize * shape.wireSize;
      const weights =
        shape.numLayers * shape.attention.numWeights +
        shape.numMoeLayers *
          (shape.numExperts * expertBytes(shape, 1) +
            latent +
            feedForward(shape.sharedWidth) +
            shape.numExperts * shape.hiddenSize) +
        (shape.numLayers - shape.numMoeLayers) * feedForward(shape.denseWidth) +
        vocabulary * shape.hiddenSize;
      expect(weights / 1e9).to.be.closeTo(total, rounding * total);
    });
  }

  it("weigh an expert as three matrices", () => {
    expect(expertBytes(findModelShape("qwen3-30b-a3b")!)).to.equal(3 * 2048 * 768 * 2);
  });
});
