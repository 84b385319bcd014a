/**
 * What one micro-batch does in one MoE layer, and how long each stage takes on its own: the durations that schedules
 * are made of. Forward; the backward pass takes {@link BACKWARD_COMPUTE} times the compute, moves the gradients of the
 * same tokens over the same links, and streams the weights again.
 */
import type { Compute, Hardware } from "../hardware/hardware.js";
import { expertBytes, expertInput, type ModelShape } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { attentionNs } from "./attention.js";
import { createGpuTimer, type TimerOptions } from "./gpu-stages.js";
import { createLinkTimer, linkLoads, type LinkTimes } from "./link-loads.js";
import { activationSaveNs, memoryTransferNs } from "./memory.js";
import { weightBytesOf, wireBytes, type Piece } from "./piece.js";
import { rememberSums } from "./remember.js";
import { tokenBytes } from "../hardware/number-format.js";
import { gemmNs, type Gemm } from "./systolic.js";
import type { Workload } from "../hardware/workload.js";

/** Compute of a backward pass for each one of the forward pass: gradients of inputs and of weights. */
export const BACKWARD_COMPUTE = 2;

/** Durations of one micro-batch in one layer, forward, each as if it ran alone. */
export interface StageTimes {
  /** Attention and its projections, on the root or spread over the chiplets. */
  readonly attentionNs: number;
  /** Shared experts, on the same compute as attention; they need no dispatch. */
  readonly sharedNs: number;
  readonly dispatch: LinkTimes;
  /** The same bytes the other way. */
  readonly combine: LinkTimes;
  /** Compute of all experts of each chiplet, one after another. Shape [numChiplets]. */
  readonly expertsNs: Float64Array;
  /** Saving the layer's input activations for the backward pass, or reloading them. */
  readonly saveNs: number;
  /** The memory of each chiplet saves its experts' activations, or reloads them. Shape [numChiplets]. */
  readonly expertSaveNs: Float64Array;
  /**
   * The memory of each chiplet streams all its experts once; once a layer, not a micro-batch. Chiplets that share a
   * memory wait for each other. Shape [numChiplets].
   */
  readonly weightMemoryNs: Float64Array;
  /** The same bytes over the link of each chiplet; 0 where weights are resident. Shape [numChiplets]. */
  readonly weightLinkNs: Float64Array;
}

/**
 * Durations of the stages of one MoE layer for one micro-batch, or a piece of one.
 *
 * Traffic is scaled to it: every count times its tokens / traffic tokens. Time O(numExperts).
 */
export function stageTimes(
  traffic: LayerTraffic,
  machine: { hardware: Hardware; shape: ModelShape },
  piece: Piece,
): StageTimes {
  return createStageTimer(machine, piece)(traffic);
}

/**
 * Makes {@link stageTimes} for one machine and piece, which remembers what does not depend on the placement, and the
 * times of experts by their load: a search asks for the same loads again and again. Lists of loads must not be changed.
 */
export function createStageTimer(
  { hardware, shape }: { hardware: Hardware; shape: ModelShape },
  piece: Piece,
  options: TimerOptions = {},
): (traffic: LayerTraffic) => StageTimes {
  const { workload, tokens } = piece;
  const { formats, launchNs } = workload;
  const expertWeights = expertBytes(shape, weightBytesOf(shape, workload));
  const streamed = hardware.weights === "streamed";
  const others = othersBeside(workload);
  const sharedNs = onRootNs(
    hardware,
    tokens,
    ({ tokens, compute }) =>
      expertNs(shape, shape.sharedWidth, { tokens, compute, workload }) +
      latentGemms(shape, tokens).reduce((sum, gemm) => sum + gemmNs(gemm, compute, formats.experts), 0),
  );
  const attention = onRootNs(hardware, tokens, (share) => attentionNs(shape, workload, share));
  const nsOfRows = new Map<number, number>();
  const nsOf = createExpertTimer({ hardware, shape }, workload);
  const expertNsOf = (rows: number) => {
    const known = nsOfRows.get(rows);
    if (known !== undefined) return known;
    const ns = expectedNs(rows, nsOf);
    nsOfRows.set(rows, ns);
    return ns;
  };
  const sumExperts = rememberSums(hardware.numGroups * hardware.chipletsPerGroup, expertNsOf);
  const measured = createGpuTimer({ hardware, shape }, piece, options);
  const noRoot = new Float64Array(hardware.numGroups);
  const timerOf = createLinkTimer(hardware);
  const transfersOf = (traffic: LayerTraffic, scale: number): Pick<StageTimes, "dispatch" | "combine"> => {
    const timesOf = timerOf(linkLoads(traffic, hardware, workload.transport));
    return {
      dispatch: timesOf(wireBytes(shape, formats.dispatch) * scale),
      combine: timesOf(wireBytes(shape, formats.combine) * scale),
    };
  };
  return (traffic) => {
    const scale = tokens / traffic.numTokens;
    const kernels = measured?.(traffic);
    const nothing = new Float64Array(streamed ? 0 : traffic.numChiplets);
    const perChiplet = (nsOf: (experts: readonly number[], chiplet: number) => number) =>
      Float64Array.from(traffic.expertLoad, nsOf);
    return {
      attentionNs: launchNs + others * attention,
      sharedNs: others * sharedNs,
      ...(kernels
        ? { dispatch: onGpus(kernels.dispatchNs, noRoot), combine: onGpus(kernels.combineNs, noRoot) }
        : transfersOf(traffic, scale)),
      expertsNs: kernels?.expertsNs ?? perChiplet((experts, chiplet) => sumExperts(chiplet, experts, scale)),
      saveNs: activationSaveNs(hardware, tokens * shape.hiddenSize * tokenBytes(formats.attention)),
      ...(streamed
        ? {
            expertSaveNs: expertActivationBytes(traffic, shape, { workload, tokens }).map((bytes) =>
              memoryTransferNs(hardware, bytes),
            ),
            weightMemoryNs: perChiplet(({ length }) => memoryTransferNs(hardware, length * expertWeights)),
            weightLinkNs: perChiplet(
              ({ length }) => (length * expertWeights) / hardware.links.chiplet.bytesPerNs.value,
            ),
          }
        : { expertSaveNs: nothing, weightMemoryNs: nothing, weightLinkNs: nothing }),
    };
  };
}

/**
 * Times of kernels as a schedule takes them: each GPU is busy for its own, which hold all links and latencies.
 *
 * @param noRootNs Zeros, one a chiplet group.
 */
export function onGpus(perGpuNs: Float64Array, noRootNs: Float64Array): LinkTimes {
  return { rootNs: noRootNs, chipletNs: perGpuNs, latencyNs: 0 };
}

/**
 * Bytes of activations that each chiplet's experts keep for the backward pass, of one micro-batch.
 *
 * Every copy that arrives and every result that leaves, hidden size each, and both inner activations (gate and up) of
 * every token and expert. Where weights stay in a chiplet's own memory so do activations, and nothing is streamed.
 *
 * @returns Shape [numChiplets].
 */
export function expertActivationBytes(
  traffic: LayerTraffic,
  shape: ModelShape,
  { workload, tokens }: Piece,
): Float64Array {
  const { transport, formats } = workload;
  const bytes = (tokens / traffic.numTokens) * tokenBytes(formats.experts);
  const copies = transport === "per-expert" ? traffic.chipletLoad : traffic.chipletTokens;
  return traffic.chipletLoad.map(
    (load, chiplet) => 2 * (copies[chiplet] * expertInput(shape) + load * shape.expertWidth) * bytes,
  );
}

/** Products of one expert for some tokens: gate and up side by side, then down. */
export function expertGemms(
  inputSize: number,
  width: number,
  { tokens, bytesPerWeight }: { tokens: number; bytesPerWeight?: number },
): Gemm[] {
  const stored = bytesPerWeight === undefined ? {} : { bytesPerWeight };
  return [
    { m: tokens, k: inputSize, n: 2 * width, ...stored },
    { m: tokens, k: width, n: inputSize, ...stored },
  ];
}

/** Products that take every token to the latent that its experts work on, and back; none where there is no latent. */
export function latentGemms({ hiddenSize, wireSize }: ModelShape, tokens: number): Gemm[] {
  if (wireSize === undefined) return [];
  return [
    { m: tokens, k: hiddenSize, n: wireSize },
    { m: tokens, k: wireSize, n: hiddenSize },
  ];
}

/** Time of one expert of some width; a token count that is no whole number is rounded up where arrays are. */
export function expertNs(
  shape: ModelShape,
  width: number,
  {
    tokens,
    compute,
    workload,
    inputSize = shape.hiddenSize,
  }: { tokens: number; compute: Compute; workload: Workload; inputSize?: number },
): number {
  // A processor reads weights as they are stored; arrays get them in the format that they multiply in.
  const stored = compute.kind === "roofline" ? { bytesPerWeight: weightBytesOf(shape, workload) } : {};
  return expertGemms(inputSize, width, { tokens, ...stored }).reduce(
    (sum, gemm) => sum + gemmNs(gemm, compute, workload.formats.experts),
    0,
  );
}

/** Makes a function that says what a chiplet takes for the rows of one expert, and for what runs beside them; never less for more rows. */
export function createExpertTimer(
  { hardware, shape }: { hardware: Hardware; shape: ModelShape },
  workload: Workload,
): (rows: number) => number {
  const others = othersBeside(workload);
  const compute = hardware.chiplet;
  const inputSize = expertInput(shape);
  return (rows) =>
    others * expertNs(shape, shape.expertWidth, { tokens: rows, compute, workload, inputSize });
}

/** Casts, norms and activations run beside all the compute that is modelled, for each unit of it. */
function othersBeside({ otherComputeShare }: Workload): number {
  return 1 / (1 - otherComputeShare);
}

/**
 * Expected time of an expert that a number of tokens choose in the mean: without tokens it takes none.
 *
 * With the chance of any there are rows / chance of them.
 */
export function expectedNs(rows: number, nsOf: (rows: number) => number): number {
  return rows === 0 ? 0 : chanceOfRows(rows) * nsOf(rows / chanceOfRows(rows));
}

/** Chance that an expert has any rows, as where tokens choose independently: 1 - exp(-rows). */
export function chanceOfRows(rows: number): number {
  return -Math.expm1(-rows);
}

/** Time on the root chiplet, or on a chiplet with an equal share of the tokens where tokens start everywhere. */
function onRootNs(
  { tokensStart, root, chiplet, numGroups, chipletsPerGroup }: Hardware,
  tokens: number,
  nsOf: (share: { tokens: number; compute: Compute }) => number,
): number {
  return tokensStart === "root"
    ? nsOf({ tokens, compute: root })
    : nsOf({ tokens: tokens / (numGroups * chipletsPerGroup), compute: chiplet });
}
