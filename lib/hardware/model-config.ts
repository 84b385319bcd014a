import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import { checkModelSizes } from "../plausible-size.js";
import { groupedAttention, latentAttention, type AttentionShape, type ModelShape } from "./model-shapes.js";

/**
 * Reads the sizes of a model from its Hugging Face `config.json`, whose field names differ from family to family.
 *
 * Known: DeepSeek V2 and V3, Kimi K2 and K3, GLM-4-MoE, Qwen2- and Qwen3-MoE, Mixtral, OLMoE, gpt-oss, MiniMax, Llama 4, Phi-MoE, and
 * what follows their names.
 *
 * @param where Name of the file, for messages.
 * @throws InputError that names all fields which are missing, or the first which is wrong or of layers of other kinds.
 *
 * @example
 * const config = {
 *   hidden_size: 2048, num_hidden_layers: 48, moe_intermediate_size: 768, intermediate_size: 6144, vocab_size: 151936,
 *   num_experts: 128, num_experts_per_tok: 8, num_attention_heads: 32, num_key_value_heads: 4, head_dim: 128,
 * };
 * parseModelConfig(config, "config.json").numExperts; // 128
 */
export function parseModelConfig(json: unknown, where: string): ModelShape {
  const outer = new Fields(json, where);
  // Models that see pictures keep the sizes of their language model apart.
  const config = outer.has("text_config") ? new Fields(outer.value("text_config"), where) : outer;
  config.require([HIDDEN_SIZE, NUM_LAYERS, NUM_EXPERTS, TOP_K, EXPERT_WIDTH, VOCABULARY, NUM_HEADS]);
  const hiddenSize = config.count(HIDDEN_SIZE);
  const numLayers = config.count(NUM_LAYERS);
  const numExperts = config.count(NUM_EXPERTS);
  const topK = config.count(TOP_K);
  checkModelSizes(where, { numLayers, numExperts, topK });
  const denseOrExpert = config.optional(["intermediate_size", "ffn_dim"]);
  const ownWidth = config.optional(["moe_intermediate_size", "expert_intermediate_size"]);
  const expertWidth = ownWidth ?? config.count(EXPERT_WIDTH);
  const wireSize = config.optional(["routed_expert_hidden_size", "moe_latent_size"]);
  const layers = moeLayers(config, numLayers);
  if (layers.length === 0)
    throw new InputError(`${where}: found no layers with experts, expected at least one`);
  const hasDense = layers.length < numLayers;
  return {
    name: outer.text("_name_or_path") ?? outer.text("model_type") ?? where,
    hiddenSize,
    ...(wireSize !== undefined && { wireSize }),
    expertWidth,
    numLayers,
    numMoeLayers: layers.length,
    firstMoeLayer: layers[0] ?? 0,
    ...evenStep(layers),
    numExperts,
    topK,
    sharedWidth: sharedWidth(config, expertWidth),
    denseWidth: hasDense ? (config.optional(["intermediate_size_mlp"]) ?? denseOrExpert ?? 0) : 0,
    vocabularySize: config.count(VOCABULARY),
    attention: attentionOf(config, hiddenSize),
    bytesPerWeight: bytesPerWeight([outer, config]),
  };
}

const HIDDEN_SIZE = ["hidden_size", "d_model"];
const NUM_LAYERS = ["num_hidden_layers", "num_layers"];
const EXPERT_WIDTH = ["intermediate_size", "moe_intermediate_size", "expert_intermediate_size"];
const VOCABULARY = ["vocab_size"];
const NUM_HEADS = ["num_attention_heads"];
const NUM_EXPERTS = ["n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"];
const TOP_K = ["num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k", "moe_topk"];

/** Bytes of a weight by the type of numbers that a configuration names. Engines serve what is stored in 32 bits in 16. */
const DTYPE_BYTES = new Map([
  ...["float32", "float", "fp32", "float16", "half", "fp16", "bfloat16", "bf16"].map(
    (name) => [name, 2] as const,
  ),
  ...["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "fp8"].map((name) => [name, 1] as const),
]);

/** Patterns of models whose layers are not all attention with something after it, which no other field tells. */
const OTHER_LAYERS = ["hybrid_override_pattern", "layers_block_type"];

/** The layers with experts: those listed or marked; or after the first dense ones, every so many, all but those listed. */
function moeLayers(config: Fields, numLayers: number): number[] {
  const other = OTHER_LAYERS.find((name) => (config.value(name) ?? undefined) !== undefined);
  if (other !== undefined) {
    throw new InputError(`${config.where}: found ${other}, expected layers of attention and experts alone`);
  }
  const all = Array.from({ length: numLayers }, (_, layer) => layer);
  const listed = config.list("moe_layers") ?? config.commas("moe_layers_enum");
  if (listed !== undefined) return all.filter((layer) => listed.includes(layer));
  const kinds = config.value("mlp_layer_types");
  if (Array.isArray(kinds)) return all.filter((layer) => kinds[layer] === "sparse");
  const marks = config.list("moe_layer_freq");
  if (marks !== undefined) return all.filter((layer) => marks[layer] === 1);
  const first = config.optional(["first_k_dense_replace"], 0) ?? 0;
  // DeepSeek counts layers by their index, Qwen and Llama from one.
  const frequency = config.optional(["moe_layer_freq"]) ?? 1;
  const step = config.optional(["decoder_sparse_step", "interleave_moe_layer_step"]) ?? 1;
  const dense = new Set(config.list("mlp_only_layers"));
  return all.filter(
    (layer) => layer >= first && layer % frequency === 0 && (layer + 1) % step === 0 && !dense.has(layer),
  );
}

/** How far MoE layers are apart, where it is not 1 and the same for all. */
function evenStep(layers: readonly number[]): Pick<ModelShape, "moeLayerStep"> {
  const step = layers.length < 2 ? 1 : layers[1] - layers[0];
  const isEven = layers.every((layer, index) => layer === layers[0] + index * step);
  return isEven && step > 1 ? { moeLayerStep: step } : {};
}

function sharedWidth(config: Fields, expertWidth: number): number {
  const width = config.optional(["shared_expert_intermediate_size", "shared_intermediate_size"], 0);
  if (width !== undefined) return width;
  const count = config.optional(["n_shared_experts", "num_shared_experts"], 0);
  if (count !== undefined) return count * expertWidth;
  // Llama 4 has one and does not say so.
  return config.text("model_type")?.startsWith("llama4") ? expertWidth : 0;
}

function attentionOf(config: Fields, hiddenSize: number): AttentionShape {
  const numHeads = config.count(NUM_HEADS);
  const latentSize = config.optional(["kv_lora_rank"]);
  if (latentSize !== undefined) {
    return latentAttention(hiddenSize, numHeads, config.optional(["q_lora_rank"]) ?? 0, {
      latentSize,
      rotarySize: config.count(["qk_rope_head_dim"]),
      plainSize: config.count(["qk_nope_head_dim"]),
      valueSize: config.count(["v_head_dim"]),
    });
  }
  const numKvHeads = config.optional(["num_key_value_heads"]) ?? numHeads;
  const headSize = config.optional(["head_dim"]) ?? hiddenSize / numHeads;
  return groupedAttention(hiddenSize, numHeads, numKvHeads, headSize);
}

/** Bytes of a weight: as stored where it is quantized, or else by its type. */
function bytesPerWeight(configs: readonly Fields[]): number {
  const typed = configs.map((config) => config.dtypeBytes());
  const stored = configs.map(storedBytes);
  return [...stored, ...typed].find((bytes) => bytes !== undefined) ?? 2;
}

/** Bytes of a weight as stored, with its scales; undefined where it is not quantized. */
function storedBytes(config: Fields): number | undefined {
  const name = ["quantization_config", "quantization"].find((key) => config.has(key));
  if (name === undefined) return undefined;
  const root = config.value(name) as object;
  const quantization = namesAndValues(root).toLowerCase();
  if (quantization.includes("mxfp4")) return 17 / 32;
  if (quantization.includes("nvfp4")) return 9 / 16;
  // Activations and caches have widths of their own.
  const weights = findObject(root, "weights") ?? root;
  const { bits, group } = widthOf(weights);
  // A scale of 16 bits for every group.
  if (bits === 4) return 1 / 2 + (group > 0 ? 2 / group : 0);
  return bits === 8 || quantization.includes("fp8") ? 1 : undefined;
}

/** Bits of a weight, and how many share a scale; 0 where that is not said. */
function widthOf(weights: object): { bits: number; group: number } {
  const numberOf = (...names: readonly string[]) =>
    names
      .map((key) => (weights as Record<string, unknown>)[key])
      .find((value) => typeof value === "number") ?? 0;
  return {
    bits: numberOf("num_bits", "bits", "w_bit"),
    group: numberOf("group_size", "q_group_size"),
  };
}

/** The first object of that name at any depth. */
function findObject(root: object, wanted: string): object | undefined {
  const waiting = [root];
  for (let parent = waiting.pop(); parent; parent = waiting.pop()) {
    for (const [name, value] of Object.entries(parent) as [string, unknown][]) {
      if (typeof value !== "object" || value === null) continue;
      if (name === wanted) return value;
      waiting.push(value);
    }
  }
  return undefined;
}

/** Every name with its value as in JSON, at any depth: JSON.stringify cannot write what nests some thousand deep. */
function namesAndValues(root: object): string {
  const found: string[] = [];
  const waiting = [root];
  for (let parent = waiting.pop(); parent; parent = waiting.pop()) {
    for (const [name, value] of Object.entries(parent) as [string, unknown][]) {
      const isParent = typeof value === "object" && value !== null;
      if (isParent) waiting.push(value);
      found.push(`"${name}":${isParent ? "" : describeValue(value)}`);
    }
  }
  return found.join();
}

/** No size of a model is larger; products of three are still numbers. */
const MOST = 2 ** 31;

/** The fields of a configuration, by any of the names that they have. */
class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(
    json: unknown,
    readonly where: string,
  ) {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new InputError(`${where}: found ${describeValue(json)}, expected the configuration of a model`);
    }
    this.#fields = json as Record<string, unknown>;
  }

  has(name: string): boolean {
    return typeof this.#fields[name] === "object" && this.#fields[name] !== null;
  }

  value(name: string): unknown {
    return this.#fields[name];
  }

  text(name: string): string | undefined {
    const value = this.#fields[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  list(name: string): number[] | undefined {
    const value = this.#fields[name];
    return Array.isArray(value) && value.length > 0 ? value.map(Number) : undefined;
  }

  /** The numbers of a text such as "4,5,6". */
  commas(name: string): number[] | undefined {
    return this.text(name)?.split(",").map(Number);
  }

  /**
   * Bytes of a weight by its type, undefined where none is named.
   *
   * @throws InputError if there is no such type.
   */
  dtypeBytes(): number | undefined {
    const name = ["torch_dtype", "dtype"].find((key) => (this.#fields[key] ?? undefined) !== undefined);
    const dtype = name === undefined ? "auto" : this.#fields[name];
    if (name === undefined || dtype === "auto") return undefined;
    const bytes = typeof dtype === "string" ? DTYPE_BYTES.get(dtype.replace(/^torch\./, "")) : undefined;
    if (bytes !== undefined) return bytes;
    throw new InputError(
      `${this.where}: field ${name} is ${describeValue(dtype)}, expected a type of numbers such as bfloat16, float16 or float8_e4m3fn`,
    );
  }

  /** @throws InputError that lists, by their first names, all that none of the names has. */
  require(wanted: readonly (readonly string[])[]): void {
    const missing = wanted.filter((names) =>
      names.every((name) => this.#fields[name] === undefined || this.#fields[name] === null),
    );
    if (missing.length === 0) return;
    const fields = `missing field${missing.length > 1 ? "s" : ""} ${missing.map(([name]) => name).join(", ")}`;
    throw new InputError(
      `${this.where}: ${fields}, expected ${missing.length > 1 ? "whole numbers" : "a whole number"} above 0`,
      `Maybe ${missing.length > 1 ? "they have other names" : "it has another name"} than ${missing.map((names) => names.join(", ")).join("; ")}.`,
    );
  }

  /** A whole number from `least` to {@link MOST}, or undefined where none of the names has one. */
  optional(names: readonly string[], least = 1): number | undefined {
    const name = names.find((key) => this.#fields[key] !== undefined && this.#fields[key] !== null);
    if (name === undefined) return undefined;
    const value = this.#fields[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= MOST) return value;
    const range = typeof value === "number" && value > MOST ? `at most ${MOST}` : `at least ${least}`;
    throw new InputError(
      `${this.where}: field ${name} is ${describeValue(value)}, expected a whole number of ${range}`,
    );
  }

  count(names: readonly string[]): number {
    const value = this.optional(names);
    if (value !== undefined) return value;
    const missing = `${this.where}: missing field ${names[0]}, expected a whole number above 0`;
    throw new InputError(missing, `Maybe it has another name than ${names.join(", ")}.`);
  }
}
