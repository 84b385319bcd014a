import { expect } from "chai";
import { parseModelConfig } from "../../lib/hardware/model-config.js";
import { layersBeyondName, layersOfShape, strayLayers } from "../../lib/hardware/model-layers.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";

const config = {
  hidden_size: 64,
  num_hidden_layers: 8,
  moe_intermediate_size: 32,
  intermediate_size: 64,
  vocab_size: 100,
  num_experts: 8,
  num_experts_per_tok: 2,
  num_attention_heads: 4,
};
const shapeOf = (fields: object) => parseModelConfig({ ...config, ...fields }, "config.json");

describe("layers of a model", () => {
  it("are told by its configuration, how far they are apart where that is even", () => {
    expect(layersOfShape(shapeOf({ first_k_dense_replace: 3 }))).to.deep.equal({
      numHiddenLayers: 8,
      firstMoeLayer: 3,
      moeLayerStep: 1,
    });
    expect(layersOfShape(shapeOf({ decoder_sparse_step: 2 }))).to.deep.equal({
      numHiddenLayers: 8,
      firstMoeLayer: 1,
      moeLayerStep: 2,
    });
    expect(layersOfShape(shapeOf({ mlp_only_layers: [0, 3] }))).to.deep.equal({ numHiddenLayers: 8 });
  });

  it("are written down only where the name of the model does not tell them, and the trace has no others", () => {
    const shape = findModelShape("deepseek-v3")!;
    const layers = [3, 60];
    const counted = { numHiddenLayers: 61, firstMoeLayer: 3, moeLayerStep: 1 };
    const beyond = (model: string | undefined, traced = layers) =>
      layersBeyondName(shape, { model, layers: traced });
    expect(beyond("deepseek-ai/DeepSeek-V3")).to.equal(undefined);
    for (const model of [undefined, "mine", "qwen3-30b-a3b"]) expect(beyond(model)).to.deep.equal(counted);
    expect(beyond(undefined, [0, 3])).to.equal(undefined);
    expect(strayLayers(counted, [0, 3, 61])).to.deep.equal([0, 61]);
    expect(strayLayers({ numHiddenLayers: 8 }, [0, 7, 8])).to.deep.equal([8]);
  });
});
