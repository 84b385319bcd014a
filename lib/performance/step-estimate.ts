/**
 * A fast estimate of the time of one MoE layer, for searches that try many placements. Times that are shown or stored
 * are those of schedules (lib/schedule), never these.
 */
import type { Hardware } from "../hardware/hardware.js";
import type { Machine } from "../hardware/machine.js";
import { expertBytes } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { transferNs, type LinkTimes, type Transport } from "./link-loads.js";
import { sramPlan } from "./memory.js";
import { BACKWARD_COMPUTE, stageTimes, visitsOf, type Batch, type StageTimes } from "./stages.js";
import { formatBytes, sramBytes } from "./systolic.js";

/** Options of {@link estimateLayerNs}. */
export interface EstimateOptions {
  readonly batch: Batch;
  readonly transport: Transport;
  /** Which stages wait for all of the one before, as in lib/schedule/overlap.ts. */
  readonly apart: "all" | "transfers" | "none";
  readonly training: boolean;
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
 * `npm run bench:schedule` prints how far it is from the schedules.
 */
export function estimateLayerNs(traffic: LayerTraffic, machine: Machine, options: EstimateOptions): number {
  const { batch, apart, training } = options;
  const stages = stageTimes(traffic, machine, options);
  const weightsNs = busiestMemoryNs(stages.weightMemoryNs, machine.hardware);
  const lateNs = apart === "all" ? 0 : weightsNs * (1 - prefetchedShare(traffic, machine, options));
  const pass = (computeFactor: number, weightPasses: number) => {
    const attention = stages.attentionNs * computeFactor;
    const shared = stages.sharedNs * computeFactor;
    const way =
      attention +
      transferNs(stages.dispatch) +
      largest(stages.expertsNs) * computeFactor +
      transferNs(stages.combine);
    const saves = training ? busiestMemoryNs(stages.expertSaveNs, machine.hardware) : 0;
    const rootSaves = training ? stages.saveNs : 0;
    const { numMicroBatches } = batch;
    if (apart === "all")
      return weightPasses * weightsNs + numMicroBatches * (way + shared + saves + rootSaves);
    const exposed = Math.max(0, lateNs - attention - transferNs(stages.dispatch));
    const next = apart === "transfers" ? way : slowestNs(stages, machine, computeFactor);
    return Math.max(
      exposed + way + (numMicroBatches - 1) * next,
      weightPasses * weightsNs + numMicroBatches * saves,
      numMicroBatches * (attention + shared),
      numMicroBatches * rootSaves,
    );
  };
  return pass(1, 1) + (training ? pass(BACKWARD_COMPUTE, 2) : 0);
}

/** What each further micro-batch adds where micro-batches overlap: the busiest chiplet, or the busiest link. */
function slowestNs(
  { attentionNs, sharedNs, expertsNs, dispatch, combine }: StageTimes,
  { hardware }: Machine,
  computeFactor: number,
): number {
  const root = attentionNs + sharedNs;
  const experts = largest(expertsNs);
  const links = (pick: (times: LinkTimes) => Float64Array) => {
    const [out, back] = [pick(dispatch), pick(combine)];
    // Where tokens start everywhere a link carries both, since each uses both its directions.
    return hardware.tokensStart === "everywhere"
      ? largest(out.map((ns, link) => ns + back[link]))
      : Math.max(largest(out), largest(back));
  };
  const compute = hardware.tokensStart === "everywhere" ? root + experts : Math.max(root, experts);
  return Math.max(
    compute * computeFactor,
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
  if (memory.of === "chiplet") return largest(perChiplet);
  const busy = new Float64Array(Math.ceil(perChiplet.length / chipletsPerGroup));
  perChiplet.forEach((ns, chiplet) => {
    busy[Math.floor(chiplet / chipletsPerGroup)] += ns;
  });
  return largest(busy);
}

/** Share of a layer's weights that fits into SRAM beside those of the layer before, on the fullest chiplet. */
function prefetchedShare(
  traffic: LayerTraffic,
  { hardware, shape }: Machine,
  { batch, transport }: EstimateOptions,
): number {
  if (hardware.weights === "resident") return 1;
  const visits = visitsOf(traffic, transport);
  const tokenBytes =
    ((batch.numSequences * batch.sequenceLength) / traffic.numTokens) *
    shape.hiddenSize *
    formatBytes(batch.format);
  const bytes = expertBytes(shape);
  return traffic.expertLoad.reduce((least, { length }, chiplet) => {
    if (length === 0) return least;
    const layer = { experts: length, expertBytes: bytes, chunkBytes: 2 * visits[chiplet] * tokenBytes };
    const { prefetched } = sramPlan([layer, layer], {
      sramBytes: sramBytes(hardware.chiplet),
      prefetch: true,
    });
    return Math.min(least, prefetched[1] / length);
  }, 1);
}

function largest(values: Float64Array): number {
  return values.reduce((most, ns) => Math.max(most, ns), 0);
}
