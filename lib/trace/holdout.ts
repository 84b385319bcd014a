import { InputError } from "../errors.js";
import { concatTraces, splitHoldout, type RoutingTrace } from "./routing-trace.js";

/** A trace split in time: the end of each of its files is held out. */
export interface SplitTrace {
  readonly learn: RoutingTrace;
  /** Undefined where nothing is held out. */
  readonly heldOut: RoutingTrace | undefined;
}

/** Holds out the end of every part, so that every file is judged on, and no sequence is on both sides. */
export function splitParts(parts: readonly RoutingTrace[], fraction: number): SplitTrace {
  if (fraction === 0) return { learn: concatTraces(parts), heldOut: undefined };
  const splits = parts.map((part) => splitHoldout(part, fraction));
  return {
    learn: concatTraces(splits.map(({ learn }) => learn)),
    heldOut: concatTraces(splits.map(({ heldOut }) => heldOut)),
  };
}

/**
 * Leaves only some layers of a trace, or of loads.
 *
 * @param wanted Numbers of the layers as the model counts them.
 * @throws InputError if the trace lacks one of them.
 */
export function selectLayers<T extends { readonly layers: readonly { readonly layer: number }[] }>(
  trace: T,
  wanted: readonly number[],
): T {
  const known = new Set(trace.layers.map(({ layer }) => layer));
  const missing = wanted.find((layer) => !known.has(layer));
  if (missing !== undefined) {
    throw new InputError(`layers: found ${missing}, expected layers of the trace: ${[...known].join(", ")}`);
  }
  return { ...trace, layers: trace.layers.filter(({ layer }) => wanted.includes(layer)) };
}
