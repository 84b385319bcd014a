import { countRedundant, DEEP_EP, type Engine, type LaunchFacts } from "../engine.js";
import { renumberedWrong } from "./renumbered.js";

const vllmReplicas =
  "--enable-eplb alone moves the experts again at run time: rebalancing has to be off for the placement to stay";
const gathers =
  "all2all backends that gather (allgather_reducescatter, the default, and naive) send every token to every rank: " +
  "token replication gains nothing";

const serve = ({ model, numChiplets, provenance }: LaunchFacts) =>
  `vllm serve ${model ?? "MODEL"} --enable-expert-parallel --data-parallel-size ${numChiplets} --all2all-backend ` +
  (provenance?.workload?.phase === "decode" ? "deepep_low_latency" : "deepep_high_throughput");

const eplb = (facts: LaunchFacts, fields: string) =>
  `${serve(facts)} --enable-eplb --eplb-config '{${fields}, "num_redundant_experts": ${countRedundant(facts)}}'`;

/** What DeepSeek V4's own loader takes of the command line: replicas alone need the mapping of EPLB. */
const serveDeepSeekV4 = (facts: LaunchFacts) =>
  countRedundant(facts) > 0
    ? eplb(facts, `"expert_map_path": "${facts.file}"`)
    : `${serve(facts)} --eplb-config '{"expert_map_path": "${facts.file}"}'`;

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
    transport: DEEP_EP,
    launch: (facts) =>
      `${eplb(facts, `"initial_expert_map_path": "${facts.file}"`)} (with pull request 49572)`,
    seeLoaded: "a vLLM without the pull request stops with a ValidationError of EPLBConfig",
    silentlyWrong: [vllmReplicas, gathers],
  },
  {
    key: "vllm-deepseek-v4",
    format: "vllm",
    name: "vLLM for DeepSeek V4",
    checked:
      "pull request 53022 of 2026-08-20: load_static_expert_map of models/deepseek_v4/expert_map.py and its tests, read",
    releases: [{ loading: "does not load", why: "pull request 53022, which loads it, is open" }],
    fileEnding: ".json",
    deafModels: [{ name: "every other model", matches: /^(?!.*deepseek.?v4)/i }],
    obeyingModels: "DeepSeek V4",
    dispatch: ["vllm"],
    transport: DEEP_EP,
    launch: (facts) => `${serveDeepSeekV4(facts)} (with pull request 53022)`,
    seeLoaded:
      "a vLLM without the pull request stops with a ValidationError of EPLBConfig; one with it stops at another number " +
      "of rows or slots, or a missing expert",
    silentlyWrong: [
      "a row for every hidden layer and every layer of multi-token prediction is needed, or one for all: " +
        "--num-hidden-layers says their sum, and --fill-layers keeps those without a trace in order",
      gathers,
    ],
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
    launch: (facts) =>
      `${serve(facts)} --expert-placement-file ${facts.file} (no vLLM can: renumber the checkpoint instead, ` +
      "--to checkpoint-script)",
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
    transport: DEEP_EP,
    launch: (facts) =>
      eplb(facts, `"initial_mapping_path": "${facts.file}", "disable_online_rebalancing": true`) +
      " (with pull request 41141)",
    seeLoaded: "a vLLM without the pull request stops with a ValidationError of EPLBConfig",
    silentlyWrong: ["without disable_online_rebalancing the experts move again at run time", gathers],
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
    transport: DEEP_EP,
    launch: (facts) =>
      `python3 ${facts.file} CHECKPOINT RENUMBERED, then ${serve({ ...facts, model: "RENUMBERED" })}`,
    seeLoaded:
      "the renumbered model gives the same answers; moeplace-renumbering.json lies beside its weights",
    silentlyWrong: [
      gathers,
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
    transport: DEEP_EP,
    launch: (facts) => `${eplb(facts, `"expert_map_path": "${facts.file}"`)} (with the plugin)`,
    seeLoaded: "a file of another shape, or without the class of the model, stops the start",
    silentlyWrong: [
      "the map of a multi-token prediction model stands under its own class: one for the target alone leaves it out",
      "pipeline parallelism asks for one map a stage, with keys such as CLASS#pp_rank=0: this writes none",
      gathers,
    ],
  },
];
