import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import { isRecord, layersOfRows } from "./foreign-content.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import type { PlacementFormat } from "./placement-format.js";

const FORMAT = "vllm_offline_eplb_physical_to_logical_by_model";

/** Classes of models as vLLM names them, by which the file has their maps. */
const CLASSES: readonly { readonly matches: RegExp; readonly name: string }[] = [
  { matches: /deepseek.*v2|esft/i, name: "DeepseekV2ForCausalLM" },
  { matches: /deepseek.*(v3|r1)|kimi-?k2/i, name: "DeepseekV3ForCausalLM" },
  { matches: /qwen3.*-a\d/i, name: "Qwen3MoeForCausalLM" },
  { matches: /qwen(1\.5|2)-moe|qwen2-57b/i, name: "Qwen2MoeForCausalLM" },
  { matches: /glm-?4/i, name: "Glm4MoeForCausalLM" },
  { matches: /mixtral/i, name: "MixtralForCausalLM" },
  { matches: /olmoe/i, name: "OlmoeForCausalLM" },
  { matches: /gpt-?oss/i, name: "GptOssForCausalLM" },
];

/**
 * The file of HYGON's vLLM plugin, `eplb_config.expert_map_path`, in its version 2: by the class of the model, the expert
 * of every physical slot for every *MoE* layer. Maps of multi-token prediction stand beside it in recorded files.
 *
 * Source: vllm-plugin-das, fused_moe/static_eplb.py, `load_static_eplb_plan`, and the tests of its recorder.
 */
export const hygon: PlacementFormat = {
  name: "hygon",
  summary: "HYGON vllm-plugin-das eplb_config.expert_map_path: JSON, slots of every MoE layer by model class",
  extension: "json",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  asks: (model) => (classOf(model) === undefined ? "modelClass, the model's class in vLLM" : undefined),
  write({ layers, numExperts, numChiplets, slotsPerChiplet, model }, { modelClass = classOf(model) }) {
    if (modelClass === undefined) {
      throw new InputError(
        `hygon: found model ${model ?? "(unnamed)"}, expected one whose class in vLLM is known`,
        "Maybe pass modelClass, such as DeepseekV3ForCausalLM, the first of architectures in config.json.",
      );
    }
    const numSlots = numChiplets * slotsPerChiplet;
    const map = {
      record_kind: "proposal",
      model_name: model ?? modelClass,
      model_class: modelClass,
      num_moe_layers: layers.length,
      num_logical_experts: numExperts,
      num_physical_experts: numSlots,
      num_redundant_experts: numSlots - numExperts,
      physical_to_logical_map: layers.map(({ chiplets }) => expertsOfSlots(chiplets)),
    };
    return `${JSON.stringify({ version: 2, format: FORMAT, model_maps: { [modelClass]: map } })}\n`;
  },
  recognises: ({ json }) => isRecord(json) && json.format === FORMAT,
  read({ json }, options, report) {
    const { model_maps: maps } = json as Record<string, unknown>;
    const [[key, map] = ["", undefined], ...others] = isRecord(maps)
      ? Object.entries(maps).filter(([name]) => !/MTP/i.test(name))
      : [];
    if (!isRecord(map) || !Array.isArray(map.physical_to_logical_map)) {
      report(`model_maps: found ${describeValue(maps)}, expected the map of a model by its class`);
      return undefined;
    }
    if (others.length > 0) report(`model_maps: found ${others.length + 1} models, expected one`);
    const slots: unknown[] = map.physical_to_logical_map;
    const rows = layersOfRows(slots.length, options, report).map((layer, row) => ({
      layer,
      slots: slots[row],
    }));
    const numExperts = map.num_logical_experts;
    if (
      typeof numExperts === "number" &&
      options.numExperts !== undefined &&
      options.numExperts !== numExperts
    )
      report(`${key}: found ${numExperts} experts, expected ${options.numExperts}`);
    return fillSlots(rows, { ...options, format: "hygon" }, report);
  },
};

function classOf(model: string | undefined): string | undefined {
  return CLASSES.find(({ matches }) => model !== undefined && matches.test(model))?.name;
}
