import { createHash } from "node:crypto";
import { withChiplets, type Hardware } from "../hardware/hardware.js";
import type { CountedLayers } from "../hardware/model-layers.js";
import { findHardware } from "../hardware/presets.js";
import type { Workload } from "../hardware/workload.js";
import type { LoadTrace } from "../trace/load-trace.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import type { RequestedLimits } from "./constraints.js";
import type { DispatchModel } from "./dispatch.js";
import type { Numbering } from "./numbering.js";
import type { Objective } from "./objective.js";
import type { Pin } from "./problem.js";
import type { BackendChoice } from "./backend-choice.js";

/** How a placement came about, besides the solver and the seed: enough to make it again from the same trace. */
export interface Provenance extends Partial<Numbering> {
  /** Version of moeplace. */
  readonly version: string;
  readonly objective: Objective["minimise"];
  /** The machine: a preset with so many chiplets and chiplet groups, or one from a file, whole. */
  readonly hardware: {
    readonly name: string;
    readonly numChiplets: number;
    readonly numGroups: number;
    readonly machine?: Hardware;
  };
  /** Name of the model whose sizes were taken, where they were known. */
  readonly modelShape?: string;
  /** Layers of that model, where the name that the trace gives its own does not tell them. */
  readonly modelLayers?: CountedLayers;
  /** What a step is whose time is told or minimised. */
  readonly workload?: Workload;
  readonly slotsPerChiplet?: number;
  /** Replicas asked for, beyond one of every expert. */
  readonly numReplicas: number;
  /** Replicas over all layers, given to those where they gain most, in place of `numReplicas`. */
  readonly replicaBudget?: number;
  readonly dispatch?: DispatchModel;
  readonly limits: { readonly [Field in keyof RequestedLimits]?: number };
  readonly pins?: readonly Pin[];
  readonly antiAffinity?: readonly (readonly number[])[];
  /** Most moves of a layer away from a running placement, null for any; absent if there was no running placement. */
  readonly maxMoves?: number | null;
  readonly backends: BackendChoice;
  /** Last share of every trace file that was not learned from. */
  readonly holdout: number;
  /** Of the layers as read, the part held out included: see {@link hashTrace}. */
  readonly traceSha256: string;
}

/** Names a machine in a file: a preset by its name, any other whole. */
export function nameHardware(hardware: Hardware): Provenance["hardware"] {
  const { name, numGroups } = hardware;
  const numChiplets = numGroups * hardware.chipletsPerGroup;
  const preset = findHardware(name);
  const isPreset =
    preset !== undefined &&
    JSON.stringify(withChiplets(preset, { numChiplets, numGroups })) === JSON.stringify(hardware);
  return { name, numChiplets, numGroups, ...(!isPreset && { machine: hardware }) };
}

/**
 * SHA-256 of what a trace holds: of every layer in order its number and count as 32-bit integers, then its experts, or its
 * loads, as they are in memory.
 *
 * @returns Hexadecimal.
 */
export function hashTrace(traces: readonly (RoutingTrace | LoadTrace)[]): string {
  const hash = createHash("sha256");
  for (const { layers } of traces) {
    for (const layer of layers) {
      const content = "experts" in layer ? layer.experts : layer.load;
      hash.update(Int32Array.of(layer.layer, content.length));
      hash.update(content);
    }
  }
  return hash.digest("hex");
}
