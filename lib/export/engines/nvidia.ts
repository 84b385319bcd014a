import { always, type Engine } from "../engine.js";
import { renumberedWrong } from "./renumbered.js";

const dispatcher = "--moe-token-dispatcher-type flex --moe-flex-dispatcher-backend deepep";
const alltoall =
  "--moe-token-dispatcher-type alltoall sends a copy of a token for every expert: token replication gains nothing";

/** Engines, trainers and planners of NVIDIA. */
export const nvidiaEngines: readonly Engine[] = [
  {
    key: "tensorrt-llm",
    format: "tensorrt-llm",
    name: "TensorRT-LLM",
    checked: "MoeLoadBalancerConfig and the checks of _init_load_balancer, retyped from undated source",
    releases: [{ loading: "loads", why: "checked by its own configuration classes; releases were not run" }],
    dispatch: ["trtllm"],
    transport: always("per-chiplet"),
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
    key: "megatron",
    format: "megatron",
    name: "Megatron-LM",
    checked: "moe_layer.py of 2026-08-22: EP rank r owns experts r * n / R onwards",
    releases: [
      { loading: "loads", why: "no file is loaded: the checkpoint is renumbered, which any version serves" },
    ],
    transport: always("per-group"),
    launch: ({ file, numChiplets }) =>
      `renumber the checkpoint by ${file} (a program that does: --to checkpoint-script), then ` +
      `--expert-model-parallel-size ${numChiplets} ${dispatcher}`,
    seeLoaded: "the renumbered model gives the same outputs; its router's rows are permuted",
    silentlyWrong: [
      alltoall,
      "optimiser state that is not renumbered along with the weights belongs to other experts",
      "a router with expert groups (n_group above 1) chooses among groups of ids: experts may only move with their group",
    ],
  },
  {
    key: "megatron",
    format: "checkpoint-script",
    name: "Megatron-LM",
    checked: "moe_layer.py of 2026-08-22; the program, run on small checkpoints with Megatron's names",
    releases: [
      { loading: "loads", why: "no file is loaded: the checkpoint is renumbered, which any version serves" },
    ],
    transport: always("per-group"),
    launch: ({ file, numChiplets }) =>
      `python3 ${file} CHECKPOINT RENUMBERED on the Hugging Face checkpoint, convert it, then ` +
      `--expert-model-parallel-size ${numChiplets} ${dispatcher}`,
    seeLoaded: "the renumbered model gives the same outputs; its router's rows are permuted",
    silentlyWrong: [
      alltoall,
      "optimiser state is not renumbered: begin training from the weights",
      ...renumberedWrong,
    ],
  },
  {
    format: "rank-load",
    name: "planners (aiconfigurator, Dynamo)",
    checked:
      "aiconfigurator of 2026-08 by its pull requests: it assumes a power law for the load of the hottest rank",
    releases: [
      {
        loading: "does not load",
        why: "they take no measured factor; people compare it with the one assumed",
      },
    ],
    launch: ({ file }) =>
      `compare loadMaxOverMean of ${file} with what the planner assumes for its power law`,
    seeLoaded: "it cannot be loaded",
    silentlyWrong: [],
  },
];
