import { expect } from "chai";
import { InputError } from "../../lib/errors.js";
import { parseModelConfig } from "../../lib/hardware/model-config.js";
import { findModelShape, type ModelShape } from "../../lib/hardware/model-shapes.js";

const latent = {
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_rope_head_dim: 64,
  qk_nope_head_dim: 128,
  v_head_dim: 128,
};
const deepseekV3 = {
  model_type: "deepseek_v3",
  hidden_size: 7168,
  intermediate_size: 18432,
  moe_intermediate_size: 2048,
  num_hidden_layers: 61,
  first_k_dense_replace: 3,
  moe_layer_freq: 1,
  n_routed_experts: 256,
  n_shared_experts: 1,
  num_experts_per_tok: 8,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  vocab_size: 129280,
  quantization_config: { quant_method: "fp8", weight_block_size: [128, 128] },
  ...latent,
};
const qwen3 = {
  model_type: "qwen3_moe",
  hidden_size: 4096,
  intermediate_size: 12288,
  moe_intermediate_size: 1536,
  num_hidden_layers: 94,
  decoder_sparse_step: 1,
  mlp_only_layers: [],
  num_experts: 128,
  num_experts_per_tok: 8,
  num_attention_heads: 64,
  num_key_value_heads: 4,
  head_dim: 128,
  vocab_size: 151936,
};
const mixtral = {
  model_type: "mixtral",
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_local_experts: 8,
  num_experts_per_tok: 2,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 32000,
};

describe("parseModelConfig", () => {
  const sizesOf = (shape: ModelShape) => ({ ...shape, name: "" });

  it("describes and reads what nests deep, which JSON.stringify cannot write", () => {
    const deep = JSON.parse("[".repeat(50_000) + "]".repeat(50_000)) as unknown;
    expect(() => parseModelConfig({ ...mixtral, hidden_size: deep }, "config.json"))
      .to.throw(InputError)
      .with.property("message")
      .that.matches(
        /^config.json: field hidden_size is \[\[.*\.\.\., expected a whole number of at least 1$/,
      );
    const quantized = { ...mixtral, quantization_config: { ignore: deep, weights: { num_bits: 8 } } };
    expect(parseModelConfig(quantized, "config.json").bytesPerWeight).to.equal(1);
  });

  it("reads the sizes of models that are known by name, to the last", () => {
    const configs = { "deepseek-v3": deepseekV3, "qwen3-235b-a22b": qwen3, "mixtral-8x7b": mixtral };
    for (const [name, config] of Object.entries(configs)) {
      expect(sizesOf(parseModelConfig(config, "config.json")), name).to.deep.equal(
        sizesOf(findModelShape(name)!),
      );
    }
    const kimi = {
      ...deepseekV3,
      first_k_dense_replace: 1,
      n_routed_experts: 384,
      num_attention_heads: 64,
      vocab_size: 163840,
    };
    expect(sizesOf(parseModelConfig(kimi, "config.json"))).to.deep.equal(sizesOf(findModelShape("kimi-k2")!));
  });

  it("reads gpt-oss: weights in 4 bits, and heads of a size of their own", () => {
    const gptOss = {
      ...mixtral,
      model_type: "gpt_oss",
      hidden_size: 2880,
      intermediate_size: 2880,
      num_hidden_layers: 24,
      num_local_experts: 32,
      num_experts_per_tok: 4,
      num_attention_heads: 64,
      head_dim: 64,
      vocab_size: 201088,
      quantization_config: { quant_method: "mxfp4" },
    };
    expect(sizesOf(parseModelConfig(gptOss, "config.json"))).to.deep.equal(
      sizesOf(findModelShape("gpt-oss-20b")!),
    );
  });

  it("reads Llama 4: sizes inside text_config, every second layer dense, one shared expert", () => {
    const text = {
      ...mixtral,
      model_type: "llama4_text",
      hidden_size: 5120,
      intermediate_size: 8192,
      intermediate_size_mlp: 16384,
      interleave_moe_layer_step: 2,
      num_hidden_layers: 48,
      num_local_experts: 128,
      num_experts_per_tok: 1,
    };
    expect(parseModelConfig({ model_type: "llama4", text_config: text }, "config.json")).to.include({
      numMoeLayers: 24,
      firstMoeLayer: 1,
      expertWidth: 8192,
      sharedWidth: 8192,
      denseWidth: 16384,
    });
  });

  it("reads Qwen2-MoE's shared expert, and layers that are listed as dense", () => {
    const qwen2 = { ...qwen3, shared_expert_intermediate_size: 5632, mlp_only_layers: [0, 1] };
    expect(parseModelConfig(qwen2, "config.json")).to.include({
      sharedWidth: 5632,
      numMoeLayers: 92,
      firstMoeLayer: 2,
      denseWidth: 12288,
    });
  });

  it("sends a latent where the model has one for its experts", () => {
    expect(parseModelConfig({ ...deepseekV3, moe_latent_size: 3584 }, "config.json").wireSize).to.equal(3584);
  });

  it("names a field that is missing or wrong", () => {
    const without = { ...deepseekV3, n_routed_experts: undefined };
    const read = (json: unknown) => () => parseModelConfig(json, "config.json");
    expect(read(without)).to.throw(
      InputError,
      "config.json: missing field n_routed_experts, expected a whole",
    );
    expect(read({ ...deepseekV3, hidden_size: "7168" })).to.throw(
      InputError,
      'config.json: field hidden_size is "7168", expected a whole number of at least 1',
    );
    expect(read([])).to.throw(InputError, "config.json: found [], expected the configuration of a model");
  });
});
