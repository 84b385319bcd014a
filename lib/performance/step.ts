/**
 * Time of one MoE layer and of a step in closed form, under the four configurations of the Mozart paper.
 */
import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { transferNs, type Transport } from "./link-loads.js";
import { sramPlan } from "./memory.js";
import { BACKWARD_COMPUTE, stageTimes, type Batch } from "./stages.js";

/** A model on a machine. */
export interface Machine {
  readonly hardware: Hardware;
  readonly shape: ModelShape;
}

/** How a step is run. */
export interface Configuration {
  /** Whether stages that use different resources run at the same time. */
  readonly overlap: boolean;
  readonly transport: Transport;
}

/**
 * The configurations of the Mozart paper; B and C differ in the placement alone. From B on a switch copies a token to
 * several of its chiplets, and sums what they return.
 *
 * Source: Mozart (arXiv:2603.07006), section 5; in-switch multicast and reduction: section 4.4.
 */
export const CONFIGURATIONS = {
  baseline: { overlap: false, transport: { copies: "per expert", multicast: false } },
  A: { overlap: true, transport: { copies: "per expert", multicast: false } },
  B: { overlap: true, transport: { copies: "per chiplet", multicast: true } },
  C: { overlap: true, transport: { copies: "per chiplet", multicast: true } },
} as const satisfies Record<string, Configuration>;

/** Time of one layer in one step, all its micro-batches. */
export interface LayerTime {
  readonly forwardNs: number;
  /** 0 without training. */
  readonly backwardNs: number;
  readonly totalNs: number;
}

/** Options of {@link layerTime}. */
export interface StepOptions {
  readonly batch: Batch;
  readonly configuration: Configuration;
  readonly training: boolean;
}

/**
 * Time of one MoE layer in closed form.
 *
 * Without overlap, the sum of everything: weights, and of every micro-batch attention, shared experts, dispatch,
 * experts, combine and the saving of activations. Exact: the schedule of it is no shorter.
 *
 * With overlap, an estimate of what a list schedule reaches: the longest of
 * - the way of the tokens: weights that find no room before the layer begins, less what attention and dispatch of the
 *   first micro-batch hide of them, then attention, dispatch, experts and combine of every micro-batch;
 * - the busiest memory: weights and saved activations;
 * - the root: attention and shared experts.
 * docs/performance-model.md prints how far it is from the schedules.
 */
export function layerTime(traffic: LayerTraffic, machine: Machine, options: StepOptions): LayerTime {
  const { batch, configuration, training } = options;
  const { hardware } = machine;
  const stages = stageTimes(traffic, machine, { batch, transport: configuration.transport });
  const weightsNs = busiestMemoryNs(stages.weightMemoryNs, hardware);
  const lateNs = configuration.overlap ? weightsNs * (1 - prefetchedShare(traffic, machine, options)) : 0;
  const pass = (computeFactor: number, weightPasses: number) => {
    const attention = stages.attentionNs * computeFactor;
    const shared = stages.sharedNs * computeFactor;
    const way =
      attention +
      transferNs(stages.dispatch) +
      largest(stages.expertsNs) * computeFactor +
      transferNs(stages.combine);
    const saves = training ? busiestMemoryNs(stages.expertSaveNs, hardware) : 0;
    const rootSaves = training ? stages.saveNs : 0;
    const { numMicroBatches } = batch;
    if (!configuration.overlap) {
      return weightPasses * weightsNs + numMicroBatches * (way + shared + saves + rootSaves);
    }
    const exposed = Math.max(0, lateNs - attention - transferNs(stages.dispatch));
    return Math.max(
      exposed + numMicroBatches * way,
      weightPasses * weightsNs + numMicroBatches * saves,
      numMicroBatches * (attention + shared),
      numMicroBatches * rootSaves,
    );
  };
  const forwardNs = pass(1, 1);
  const backwardNs = training ? pass(BACKWARD_COMPUTE, 2) : 0;
  return { forwardNs, backwardNs, totalNs: forwardNs + backwardNs };
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
  { batch, configuration }: StepOptions,
): number {
  if (hardware.weights === "resident") return 1;
  const { copies } = configuration.transport;
  const visits = copies === "per expert" ? traffic.chipletLoad : traffic.chipletTokens;
  const tokensOf = (batch.numSequences * batch.sequenceLength) / traffic.numTokens;
  return traffic.expertLoad.reduce((least, { length }, chiplet) => {
    const { roomForNext } = sramPlan(hardware, shape, {
      numExperts: length,
      tokens: visits[chiplet] * tokensOf,
      format: batch.format,
    });
    return length === 0 ? least : Math.min(least, roomForNext / length);
  }, 1);
}

function largest(values: Float64Array): number {
  return values.reduce((most, one) => Math.max(most, one), 0);
}
