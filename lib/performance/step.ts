/**
 * Time of one MoE layer and of a step in closed form, under the four configurations of the Mozart paper.
 */
import type { Hardware } from "../hardware.js";
import type { ModelShape } from "../model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { transferNs, type Transport } from "./link-loads.js";
import { BACKWARD_COMPUTE, stageTimes, type Batch, type StageTimes } from "./stages.js";

/** How a step is run. */
export interface Configuration {
  /** Whether stages that use different resources run at the same time. */
  readonly overlap: boolean;
  readonly transport: Transport;
}

/**
 * The configurations of the Mozart paper; B and C differ in the placement alone.
 *
 * Source: Mozart (arXiv:2603.07006), section 5.
 */
export const CONFIGURATIONS = {
  baseline: { overlap: false, transport: { copies: "per expert", multicast: false } },
  A: { overlap: true, transport: { copies: "per expert", multicast: false } },
  B: { overlap: true, transport: { copies: "per chiplet", multicast: false } },
  C: { overlap: true, transport: { copies: "per chiplet", multicast: false } },
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
 * Time of one MoE layer.
 *
 * Without overlap: weights + micro-batches * (attention + shared + dispatch + experts + combine + save). With it, of
 * each micro-batch max(attention + save, experts) is hidden under the transfers where those take longer, and so are
 * the weights under attention: max(weights, attention of all) + (dispatch + experts + combine) of all.
 */
export function layerTime(
  traffic: LayerTraffic,
  machine: { hardware: Hardware; shape: ModelShape },
  { batch, configuration, training }: StepOptions,
): LayerTime {
  const stages = stageTimes(traffic, machine, { batch, transport: configuration.transport });
  const weightsNs = weightStreamNs(stages, traffic.chipletsPerGroup, machine.hardware);
  const pass = (computeFactor: number, weightPasses: number) => {
    const local =
      batch.numMicroBatches * ((stages.attentionNs + stages.sharedNs) * computeFactor + stages.saveNs);
    const remote =
      batch.numMicroBatches *
      (transferNs(stages.dispatch) +
        transferNs(stages.combine) +
        stages.expertsNs.reduce((most, one) => Math.max(most, one), 0) * computeFactor);
    const weights = weightPasses * weightsNs;
    return remote + (configuration.overlap ? Math.max(local, weights) : local + weights);
  };
  const forwardNs = pass(1, 1);
  const backwardNs = training ? pass(BACKWARD_COMPUTE, 2) : 0;
  return { forwardNs, backwardNs, totalNs: forwardNs + backwardNs };
}

/** Time to stream all experts of a layer once: the slowest memory, or the slowest link where that is longer. */
export function weightStreamNs(stages: StageTimes, chipletsPerGroup: number, hardware: Hardware): number {
  let slowest = 0;
  const numChiplets = stages.weightMemoryNs.length;
  const served = hardware.memory.of === "chiplet group" ? chipletsPerGroup : 1;
  for (let first = 0; first < numChiplets; first += served) {
    let memory = 0;
    for (let chiplet = first; chiplet < first + served; chiplet++) {
      memory += Math.max(stages.weightMemoryNs[chiplet], stages.weightLinkNs[chiplet]);
    }
    slowest = Math.max(slowest, memory);
  }
  return slowest;
}
