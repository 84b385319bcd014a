import { IN_FLIGHT } from "../performance/memory.js";
import type { LayerDurations } from "./layer-durations.js";

/** How the SRAM of one chiplet is shared out over a step. */
export interface SramPlan {
  /** Experts of each layer, as the layers run, that may arrive while the layer before is still at work. */
  readonly prefetched: readonly number[];
  /** Room for tokens, at least one chunk. */
  readonly tokenBytes: number;
}

/**
 * Plans the SRAM of a chiplet: the weights of the layer at work, then a few chunks of tokens, then as many experts
 * of the next layer as still fit.
 *
 * @param layers In the order in which they run.
 */
export function planSram(
  layers: readonly LayerDurations[],
  chiplet: number,
  { sramBytes, prefetch }: { sramBytes: number; prefetch: boolean },
): SramPlan {
  const weightBytes = layers.map((layer) => layer.streamedExperts[chiplet] * layer.expertBytes);
  const largestChunk = layers.reduce((most, layer) => Math.max(most, layer.chunkBytes[chiplet]), 0);
  const reserved = IN_FLIGHT * largestChunk;
  const prefetched = layers.map((layer, index) => {
    if (!prefetch || index === 0) return 0;
    const spare = sramBytes - weightBytes[index - 1] - reserved;
    const fitting = Math.max(0, Math.floor(spare / layer.expertBytes));
    return Math.min(layer.streamedExperts[chiplet], fitting);
  });
  const rooms = weightBytes.map((bytes, index) => {
    const ahead = index + 1 < layers.length ? prefetched[index + 1] * layers[index + 1].expertBytes : 0;
    return sramBytes - bytes - ahead;
  });
  return { prefetched, tokenBytes: Math.max(largestChunk, Math.min(...rooms)) };
}
