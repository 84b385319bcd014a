import { countRedundant, type DeafModels, type Engine } from "./engine.js";

/** Models of SGLang that have no `get_model_config_for_expert_location`, so that their experts stay in their order. */
const deafInSglang: readonly DeafModels[] = [
  { name: "gpt-oss", matches: /gpt-?oss/i },
  { name: "OLMoE", matches: /olmoe/i },
  { name: "DeepSeek-MoE-16B", matches: /deepseek-moe-16b/i },
  { name: "Mixtral", matches: /mixtral/i },
  { name: "Llama 4", matches: /llama-?4/i },
  { name: "Phi-MoE", matches: /phi-?(3\.5-?)?moe/i },
];

const vllmReplicas =
  "--enable-eplb alone moves the experts again at run time: rebalancing has to be off for the placement to stay";

/**
 * What engines do with the files written for them: one source for the notes of an export and for docs/engines.md.
 *
 * Source: the engines' own loading code, run or read as `checked` says.
 */
export const engines: readonly Engine[] = [
  {
    format: "sglang",
    name: "SGLang",
    checked: "loading and dispatch code of 2026-08-20, run on six placements",
    releases: [{ loading: "loads", why: "checked with main of 2026-08-20; older releases were not run" }],
    fileEnding: ".json",
    deafModels: deafInSglang,
    obeyingModels:
      "DeepSeek V2 and V3, Qwen2-MoE, Qwen3-MoE, GLM-4-MoE, MiniMax and others with an expert location",
    dispatch: ["sglang-static", "sglang-dynamic"],
    launch: ({ file, dispatch, model, ...placement }) =>
      `python -m sglang.launch_server --model-path ${model ?? "MODEL"} --tp-size ${placement.numChiplets} ` +
      `--ep-size ${placement.numChiplets} --init-expert-location ${file} ` +
      `--ep-num-redundant-experts ${countRedundant({ model, ...placement })} --moe-a2a-backend deepep ` +
      `--ep-dispatch-algorithm ${dispatch === "sglang-dynamic" ? "dynamic" : "static"}`,
    seeLoaded:
      'the log says "init_by_mapping"; a recording of mode per_token holds last_physical_to_logical_map, which ' +
      "has to equal the file",
    silentlyWrong: [
      "without --moe-a2a-backend every rank computes all tokens and adds up: token replication gains nothing",
      "with replicas and --moe-a2a-backend none only dynamic dispatch is there, so --ep-dispatch-algorithm static is " +
        "not followed",
      "--enable-eplb moves the experts again: leave it out",
      "a missing expert, a wrong number of slots or -1 in the file is accepted and wrong at run time: verify the file",
    ],
  },
  {
    format: "sglang",
    name: "sglang-jax",
    checked: "loading code of 2026-08-21, run on six placements",
    releases: [{ loading: "loads", why: "the same file as SGLang's; checked with main of 2026-08-21" }],
    fileEnding: ".json",
    launch: ({ file, model, numChiplets }) =>
      `python -m sgl_jax.launch_server --model-path ${model ?? "MODEL"} --ep-size ${numChiplets} --init-expert-location ${file}`,
    seeLoaded: "nothing is known to show it",
    silentlyWrong: [],
  },
  {
    format: "vllm",
    name: "vLLM",
    checked: "main of 2026-08, and pull request 49572 as of 2026-07-23",
    releases: [
      {
        loading: "does not load",
        why: "pull request 49572, which loads it, is open; EPLBConfig refuses the key in every release until 2026-08",
      },
    ],
    fileEnding: ".json",
    dispatch: ["vllm"],
    launch: ({ file, model, ...placement }) =>
      `vllm serve ${model ?? "MODEL"} --enable-expert-parallel --data-parallel-size ${placement.numChiplets} ` +
      `--enable-eplb --eplb-config '{"initial_expert_map_path": "${file}", ` +
      `"num_redundant_experts": ${countRedundant({ model, ...placement })}}' (with pull request 49572)`,
    seeLoaded: "a vLLM without the pull request stops with a ValidationError of EPLBConfig",
    silentlyWrong: [vllmReplicas],
  },
  {
    format: "vllm-ranks",
    name: "vLLM",
    checked: "pull request 34811 as of its last commit, 2026-02-18",
    releases: [
      {
        loading: "does not load",
        why: "pull request 34811 is open, and its own determine_expert_map refuses what its loader has read",
      },
    ],
    launch: ({ file, model, numChiplets }) =>
      `vllm serve ${model ?? "MODEL"} --enable-expert-parallel --data-parallel-size ${numChiplets} ` +
      `--expert-placement-file ${file} (no vLLM can: renumber the checkpoint instead, --to megatron)`,
    seeLoaded: "it cannot be loaded",
    silentlyWrong: [],
  },
  {
    format: "vllm-ascend",
    name: "vllm-ascend",
    checked:
      "loading code of 0.9.1-dev, 0.11.0-dev, 0.13, 0.18, 0.23, 0.26rc and main of 2026-08-22, run on six placements",
    releases: [
      {
        before: "0.13",
        loading: "loads",
        why: "checked with 0.9.1-dev and 0.11.0-dev; the option is expert_map_path of --additional-config itself",
      },
      { from: "0.13", before: "0.24", loading: "loads", why: "checked with 0.13, 0.18 and 0.23" },
      {
        from: "0.24",
        loading: "goes wrong",
        why:
          "weights are loaded by vLLM's own linear map and only routing follows the file, so that slots hold other " +
          "experts than routing believes",
      },
    ],
    fileEnding: ".json",
    dispatch: ["vllm-ascend"],
    launch: ({ file, model, ...placement }) =>
      `vllm serve ${model ?? "MODEL"} --tensor-parallel-size ${placement.numChiplets} --enable-expert-parallel ` +
      `--additional-config '{"eplb_config": {"expert_map_path": "${file}", ` +
      `"num_redundant_experts": ${countRedundant({ model, ...placement })}}}' (Model Runner V1)`,
    seeLoaded:
      "nothing in the log; compare the answers of a few fixed prompts with those of a run without the file",
    silentlyWrong: [
      "from 0.24 on weights and routing disagree for every map but that of ascending ids",
      "an expert twice on a device gives every rank a wrong map",
      "Model Runner V2 takes no file; static EPLB is announced for removal in 0.25.1",
    ],
  },
  {
    format: "tensorrt-llm",
    name: "TensorRT-LLM",
    checked: "MoeLoadBalancerConfig and the checks of _init_load_balancer, retyped from undated source",
    releases: [{ loading: "loads", why: "checked by its own configuration classes; releases were not run" }],
    dispatch: ["trtllm"],
    launch: ({ file, model, numChiplets }) =>
      `trtllm-serve ${model ?? "MODEL"} --tp_size ${numChiplets} --ep_size ${numChiplets} ` +
      `--extra_llm_api_options options.yaml, where options.yaml holds ` +
      `{enable_attention_dp: true, moe_config: {backend: WIDEEP, load_balancer: ./${file}}}`,
    seeLoaded:
      "recorded with EXPERT_STATISTIC_PATH, meta_info.json has num_experts equal to the file's num_slots",
    silentlyWrong: [
      "other backends than WIDEEP and runs without attention DP do not use the load balancer",
      "with multi-token prediction a row for layer num_hidden_layers is needed too: --num-hidden-layers one more",
      "EXPERT_STATISTIC_ITER_RANGE left from a recording goes on recording: unset it",
    ],
  },
  {
    format: "omni-infer",
    name: "omni-infer",
    checked: "master of 2025-08-01, run on six placements",
    releases: [{ loading: "loads", why: "checked with master of 2025-08-01; development went on elsewhere" }],
    fileEnding: ".npy",
    launch: ({ file, layers, numChiplets }) =>
      `config.yaml with pattern_path: /ABSOLUTE/PATH/${file}, max_moe_layer_num: ${layers.length}, ` +
      `enable_dynamic: False, on ${numChiplets} devices`,
    seeLoaded: "nothing is known to show it; a wrong shape stops the start",
    silentlyWrong: ["enable_dynamic: True moves the experts again"],
  },
  {
    format: "megatron",
    name: "Megatron-LM",
    checked: "moe_layer.py of 2026-08-22: EP rank r owns experts r * n / R onwards",
    releases: [
      { loading: "loads", why: "no file is loaded: the checkpoint is renumbered, which any version serves" },
    ],
    launch: ({ file, numChiplets }) =>
      `renumber the checkpoint by ${file}, then --expert-model-parallel-size ${numChiplets}`,
    seeLoaded: "the renumbered model gives the same outputs; its router's rows are permuted",
    silentlyWrong: [
      "optimiser state that is not renumbered along with the weights belongs to other experts",
      "a router with expert groups (n_group above 1) chooses among groups of ids: experts may only move with their group",
    ],
  },
  ...["eplb", "eplb-json"].map((format): Engine => ({
    format,
    name: "DeepSeek EPLB",
    checked: "eplb.py of 2025-03: names, shapes and types of rebalance_experts, run on six placements",
    releases: [
      { loading: "does not load", why: "EPLB computes such tensors and loads none; scripts take them" },
    ],
    launch: ({ file }) =>
      `hand phy2log, log2phy and logcnt of ${file} to what takes the answer of rebalance_experts`,
    seeLoaded: "depends on the script",
    silentlyWrong: [],
  })),
  {
    format: "exflow",
    name: "ExFlow",
    checked: "published solutions of 2024-05",
    releases: [{ loading: "does not load", why: "the published code writes such files and loads none" }],
    launch: ({ file }) => `read ${file} with a script`,
    seeLoaded: "depends on the script",
    silentlyWrong: [],
  },
  {
    format: "hmetis",
    name: "KaHyPar",
    checked: "createHypergraphFromFile with validation, run on three layers of 2026-03",
    releases: [{ loading: "loads", why: "checked with the reader of 2026-03" }],
    launch: ({ file, numChiplets }) =>
      `KaHyPar -h ${file} -k ${numChiplets} -e 0 -o km1 -m direct, then moeplace import --chiplets ${numChiplets}`,
    seeLoaded: "km1 / tokens + 1 is the C_T of its answer",
    silentlyWrong: [],
  },
];

/** The engine that a file format was made for; undefined where none is known. */
export function engineOf(format: string): Engine | undefined {
  return engines.find((engine) => engine.format === format);
}
