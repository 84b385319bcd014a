import { always, countRedundant, type Engine } from "../engine.js";

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
    unequalLayers: "from 0.13 on, by reading: expert_file_to_tensor takes every layer by itself",
    launch: ({ file, model, ...placement }) =>
      `vllm serve ${model ?? "MODEL"} --tensor-parallel-size ${placement.numChiplets} --enable-expert-parallel ` +
      `--additional-config '{"eplb_config": {"expert_map_path": "${file}", ` +
      `"num_redundant_experts": ${countRedundant({ model, ...placement })}}}' (Model Runner V1)`,
    seeLoaded:
      "nothing in the log; compare the answers of a few fixed prompts with those of a run without the file",
    silentlyWrong: [
      "from 0.24 on weights and routing disagree for every map but that of ascending ids",
      "an expert twice on a device gives every rank a wrong map",
      "on A2 devices, steps of more tokens than MC2 takes (512 by default) gather all tokens on every device; else, in " +
        "MC2 and all-to-all, a token sends a copy for every expert: token replication gains nothing, even loads do",
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
    unequalLayers: "by reading: get_num_of_redundant_experts is asked for every layer",
    launch: ({ file, layers, numChiplets }) =>
      `config.yaml with pattern_path: /ABSOLUTE/PATH/${file}, max_moe_layer_num: ${layers.length}, ` +
      `enable_dynamic: False, on ${numChiplets} devices`,
    seeLoaded: "nothing is known to show it; a wrong shape stops the start",
    silentlyWrong: ["enable_dynamic: True moves the experts again"],
  },
];
