import { checkWorkload, type WorkloadChoice } from "../hardware/check-workload.js";
import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import type { NumberFormat } from "../hardware/number-format.js";
import type { Transport, Workload } from "../hardware/workload.js";

/** The batch of the Mozart paper: 32 sequences of 256 tokens in 4 micro-batches. Source: section 5. */
const PAPER = { tokens: 8192, promptLength: 256, microBatches: 4 };

/**
 * Where the model is served on GPUs. Train and prefill: micro-batches of 4096 tokens a GPU, as DeepEP publishes its kernels and
 * DeepSeek its training profile; prefill has two, which overlap. Decode: DeepSeek's published profile, without its
 * second micro-batch. 25 % of compute in other kernels: DeepSeek's profile of training, 33.1 of 130.6 ms.
 */
const ON_GPUS = {
  train: { tokensPerChiplet: 16384, promptLength: 4096, microBatches: 4 },
  prefill: { tokensPerChiplet: 8192, promptLength: 4096, microBatches: 2 },
  decode: { tokensPerChiplet: 128, promptLength: 4096, microBatches: 1 },
} as const;
const KV_LENGTH = 4096;
const OTHER_COMPUTE_SHARE = 0.25;
/** Assumed: 20 kernels a layer, 1.5 us each from a graph of launches. */
const LAUNCH_NS = 30_000;

/**
 * The workload of a model on a machine, as chosen, and by default where nothing is chosen.
 *
 * Machines with a root: the paper's training step, FP16, one copy a chiplet group. GPUs: prefill, one copy a server (or
 * a GPU, where there is one server or one fabric); decode, one copy an expert; FP8 where the model is served in it.
 *
 * @throws InputError if a number is none of a step, such as one of more micro-batches than `MOST_MICRO_BATCHES`, or a name is not known.
 *
 * @example
 * createWorkload({ hardware: findHardware("h100-8x8") }, { phase: "decode" }).transport; // "per-expert"
 */
export function createWorkload(
  { hardware, shape }: { hardware: Hardware; shape?: ModelShape | undefined },
  choice: WorkloadChoice = {},
): Workload {
  const onGpus = hardware.tokensStart === "everywhere";
  checkWorkload(choice);
  const { phase = onGpus ? "prefill" : "train" } = choice;
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const size = onGpus ? ON_GPUS[phase] : { ...PAPER, tokensPerChiplet: PAPER.tokens / numChiplets };
  const wide: NumberFormat = onGpus ? "bf16" : "fp16";
  const narrow = onGpus && shape?.bytesPerWeight === 1 ? "fp8" : wide;
  const given = choice.transport ?? (onGpus && phase === "decode" ? "per-expert" : "per-group");
  return {
    phase,
    tokensPerChiplet: choice.tokensPerChiplet ?? size.tokensPerChiplet,
    promptLength: choice.promptLength ?? size.promptLength,
    kvLength: choice.kvLength ?? KV_LENGTH,
    microBatches: choice.microBatches ?? size.microBatches,
    formats: { dispatch: narrow, combine: wide, experts: narrow, attention: wide, ...choice.formats },
    transport: transportOn(hardware, given),
    otherComputeShare: choice.otherComputeShare ?? (onGpus ? OTHER_COMPUTE_SHARE : 0),
    launchNs: choice.launchNs ?? (onGpus ? LAUNCH_NS : 0),
  };
}

/** The paper's training step on any machine: 8192 tokens in all. */
export function paperWorkload(hardware: Hardware, choice: WorkloadChoice = {}): Workload {
  const tokensPerChiplet = PAPER.tokens / (hardware.numGroups * hardware.chipletsPerGroup);
  const { promptLength, microBatches } = PAPER;
  return createWorkload(
    { hardware },
    { phase: "train", tokensPerChiplet, promptLength, microBatches, ...choice },
  );
}

/** How copies really travel: one a chiplet where groups have no link on which one copy could serve several chiplets. */
export function transportOn(hardware: Hardware, transport: Transport): Transport {
  const hasGroups = hardware.multicast && (hardware.tokensStart === "root" || hardware.numGroups > 1);
  return transport === "per-group" && !hasGroups ? "per-chiplet" : transport;
}

/** Tokens of one micro-batch, of all chiplets together. */
export function microBatchTokens(
  { tokensPerChiplet, microBatches }: Workload,
  { numGroups, chipletsPerGroup }: Hardware,
): number {
  return (tokensPerChiplet * numGroups * chipletsPerGroup) / microBatches;
}

/** Whether what a placement saves in copies is worth anything: with one copy an expert, or all to all, it is not. */
export function sharesCopies({ transport }: Pick<Workload, "transport">): boolean {
  return transport === "per-chiplet" || transport === "per-group";
}
