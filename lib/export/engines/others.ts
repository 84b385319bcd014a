import { countRedundant, DEEP_EP, type Engine } from "../engine.js";
import { renumberedWrong } from "./renumbered.js";

/** Engines that have a room of their own nowhere else, planners, partitioners and offloaders. */
export const otherEngines: readonly Engine[] = [
  {
    key: "rtp-llm",
    format: "rtp-llm",
    name: "RTP-LLM",
    checked: "create_redundant_expert in main of 2026-08-20, run on six placements",
    releases: [{ loading: "loads", why: "checked with main of 2026-08-20: one row for every layer" }],
    transport: DEEP_EP,
    launch: ({ file, model, ...facts }) =>
      `python -m rtp_llm.start_server --checkpoint_path ${model ?? "MODEL"} --world_size ${facts.numChiplets} ` +
      `--ep_size ${facts.numChiplets} --redundant_expert ${countRedundant({ model, ...facts })} --phy2log_path ${file}`,
    seeLoaded: "another number of rows or slots stops the start",
    silentlyWrong: ["--eplb_mode other than NONE moves the experts again"],
  },
  {
    key: "lightllm",
    format: "lightllm",
    name: "LightLLM",
    checked: "get_redundancy_expert_ids in main of 2025-07 to 2026-08, read",
    releases: [
      {
        loading: "loads",
        why: "by reading: it takes which experts every rank holds besides its own run of ids",
      },
    ],
    transport: DEEP_EP,
    launch: ({ file, model, numChiplets }) =>
      `MOE_MODE=EP python -m lightllm.server.api_server --model_dir ${model ?? "MODEL"} --tp ${numChiplets} ` +
      `--dp ${numChiplets} --ep_redundancy_expert_config_path ${file} (newer: --enable_ep_moe in place of MOE_MODE)`,
    seeLoaded: "every rank takes the memory of redundancy_expert_num more experts",
    silentlyWrong: [
      "the experts stay in their order, and every rank holds the same redundant ones: only which ones they are is taken " +
        "from the placement; to place the others too, renumber the checkpoint first",
      "--auto_update_redundancy_expert replaces them at run time",
    ],
  },
  {
    key: "lmdeploy",
    format: "lmdeploy",
    name: "LMDeploy",
    checked: "pytorch/nn/eplb.py and envs.py in main of 2026-08-21, read",
    releases: [
      { loading: "loads", why: "by reading: it takes loads and plans by EPLB itself; it loads no placement" },
    ],
    transport: DEEP_EP,
    launch: ({ file, model, ...facts }) =>
      `LMDEPLOY_EPLB_EXPERTS_STATISTIC_FILE=${file} ` +
      `LMDEPLOY_EPLB_NUM_REDUNDANT_EXPERTS=${countRedundant({ model, ...facts })} lmdeploy serve api_server ` +
      `${model ?? "MODEL"} --backend pytorch --ep ${facts.numChiplets} --dp ${facts.numChiplets} --enable-eplb`,
    seeLoaded: "nothing is known to show it",
    silentlyWrong: [
      "the placement is LMDeploy's own, made by EPLB from these loads",
      "before the variables had the prefix LMDEPLOY_ they were EPLB_EXPERTS_STATISTIC_FILE and so on",
      "LMDEPLOY_EPLB_NUM_GROUPS (4) and LMDEPLOY_EPLB_RANKS_PER_NODE (8) have to be those of model and servers",
    ],
  },
  {
    key: "llama.cpp",
    format: "checkpoint-script",
    name: "llama.cpp",
    checked:
      "by reasoning: expert tensors of GGUF are fused in the order of the ids; the program, run on small checkpoints",
    releases: [
      { loading: "loads", why: "no file is loaded: the checkpoint is renumbered before it is converted" },
    ],
    launch: ({ file }) => `python3 ${file} CHECKPOINT RENUMBERED, then convert_hf_to_gguf.py RENUMBERED`,
    seeLoaded: "the renumbered model gives the same answers",
    silentlyWrong: [
      "an importance matrix made for the first order belongs to other experts",
      ...renumberedWrong,
    ],
  },
  {
    format: "hot-experts",
    name: "offloading (exllamav3, ik_llama.cpp)",
    checked: "no engine is known to load such a file",
    releases: [
      { loading: "does not load", why: "scripts that decide which experts stay on the GPU take it" },
    ],
    launch: ({ file }) => `hand ${file} to the script that splits the experts between GPU and CPU`,
    seeLoaded: "depends on the script",
    silentlyWrong: [],
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
      `KaHyPar -h ${file} -k ${numChiplets} -e 0 -o km1 -m direct, then moeplace import --ranks ${numChiplets}`,
    seeLoaded: "km1 / tokens + 1 is the C_T of its answer",
    silentlyWrong: [],
  },
];
