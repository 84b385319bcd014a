import { always, countRedundant, type Engine, type LaunchFacts } from "../engine.js";

/** Before 0.13 the options of EPLB stood by themselves. */
function additionalConfig(facts: LaunchFacts): string {
  const { file, sharedExperts = 0, release } = facts;
  const map = `"expert_map_path": "${file}"`;
  if (release?.before === "0.13") return `${map}, "init_redundancy_expert": ${countRedundant(facts)}`;
  const mixed = sharedExperts > 0 ? `"mix_placement": true, ` : "";
  return `${mixed}"eplb_config": {${map}, "num_redundant_experts": ${countRedundant(facts)}}`;
}

/** Engines for Ascend devices. */
export const ascendEngines: readonly Engine[] = [
  {
    key: "vllm-ascend",
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
    transport: always("per-expert"),
    unequalLayers: { from: "0.13", why: "by reading: expert_file_to_tensor takes every layer by itself" },
    sharedExperts:
      "DeepSeek models with mix_placement (pull requests 7188 and 8035, from 0.18 on, by reading), as ids behind those of the " +
      "routed experts, which all tokens choose; pull request 12871, which takes it out, is open",
    launch: (facts) =>
      `vllm serve ${facts.model ?? "MODEL"} --tensor-parallel-size ${facts.numChiplets} --enable-expert-parallel ` +
      `--additional-config '{${additionalConfig(facts)}}' (Model Runner V1)`,
    seeLoaded:
      "nothing in the log; compare the answers of a few fixed prompts with those of a run without the file",
    silentlyWrong: [
      "from 0.24 on weights and routing disagree for every map but that of ascending ids",
      "an expert twice on a device gives every rank a wrong map",
      "on A2 devices, steps of more tokens than MC2 takes (512 by default) gather all tokens on every device; else, in " +
        "MC2 and all-to-all, a token sends a copy for every expert: token replication gains nothing, even loads do",
      "a file with shared experts needs mix_placement, which enable_shared_expert_dp and multistream_overlap_shared_expert " +
        "exclude, and one without them must not have it",
      "Model Runner V2 takes no file; static EPLB is announced for removal in 0.25.1",
    ],
  },
  {
    key: "omni-infer",
    format: "omni-infer",
    name: "omni-infer",
    checked: "master of 2025-08-01, run on six placements",
    releases: [{ loading: "loads", why: "checked with master of 2025-08-01; development went on elsewhere" }],
    fileEnding: ".npy",
    unequalLayers: { why: "by reading: get_num_of_redundant_experts is asked for every layer" },
    launch: ({ file, layers, numChiplets }) =>
      `config.yaml with pattern_path: /ABSOLUTE/PATH/${file}, max_moe_layer_num: ${layers.length}, ` +
      `enable_dynamic: False, on ${numChiplets} devices`,
    seeLoaded: "nothing is known to show it; a wrong shape stops the start",
    silentlyWrong: ["enable_dynamic: True moves the experts again"],
  },
];
