import { findHardware } from "../../hardware/presets.js";
import { countRedundant, DEEP_EP, type DeafModels, type Engine, type LaunchFacts } from "../engine.js";
import { renumberedWrong } from "./renumbered.js";

/** Models of SGLang that have no `get_model_config_for_expert_location`, so that their experts stay in their order. */
const deafInSglang: readonly DeafModels[] = [
  { name: "gpt-oss", matches: /gpt-?oss/i },
  { name: "OLMoE", matches: /olmoe/i },
  { name: "DeepSeek-MoE-16B", matches: /deepseek-moe-16b/i },
  { name: "Mixtral", matches: /mixtral/i },
  { name: "Llama 4", matches: /llama-?4/i },
  { name: "Phi-MoE", matches: /phi-?(3\.5-?)?moe/i },
];

/** How DeepEP sends tokens in the step that the placement was made for; where that is not known, SGLang chooses by batch. */
function deepEpMode({ provenance }: LaunchFacts): string {
  const phase = provenance?.workload?.phase;
  if (phase === undefined || phase === "train") return "";
  return ` --deepep-mode ${phase === "decode" ? "low_latency" : "normal"}`;
}

/** The option that has tokens sent to the ranks of their experts. */
function allToAll({ release }: LaunchFacts): string {
  return release?.before === "0.5" ? "--enable-deepep-moe" : "--moe-a2a-backend deepep";
}

/**
 * One server: every GPU attends to its own tokens, as a step is modelled, and not to a share of the heads of all.
 *
 * @param path Of the checkpoint.
 */
function serve(facts: LaunchFacts, path = facts.model ?? "MODEL"): string {
  const { numChiplets } = facts;
  return (
    `python -m sglang.launch_server --model-path ${path} --tp-size ${numChiplets} --ep-size ${numChiplets} ` +
    `--dp-size ${numChiplets} --enable-dp-attention${severalServers(facts)}`
  );
}

/** A placement for a step of one kind, with its kernels, wants servers that do nothing else. */
const deployment: Engine["deployment"] = {
  prefill:
    "placed for prefill: --disaggregation-mode prefill beside the line makes servers that do nothing else, and others with " +
    "--disaggregation-mode decode go on; without it decode runs under this placement and these kernels, too",
  decode:
    "placed for decode: --disaggregation-mode decode beside the line makes servers that do nothing else, and others with " +
    "--disaggregation-mode prefill begin; without it prefill runs under this placement and these kernels, too",
};

/** The renumbered checkpoint; gpt-oss has no path with an all-to-all. */
function serveRenumbered(facts: LaunchFacts): string {
  const sent = /gpt-?oss/i.test(facts.named ?? "") ? "" : ` --moe-a2a-backend deepep${deepEpMode(facts)}`;
  return `${serve(facts, "RENUMBERED")}${sent}`;
}

/** What every server of several is told besides. */
function severalServers({ provenance }: LaunchFacts): string {
  const { name = "", numGroups = 1 } = provenance?.hardware ?? {};
  if (numGroups === 1 || findHardware(name)?.tokensStart !== "everywhere") return "";
  return ` --nnodes ${numGroups} --node-rank RANK --dist-init-addr HOST:PORT`;
}

/** SGLang and its sister for TPUs. */
export const sglangEngines: readonly Engine[] = [
  {
    key: "sglang",
    format: "sglang",
    name: "SGLang",
    checked: "loading and dispatch code of 2026-08-20, run on six placements",
    releases: [
      {
        before: "0.4.7",
        loading: "does not load",
        why:
          "expert locations came with pull request 6385 and those around it in May 2025, behind 0.4.6.post4; 0.4.6.post5 of " +
          "2025-05-24 was not looked at",
      },
      {
        from: "0.4.7",
        before: "0.5",
        loading: "loads",
        why:
          "by its pull requests, not run; --moe-a2a-backend came with pull request 8658 of 2025-08-01, and --enable-deepep-moe " +
          "was before it",
      },
      {
        from: "0.5",
        loading: "loads",
        why: "checked with main of 2026-08-20, in which 0.5 has gone on; releases were not run",
      },
    ],
    fileEnding: ".json",
    deafModels: deafInSglang,
    obeyingModels:
      "DeepSeek V2 and V3, Qwen2-MoE, Qwen3-MoE, GLM-4-MoE, MiniMax and others with an expert location",
    dispatch: ["sglang-static", "sglang-dynamic"],
    transport: DEEP_EP,
    deployment,
    launch: (facts) =>
      `${serve(facts)} --init-expert-location ${facts.file} ` +
      `--ep-num-redundant-experts ${countRedundant(facts)} ${allToAll(facts)}${deepEpMode(facts)} ` +
      `--ep-dispatch-algorithm ${facts.dispatch === "sglang-dynamic" ? "dynamic" : "static"}`,
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
    key: "sglang-jax",
    format: "sglang-jax",
    name: "sglang-jax",
    checked: "loading code of 2026-08-21, run on six placements",
    releases: [{ loading: "loads", why: "takes the JSON of `sglang` too; checked with main of 2026-08-21" }],
    fileEnding: ".npy",
    launch: ({ file, model, numChiplets }) =>
      `python -m sgl_jax.launch_server --model-path ${model ?? "MODEL"} --ep-size ${numChiplets} --init-expert-location ${file}`,
    seeLoaded: "nothing is known to show it",
    silentlyWrong: [],
  },
  {
    key: "sglang",
    format: "checkpoint-script",
    name: "SGLang",
    checked: "the trivial map of init_trivial in main of 2026-08-20; the program, run on small checkpoints",
    releases: [
      {
        loading: "loads",
        why: "no file is loaded: the checkpoint is renumbered, which reaches models that obey no file too",
      },
    ],
    transport: DEEP_EP,
    deployment,
    launch: (facts) => `python3 ${facts.file} CHECKPOINT RENUMBERED, then ${serveRenumbered(facts)}`,
    seeLoaded:
      "the renumbered model gives the same answers; moeplace-renumbering.json lies beside its weights",
    silentlyWrong: [
      "without --moe-a2a-backend every rank computes all tokens and adds up: token replication gains nothing; gpt-oss " +
        "has no path with one: of its placement only the load counts, and its steps are not those modelled",
      ...renumberedWrong,
    ],
  },
  {
    key: "sglang",
    format: "sglang-topology",
    name: "SGLang",
    checked: "pull request 37923 as of 2026-09: its loader and tests, read",
    releases: [{ loading: "does not load", why: "pull request 37923, which loads it, is open" }],
    fileEnding: ".json",
    launch: (facts) =>
      `${serve(facts)} --moe-a2a-backend deepep --deepep-mode normal --enable-eplb ` +
      `--eplb-algorithm topology_aware --eplb-topology ${facts.file} --ep-dispatch-algorithm static ` +
      `--expert-distribution-recorder-mode stat (with pull request 37923)`,
    seeLoaded: "a SGLang without the pull request does not know --eplb-topology",
    silentlyWrong: [
      "SGLang plans the placement itself then, by the ranks that tokens come from; it takes no placement with it",
    ],
  },
];
