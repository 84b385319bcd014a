import { InputError } from "../errors.js";
import type { Hardware } from "../hardware/hardware.js";
import { expertBytes, type ModelShape } from "../hardware/model-shapes.js";
import type { Transport } from "../performance/link-loads.js";
import { memoryTransferNs } from "../performance/memory.js";
import { BACKWARD_COMPUTE, stageTimes, visitsOf, type Batch } from "../performance/stages.js";
import { formatBytes, sramBytes } from "../performance/systolic.js";
import type { LayerTraffic } from "../placement/traffic.js";
import type { LayerDurations, StepSite } from "./layer-durations.js";

/** What the task graph of a step has to know of a machine. */
export function stepSite(hardware: Hardware): StepSite {
  const { numGroups, chipletsPerGroup, tokensStart, weights, memory, chiplet } = hardware;
  return {
    numGroups,
    chipletsPerGroup,
    chipletsPerMemory: memory.of === "chiplet group" ? chipletsPerGroup : 1,
    tokensStart,
    sramBytes: weights === "streamed" ? sramBytes(chiplet) : Infinity,
  };
}

/**
 * Asks the performance model how long the stages of a layer take, for a micro-batch cut into chunks.
 *
 * A chunk is a smaller micro-batch, so what chunks lose on half-filled systolic arrays is in its durations.
 *
 * @param cut.parts Divides the sequences of the micro-batch.
 * @throws InputError if the traffic is for other chiplets than the machine has.
 */
export function modelDurations(
  traffic: LayerTraffic,
  machine: { readonly hardware: Hardware; readonly shape: ModelShape },
  cut: {
    batch: Batch;
    transport: Transport;
    parts: number;
    chunks: number;
    optimiserBytesPerWeight?: number | undefined;
  },
): LayerDurations {
  const { hardware, shape } = machine;
  const { numGroups, chipletsPerGroup } = hardware;
  if (traffic.numChiplets !== numGroups * chipletsPerGroup || traffic.chipletsPerGroup !== chipletsPerGroup) {
    throw new InputError(
      `placement: found ${traffic.numChiplets} chiplets in groups of ${traffic.chipletsPerGroup}, expected ` +
        `${numGroups * chipletsPerGroup} in groups of ${chipletsPerGroup} as in ${hardware.name}`,
    );
  }
  const { batch } = cut;
  const transport = { ...cut.transport, multicast: cut.transport.multicast && hardware.multicast };
  const timesOf = (pieces: number) =>
    stageTimes(traffic, machine, {
      batch: { ...batch, numSequences: batch.numSequences / pieces },
      transport,
    });
  const part = timesOf(cut.parts);
  const chunk = timesOf(cut.chunks);
  const chunkTokens = (batch.numSequences * batch.sequenceLength) / cut.chunks;
  const bytesIn = (chunkTokens / traffic.numTokens) * shape.hiddenSize * formatBytes(batch.format);
  const visits = visitsOf(traffic, transport);
  const streamed = hardware.weights === "streamed";
  return {
    attentionNs: part.attentionNs,
    sharedNs: part.sharedNs,
    saveNs: part.saveNs,
    dispatch: chunk.dispatch,
    combine: chunk.combine,
    expertsNs: chunk.expertsNs,
    expertSaveNs: chunk.expertSaveNs,
    backwardFactor: BACKWARD_COMPUTE,
    streamedExperts: traffic.expertLoad.map((experts) => (streamed ? experts.length : 0)),
    expertMemoryNs: memoryTransferNs(hardware, expertBytes(shape)),
    expertLinkNs: expertBytes(shape) / hardware.links.chiplet.bytesPerNs.value,
    updateFactor: 1 + (cut.optimiserBytesPerWeight ?? 0) / shape.bytesPerWeight,
    expertBytes: expertBytes(shape),
    // As they arrive and as they leave.
    chunkBytes: visits.map((tokens) => 2 * tokens * bytesIn),
  };
}
