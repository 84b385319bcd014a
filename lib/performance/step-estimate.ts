/**
 * A fast estimate of the time of one MoE layer, for searches that try many placements. Times that are shown or stored
 * are those of schedules (lib/schedule), never these.
 */
import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { Hardware } from "../hardware/hardware.js";
import type { Machine } from "../hardware/machine.js";
import { expertBytes } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { transferNs, copiesToChiplets, type LinkTimes } from "./link-loads.js";
import { unitShare } from "./gpu-stages.js";
import { sramPlan } from "./memory.js";
import { weightBytesOf, wireBytes } from "./piece.js";
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
 * - the root: attention and shared experts.
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
  const stagesOf = createStageTimer(machine, piece);
  const share = unitShare(machine.hardware, piece);
  return (traffic) => estimateOf(traffic, stagesOf(traffic), { machine, options, share });
}

function estimateOf(
  traffic: LayerTraffic,
  stages: StageTimes,
  { machine, options, share }: { machine: Machine; options: EstimateOptions; share: number },
): number {
  const { workload, apart } = options;
  const training = workload.phase === "train";
  const weightsNs = busiestMemoryNs(stages.weightMemoryNs, machine.hardware);
  const lateNs = apart === "all" ? 0 : weightsNs * (1 - prefetchedShare(traffic, machine, options));
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
  return pass(1, 1) + (training ? pass(BACKWARD_COMPUTE, 2) : 0);
}

/** What each further micro-batch adds where micro-batches overlap: the busiest chiplet, or the busiest link. */
function slowestNs(
  { attentionNs, sharedNs, expertsNs, dispatch, combine }: StageTimes,
  { hardware }: Machine,
  { computeFactor, share }: { computeFactor: number; share: number },
): number {
  const root = attentionNs + sharedNs;
  const experts = largest(expertsNs, 0);
  const links = (pick: (times: LinkTimes) => Float64Array) => {
    const [out, back] = [pick(dispatch), pick(combine)];
    // Where tokens start everywhere a link carries both, since each uses both its directions.
    return hardware.tokensStart === "everywhere"
      ? largest(out.map((ns, link) => ns + back[link]))
      : Math.max(largest(out, 0), largest(back, 0));
  };
  const compute = hardware.tokensStart === "everywhere" ? root + experts : Math.max(root, experts);
  const sending = share * links(({ chipletNs }) => chipletNs);
  return Math.max(
    compute * computeFactor + sending,
    links(({ rootNs }) => rootNs),
    links(({ chipletNs }) => chipletNs),
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

/** Share of a layer's weights that fits into SRAM beside those of the layer before, on the fullest chiplet. */
function prefetchedShare(
  traffic: LayerTraffic,
  { hardware, shape }: Machine,
  { workload }: EstimateOptions,
): number {
  if (hardware.weights === "resident") return 1;
  const copies = copiesToChiplets(traffic, workload.transport);
  const scale = microBatchTokens(workload, hardware) / traffic.numTokens;
  const bothWays = wireBytes(shape, workload.formats.dispatch) + wireBytes(shape, workload.formats.combine);
  const bytes = expertBytes(shape, weightBytesOf(shape, workload));
  return traffic.expertLoad.reduce((least, { length }, chiplet) => {
    if (length === 0) return least;
    const layer = { experts: length, expertBytes: bytes, chunkBytes: copies[chiplet] * scale * bothWays };
    const { prefetched } = sramPlan([layer, layer], {
      sramBytes: sramBytes(hardware.chiplet),
      prefetch: true,
    });
    return Math.min(least, prefetched[1] / length);
  }, 1);
}
