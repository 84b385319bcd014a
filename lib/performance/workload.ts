import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import { NUMBER_FORMATS, type NumberFormat } from "../hardware/number-format.js";
import {
  MOST_MICRO_BATCHES,
  PHASES,
  TRANSPORTS,
  type Formats,
  type Transport,
  type Workload,
} from "../hardware/workload.js";

/** What of a workload is not as by default. */
export type WorkloadChoice = Partial<Omit<Workload, "formats">> & { readonly formats?: Partial<Formats> };

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
  checkChoice(choice);
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

/** More tokens, and a longer time, than any step has: what is computed from them stays far from where numbers end. */
const MOST_TOKENS = 1e12;
const MOST_LAUNCH_NS = 1e12;

function checkChoice({ phase, transport, formats = {}, ...choice }: WorkloadChoice): void {
  const names: [string, string | undefined, readonly string[]][] = [
    ["phase", phase, PHASES],
    ["transport", transport, TRANSPORTS],
    ...Object.entries(formats).map(([name, format]): (typeof names)[number] => [
      `formats.${name}`,
      format,
      NUMBER_FORMATS,
    ]),
  ];
  for (const [field, found, known] of names) {
    if (found === undefined || known.includes(found)) continue;
    throw new InputError(`${field}: found ${describeValue(found)}, expected one of ${known.join(", ")}`);
  }
  const { tokensPerChiplet, promptLength, kvLength, microBatches, otherComputeShare, launchNs } = choice;
  const isTokens = (value: number) => value > 0 && value <= MOST_TOKENS;
  const tokens = `a number above 0, at most ${MOST_TOKENS}`;
  const numbers: [string, number | undefined, (value: number) => boolean, string][] = [
    ["tokensPerChiplet", tokensPerChiplet, isTokens, tokens],
    ["promptLength", promptLength, isTokens, tokens],
    ["kvLength", kvLength, (value) => value === 0 || isTokens(value), `0 to ${MOST_TOKENS}`],
    [
      "microBatches",
      microBatches,
      (value) => Number.isInteger(value) && value >= 1 && value <= MOST_MICRO_BATCHES,
      `a whole number, 1 to ${MOST_MICRO_BATCHES}`,
    ],
    ["otherComputeShare", otherComputeShare, (value) => value >= 0 && value < 1, "a share in [0, 1)"],
    ["launchNs", launchNs, (value) => value >= 0 && value <= MOST_LAUNCH_NS, `0 to ${MOST_LAUNCH_NS}`],
  ];
  for (const [field, found, isSound, expected] of numbers) {
    if (found === undefined || isSound(found)) continue;
    throw new InputError(`${field}: found ${describeValue(found)}, expected ${expected}`);
  }
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
