/**
 * A fast estimate of the time of one MoE layer, for searches that try many placements. Times that are shown or stored
 * are those of schedules (lib/schedule), never these.
 */
import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { Hardware } from "../hardware/hardware.js";
import type { Machine } from "../hardware/machine.js";
import { expertBytes } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { transferNs, copiesToChiplets } from "./link-loads.js";
import { unitShare } from "./gpu-stages.js";
import { kernelLayerNs } from "./kernel-estimate.js";
import { sramPlan } from "./memory.js";
import { weightBytesOf, wireBytes } from "./piece.js";
import { rememberLast } from "./remember.js";
import { BACKWARD_COMPUTE, createStageTimer, type StageTimes } from "./stages.js";
import { sramBytes } from "./systolic.js";
import type { Workload } from "../hardware/workload.js";
import { microBatchTokens } from "./workload.js";
import { largest } from "../statistics.js";

/** Options of `createLayerEstimate`. */
export interface EstimateOptions {
  readonly workload: Workload;
  /** Which stages wait for all of the one before, as in lib/schedule/overlap.ts. */
  readonly apart: "all" | "transfers" | "none";
}

/**
 * Estimates the time of one MoE layer in closed form, in nanoseconds.
 *
 * Where all stages run apart, the sum of everything: weights, and of every micro-batch attention, shared experts,
 * dispatch, experts, combine and the saving of activations. Exact: the schedule of it is no shorter.
 *
 * Elsewhere the longest of
 * - the way of the tokens: weights that find no room before the layer begins, less what attention and dispatch of the
 *   first micro-batch hide of them, then attention, dispatch, experts and combine, of every micro-batch one after
 *   another where transfers run apart, or of one, and of each other the slowest resource on that way;
 * - the busiest memory: weights and saved activations;
 * - the root: attention and shared experts;
 * - in a training step of a wafer the weights of both passes and what follows them;
 * and in inference on GPUs whose kernels are known exactly what its schedule takes (`kernelLayerNs`).
 * `npm run bench:schedule` prints how far it is from the schedules. What does not depend on the traffic is
 * computed once.
 */
export function createLayerEstimate(
  machine: Machine,
  options: EstimateOptions,
): (traffic: LayerTraffic) => number {
  const tokens = microBatchTokens(options.workload, machine.hardware);
  const besideCompute = options.apart === "none" && options.workload.microBatches > 1;
  const piece = { workload: options.workload, tokens, besideCompute };
  const { kernels, tokensStart, weights } = machine.hardware;
  const isOnGpus = kernels !== undefined && tokensStart === "everywhere" && weights === "resident";
  if (isOnGpus && options.apart === "none" && options.workload.phase !== "train") {
    const { microBatches } = options.workload;
    const ofKernels = createStageTimer(machine, piece, { isOverwritten: true });
    const shareOfUnits = unitShare(machine.hardware, piece);
    return (traffic) => kernelLayerNs(ofKernels(traffic), { microBatches, unitShare: shareOfUnits });
  }
  const stagesOf = createStageTimer(machine, piece, { busiestAlone: true });
  const share = unitShare(machine.hardware, piece);
  const prefetchedOf = createPrefetchedShare(machine, options.workload);
  return (traffic) => estimateOf(traffic, stagesOf(traffic), { machine, options, share, prefetchedOf });
}

interface EstimateContext {
  readonly machine: Machine;
  readonly options: EstimateOptions;
  readonly share: number;
  readonly prefetchedOf: (traffic: LayerTraffic) => number;
}

function estimateOf(
  traffic: LayerTraffic,
  stages: StageTimes,
  { machine, options, share, prefetchedOf }: EstimateContext,
): number {
  const { workload, apart } = options;
  const training = workload.phase === "train";
  const weightsNs = busiestMemoryNs(stages.weightMemoryNs, machine.hardware);
  const lateNs = apart === "all" ? 0 : weightsNs * (1 - prefetchedOf(traffic));
  const pass = (computeFactor: number, weightPasses: number) => {
    const attention = stages.attentionNs * computeFactor;
    const shared = stages.sharedNs * computeFactor;
    const way =
      attention +
      transferNs(stages.dispatch) +
      largest(stages.expertsNs, 0) * computeFactor +
      transferNs(stages.combine);
    const saves = training ? busiestMemoryNs(stages.expertSaveNs, machine.hardware) : 0;
    const rootSaves = training ? stages.saveNs : 0;
    const { microBatches } = workload;
    if (apart === "all") return weightPasses * weightsNs + microBatches * (way + shared + saves + rootSaves);
    const exposed = Math.max(0, lateNs - attention - transferNs(stages.dispatch));
    const next = apart === "transfers" ? way : slowestNs(stages, machine, { computeFactor, share });
    return Math.max(
      exposed + way + (microBatches - 1) * next,
      weightPasses * weightsNs + microBatches * saves,
      microBatches * (attention + shared),
      microBatches * rootSaves,
    );
  };
  if (!training) return pass(1, 1);
  const passesNs = pass(1, 1) + pass(BACKWARD_COMPUTE, 2);
  const turns = apart === "none" && machine.hardware.tokensStart === "root";
  return turns ? Math.max(passesNs, turnedNs(stages, machine.hardware, workload.microBatches)) : passesNs;
}

/**
 * All weights in twice, what the experts keep of one micro-batch saved and reloaded, its experts backward, and then all attention backward:
 * passes overlap where memories are ahead of it, but attention cannot begin backward before.
 */
function turnedNs(
  { attentionNs, expertsNs, weightMemoryNs, expertSaveNs, dispatch, combine }: StageTimes,
  { memory, chipletsPerGroup }: Hardware,
  microBatches: number,
): number {
  const perMemory = memory.of === "chiplet" ? 1 : chipletsPerGroup;
  let latestNs = 0;
  for (let first = 0; first < expertsNs.length; first += perMemory) {
    let ns = 0;
    for (let chiplet = first; chiplet < first + perMemory; chiplet++) {
      // Chiplets get their experts one after another: the last has its part of the compute still to do, in the mean.
      const ownNs = BACKWARD_COMPUTE * expertsNs[chiplet] + dispatch.chipletNs[chiplet];
      ns += 2 * (weightMemoryNs[chiplet] + expertSaveNs[chiplet]) + ownNs / perMemory;
    }
    latestNs = Math.max(latestNs, ns);
  }
  return latestNs + combine.latencyNs + dispatch.latencyNs + microBatches * BACKWARD_COMPUTE * attentionNs;
}

/** What each further micro-batch adds where micro-batches overlap: the busiest chiplet, or the busiest link. */
function slowestNs(
  { attentionNs, sharedNs, expertsNs, dispatch, combine }: StageTimes,
  { hardware }: Machine,
  { computeFactor, share }: { computeFactor: number; share: number },
): number {
  const root = attentionNs + sharedNs;
  const experts = largest(expertsNs, 0);
  // Where tokens start everywhere a link carries both, since each uses both its directions.
  const busiest = (out: Float64Array, back: Float64Array) => {
    const both = hardware.tokensStart === "everywhere";
    let ns = 0;
    for (let link = 0; link < out.length; link++) {
      const linkNs = both ? out[link] + back[link] : Math.max(out[link], back[link]);
      if (linkNs > ns) ns = linkNs;
    }
    return ns;
  };
  const chipletLinks = busiest(dispatch.chipletNs, combine.chipletNs);
  const compute = hardware.tokensStart === "everywhere" ? root + experts : Math.max(root, experts);
  return Math.max(
    compute * computeFactor + share * chipletLinks,
    busiest(dispatch.rootNs, combine.rootNs),
    chipletLinks,
  );
}

/**
 * Time of the memory that is busiest with one transfer to every chiplet.
 *
 * @param perChiplet Time of the transfer to each chiplet. Shape [numChiplets].
 */
export function busiestMemoryNs(perChiplet: Float64Array, { memory, chipletsPerGroup }: Hardware): number {
  if (memory.of === "chiplet") return largest(perChiplet, 0);
  const busy = new Float64Array(Math.ceil(perChiplet.length / chipletsPerGroup));
  perChiplet.forEach((ns, chiplet) => {
    busy[groupOfChiplet(chiplet, chipletsPerGroup)] += ns;
  });
  return largest(busy, 0);
}

/**
 * Makes what says which share of a layer's weights fits into SRAM beside those of the layer before, on the fullest chiplet;
 * it remembers the last of every chiplet.
 */
function createPrefetchedShare(
  { hardware, shape }: Machine,
  workload: Workload,
): (traffic: LayerTraffic) => number {
  if (hardware.weights === "resident") return () => 1;
  const tokens = microBatchTokens(workload, hardware);
  const bothWays = wireBytes(shape, workload.formats.dispatch) + wireBytes(shape, workload.formats.combine);
  const bytes = expertBytes(shape, weightBytesOf(shape, workload));
  const shareOf = rememberLast(hardware.numGroups * hardware.chipletsPerGroup, (length, copies, scale) => {
    const layer = { experts: length, expertBytes: bytes, chunkBytes: copies * scale * bothWays };
    const { prefetched } = sramPlan([layer, layer], {
      sramBytes: sramBytes(hardware.chiplet),
      prefetch: true,
    });
    return prefetched[1] / length;
  });
  return (traffic) => {
    const copies = copiesToChiplets(traffic, workload.transport);
    const scale = tokens / traffic.numTokens;
    return traffic.expertLoad.reduce(
      (least, { length }, chiplet) =>
        length === 0 ? least : Math.min(least, shareOf(chiplet, length, copies[chiplet], scale)),
      1,
    );
  };
}
