import { expect } from "chai";
import { InputError } from "../../lib/errors.js";
import { parseModelConfig } from "../../lib/hardware/model-config.js";
import {
  expertBytes,
  findModelShape,
  groupedAttention,
  type ModelShape,
} from "../../lib/hardware/model-shapes.js";

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

  it("reads the kinds that people serve, by the names that their own files have", () => {
    const olmoe = {
      model_type: "olmoe",
      hidden_size: 2048,
      intermediate_size: 1024,
      num_hidden_layers: 16,
      num_experts: 64,
      num_experts_per_tok: 8,
      num_attention_heads: 16,
      num_key_value_heads: 16,
      vocab_size: 50304,
    };
    expect(sizesOf(parseModelConfig(olmoe, "config.json"))).to.deep.equal(
      sizesOf(findModelShape("olmoe-1b-7b")!),
    );
    const deepseekV2 = {
      ...deepseekV3,
      hidden_size: 5120,
      intermediate_size: 12288,
      moe_intermediate_size: 1536,
      num_hidden_layers: 60,
      first_k_dense_replace: 1,
      n_routed_experts: 160,
      n_shared_experts: 2,
      num_experts_per_tok: 6,
      vocab_size: 102400,
      quantization_config: undefined,
    };
    expect(sizesOf(parseModelConfig(deepseekV2, "config.json"))).to.deep.equal(
      sizesOf(findModelShape("deepseek-v2")!),
    );
    // GLM-4.5-Air, MiniMax-M2 and Phi-3.5-MoE.
    const glm = {
      ...{ model_type: "glm4_moe", hidden_size: 4096, intermediate_size: 10944, moe_intermediate_size: 1408 },
      ...{ first_k_dense_replace: 1, n_routed_experts: 128, n_shared_experts: 1, num_experts_per_tok: 8 },
      ...{ num_attention_heads: 96, num_key_value_heads: 8, head_dim: 128, num_hidden_layers: 46 },
      ...{ num_nextn_predict_layers: 1, vocab_size: 151552 },
    };
    expect(parseModelConfig(glm, "config.json")).to.deep.include({
      ...{ numMoeLayers: 45, firstMoeLayer: 1, expertWidth: 1408, sharedWidth: 1408, denseWidth: 10944 },
      ...{ attention: groupedAttention(4096, 96, 8, 128), bytesPerWeight: 2 },
    });
    const minimax = {
      ...{ model_type: "minimax_m2", hidden_size: 3072, intermediate_size: 1536, num_hidden_layers: 62 },
      ...{ num_local_experts: 256, num_experts_per_tok: 8, shared_intermediate_size: 0, head_dim: 128 },
      ...{ num_attention_heads: 48, num_key_value_heads: 8, vocab_size: 200064 },
      quantization_config: { quant_method: "fp8", fmt: "float8_e4m3fn", weight_block_size: [128, 128] },
    };
    expect(parseModelConfig(minimax, "config.json")).to.deep.include({
      ...{ numMoeLayers: 62, expertWidth: 1536, sharedWidth: 0, denseWidth: 0, bytesPerWeight: 1 },
      attention: groupedAttention(3072, 48, 8, 128),
    });
    const phi = {
      ...{ model_type: "phimoe", hidden_size: 4096, intermediate_size: 6400, num_hidden_layers: 32 },
      ...{ num_local_experts: 16, num_experts_per_tok: 2, num_attention_heads: 32, num_key_value_heads: 8 },
      vocab_size: 32064,
    };
    expect(parseModelConfig(phi, "config.json")).to.deep.include({
      ...{ numExperts: 16, expertWidth: 6400, attention: groupedAttention(4096, 32, 8) },
    });
  });

  it("reads which layers have experts, however that is told", () => {
    const layersOf = (fields: object) => {
      const { numMoeLayers, firstMoeLayer } = parseModelConfig(
        { ...qwen3, num_hidden_layers: 6, ...fields },
        "x",
      );
      return [numMoeLayers, firstMoeLayer];
    };
    expect(layersOf({ first_k_dense_replace: 1, moe_layer_freq: 1 })).to.deep.equal([5, 1]);
    expect(layersOf({ first_k_dense_replace: 1, moe_layer_freq: 2 })).to.deep.equal([2, 2]);
    expect(layersOf({ moe_layer_freq: [0, 1, 1, 0, 1, 1] })).to.deep.equal([4, 1]);
    expect(layersOf({ decoder_sparse_step: undefined, interleave_moe_layer_step: 2 })).to.deep.equal([3, 1]);
    expect(layersOf({ moe_layers: [1, 3, 5], interleave_moe_layer_step: 1 })).to.deep.equal([3, 1]);
    expect(layersOf({ moe_layers_enum: "4,5" })).to.deep.equal([2, 4]);
    const kinds = ["dense", "dense", "sparse", "sparse", "sparse", "sparse"];
    expect(layersOf({ first_k_dense_replace: 2, mlp_layer_types: kinds })).to.deep.equal([4, 2]);
    expect(() => layersOf({ hybrid_override_pattern: "MEM*EM" })).to.throw(
      InputError,
      "x: found hybrid_override_pattern, expected layers of attention and experts alone",
    );
  });

  it("reads the bytes of a weight from its own width, not that of activations or caches", () => {
    const bytesOf = (quantization_config: object) =>
      parseModelConfig({ ...deepseekV3, quantization_config }, "config.json").bytesPerWeight;
    const group = (weights: object, more: object = {}) => ({
      quant_method: "compressed-tensors",
      config_groups: { group_0: { targets: ["Linear"], weights, ...more } },
    });
    // Kimi K2 Thinking: 4 bits, and a scale of 16 bits for 32 weights.
    expect(bytesOf(group({ num_bits: 4, type: "int", group_size: 32 }))).to.equal(9 / 16);
    const wide = { input_activations: { num_bits: 8, type: "float" }, kv_cache_scheme: { num_bits: 8 } };
    expect(bytesOf(group({ num_bits: 4, type: "int", group_size: 128 }, wide))).to.equal(1 / 2 + 1 / 64);
    expect(bytesOf(group({ num_bits: 8, type: "float" }))).to.equal(1);
    expect(bytesOf({ quant_method: "awq", bits: 4, group_size: 128 })).to.equal(1 / 2 + 1 / 64);
    expect(bytesOf({ quant_algo: "NVFP4", kv_cache_quant_algo: "FP8" })).to.equal(9 / 16);
    expect(bytesOf({ quant_method: "mxfp4" })).to.equal(17 / 32);
    expect(bytesOf({ quant_method: "unheard of" })).to.equal(2);
    const nested = { ...deepseekV3, quantization_config: { quant_method: "mxfp4" } };
    expect(parseModelConfig({ model_type: "kimi_k25", text_config: nested }, "x").bytesPerWeight).to.equal(
      17 / 32,
    );
  });

  it("reads the bytes of a weight from the type of its numbers where it is not quantized, and knows the types", () => {
    const bytesOf = (fields: object) => parseModelConfig({ ...mixtral, ...fields }, "x").bytesPerWeight;
    expect(bytesOf({ torch_dtype: "bfloat16" })).to.equal(2);
    expect(bytesOf({ dtype: "torch.float8_e4m3fn" })).to.equal(1);
    expect(bytesOf({ torch_dtype: "auto", dtype: null })).to.equal(2);
    expect(bytesOf({ torch_dtype: "bfloat16", quantization_config: { quant_method: "fp8" } })).to.equal(1);
    const refused = 'x: field torch_dtype is "bfloat65536", expected a type of numbers such as bfloat16';
    const quantization_config = { quant_method: "fp8" };
    expect(() => bytesOf({ torch_dtype: "bfloat65536" })).to.throw(InputError, refused);
    expect(() => bytesOf({ torch_dtype: "bfloat65536", quantization_config })).to.throw(InputError, refused);
    expect(() => parseModelConfig({ text_config: { ...mixtral, torch_dtype: 16 } }, "x")).to.throw(
      "x: field torch_dtype is 16, expected",
    );
  });

  it("sends a latent where the model has one for its experts, which are as narrow", () => {
    // As Kimi K3 names its fields, and as Nemotron does.
    const { n_routed_experts, n_shared_experts, num_experts_per_tok, ...rest } = deepseekV3;
    const k3 = {
      ...rest,
      num_experts: n_routed_experts,
      num_shared_experts: n_shared_experts,
      num_experts_per_token: num_experts_per_tok,
      routed_expert_hidden_size: 3584,
    };
    const shape = parseModelConfig({ model_type: "kimi_k3", text_config: k3 }, "config.json");
    expect(shape.wireSize).to.equal(3584);
    expect([shape.numExperts, shape.topK, shape.sharedWidth]).to.deep.equal([256, 8, 2048]);
    expect(expertBytes(shape, 1)).to.equal(3 * 3584 * 2048);
    expect(parseModelConfig({ ...deepseekV3, moe_latent_size: 1024 }, "config.json").wireSize).to.equal(1024);
  });

  it("names a field that is missing or wrong", () => {
    const without = { ...deepseekV3, n_routed_experts: undefined };
    const read = (json: unknown) => () => parseModelConfig(json, "config.json");
    expect(read(without)).to.throw(
      InputError,
      "config.json: missing field n_routed_experts, expected a whole",
    );
    const dense = { ...deepseekV3, n_routed_experts: null, num_experts_per_tok: undefined };
    expect(read(dense)).to.throw(
      InputError,
      "config.json: missing fields n_routed_experts, num_experts_per_tok, expected whole numbers above 0",
    );
    expect(read({ ...deepseekV3, hidden_size: "7168" })).to.throw(
      InputError,
      'config.json: field hidden_size is "7168", expected a whole number of at least 1',
    );
    expect(read([])).to.throw(InputError, "config.json: found [], expected the configuration of a model");
  });
});
