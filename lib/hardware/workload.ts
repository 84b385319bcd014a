import type { NumberFormat } from "./number-format.js";

/** What a step does: a training step, or one of inference: prompts read, or a token more for every request. */
export const PHASES = ["train", "prefill", "decode"] as const;
export type Phase = (typeof PHASES)[number];

/**
 * How copies of a token travel at dispatch, and their results at combine:
 * - per-expert: one copy for every chosen expert, as low-latency kernels send them; placement changes nothing but load.
 * - per-chiplet: one copy for every distinct chiplet.
 * - per-group: one copy for every distinct chiplet group over its link, forwarded to the chiplets inside.
 * - all-gather: every token to every chiplet; placement changes nothing but load.
 */
export const TRANSPORTS = ["per-expert", "per-chiplet", "per-group", "all-gather"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** More micro-batches than any schedule has, each with tasks of its own. */
export const MOST_MICRO_BATCHES = 1024;

/** How numbers are stored, sent and multiplied. */
export interface Formats {
  /** Of tokens on the way to their experts. */
  readonly dispatch: NumberFormat;
  /** Of results on the way back. */
  readonly combine: NumberFormat;
  /** In which experts and projections multiply. */
  readonly experts: NumberFormat;
  /** In which keys and values are kept and attended to. */
  readonly attention: NumberFormat;
  /** Of expert weights; as the model is served where it is left out. */
  readonly weights?: NumberFormat;
}

/** What a step is, as plain data. */
export interface Workload {
  readonly phase: Phase;
  /** Tokens of one chiplet (or GPU) in a step, all micro-batches together; of a root's tokens, an equal share. */
  readonly tokensPerChiplet: number;
  /** Tokens of a sequence in training, or of a prompt. */
  readonly promptLength: number;
  /** Tokens that each new token attends to; used in decode alone. */
  readonly kvLength: number;
  readonly microBatches: number;
  readonly formats: Formats;
  readonly transport: Transport;
  /** Share of all compute that is in other kernels: casts, norms, activations, permutations. In [0, 1). */
  readonly otherComputeShare: number;
  /** Launching the kernels of one layer, for a micro-batch. */
  readonly launchNs: number;
}
