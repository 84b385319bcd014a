import { countRedundant, type Engine, type LaunchFacts } from "../engine.js";
import { renumberedWrong } from "./renumbered.js";

const vllmReplicas =
  "--enable-eplb alone moves the experts again at run time: rebalancing has to be off for the placement to stay";

const serve = ({ model, numChiplets }: LaunchFacts) =>
  `vllm serve ${model ?? "MODEL"} --enable-expert-parallel --data-parallel-size ${numChiplets}`;

/** vLLM, its open pull requests, and its plugins. */
export const vllmEngines: readonly Engine[] = [
  {
    key: "vllm",
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
    key: "vllm-deepseek-v4",
    format: "vllm",
    name: "vLLM for DeepSeek V4",
    checked:
      "pull request 53022 by its description of 2026-08-20: a logical expert for every slot of every MoE layer",
    releases: [
      {
        loading: "does not load",
        why: "pull request 53022 is open; that its file is laid out as this one has not been seen in its code",
      },
    ],
    fileEnding: ".json",
    dispatch: ["vllm"],
    launch: (facts) =>
      `${serve(facts)} --enable-eplb --eplb-config '{"expert_map_path": "${facts.file}", ` +
      `"num_redundant_experts": ${countRedundant(facts)}}' (with pull request 53022)`,
    seeLoaded: "a vLLM without the pull request stops with a ValidationError of EPLBConfig",
    silentlyWrong: [],
  },
  {
    key: "vllm",
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
      `--expert-placement-file ${file} (no vLLM can: renumber the checkpoint instead, --to checkpoint-script)`,
    seeLoaded: "it cannot be loaded",
    silentlyWrong: [],
  },
  {
    key: "vllm",
    format: "vllm-offline",
    name: "vLLM",
    checked: "pull request 41141: its writer and the tests of its loader, read in 2026-09",
    releases: [{ loading: "does not load", why: "pull request 41141, which loads it, is open" }],
    dispatch: ["vllm"],
    launch: (facts) =>
      `${serve(facts)} --enable-eplb --eplb-config '{"initial_mapping_path": "${facts.file}", ` +
      `"num_redundant_experts": ${countRedundant(facts)}, "disable_online_rebalancing": true}' ` +
      `(with pull request 41141)`,
    seeLoaded: "a vLLM without the pull request stops with a ValidationError of EPLBConfig",
    silentlyWrong: ["without disable_online_rebalancing the experts move again at run time"],
  },
  {
    key: "vllm",
    format: "checkpoint-script",
    name: "vLLM",
    checked:
      "the linear map of determine_expert_map in main of 2026-08; the program, run on small checkpoints",
    releases: [
      { loading: "loads", why: "no file is loaded: the checkpoint is renumbered, which any version serves" },
    ],
    launch: (facts) =>
      `python3 ${facts.file} CHECKPOINT RENUMBERED, then ${serve({ ...facts, model: "RENUMBERED" })} ` +
      `--all2all-backend deepep_high_throughput`,
    seeLoaded:
      "the renumbered model gives the same answers; moeplace-renumbering.json lies beside its weights",
    silentlyWrong: [
      "all2all backends that gather (allgather_reducescatter, naive) send every token to every rank: token replication " +
        "gains nothing",
      "--enable-eplb and --expert-placement-strategy round_robin spread the runs of ids again: leave them out",
      ...renumberedWrong,
    ],
  },
  {
    key: "hygon",
    format: "hygon",
    name: "HYGON vllm-plugin-das",
    checked:
      "its loader static_eplb.py and the tests of its recorder as of 2026-09, read; files of version 2",
    releases: [{ loading: "loads", why: "since pull request 69 of 2026-09-05, by reading; nothing was run" }],
    fileEnding: ".json",
    dispatch: ["vllm"],
    launch: (facts) =>
      `${serve(facts)} --enable-eplb --eplb-config '{"expert_map_path": "${facts.file}", ` +
      `"num_redundant_experts": ${countRedundant(facts)}}' (with the plugin)`,
    seeLoaded: "a file of another shape, or without the class of the model, stops the start",
    silentlyWrong: [
      "the map of a multi-token prediction model stands under its own class: one for the target alone leaves it out",
      "pipeline parallelism asks for one map a stage, with keys such as CLASS#pp_rank=0: this writes none",
    ],
  },
];
