import { hashTrace, nameHardware, type Provenance } from "../placement/provenance.js";
import type { BackendChoice } from "../placement/solver.js";
import type { LoadTrace } from "../trace/load-trace.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { isRoutingTrace, posedSlots, type PlacementRequest, type PosedMachine } from "./pose.js";

/** What a placement was made from and with. */
export interface Making {
  readonly version: string;
  readonly machine: PosedMachine;
  readonly request: PlacementRequest;
  readonly holdout: number;
  readonly maxMoves?: number | null | undefined;
  readonly backends: BackendChoice;
}

/**
 * Writes down how a placement was made.
 *
 * @param parts The trace files as read, held-out tokens included.
 */
export function provenanceOf(
  parts: readonly (RoutingTrace | LoadTrace)[],
  { version, machine, request, holdout, maxMoves, backends }: Making,
): Provenance {
  const { hardware, shape, workload } = machine;
  const { objective = "traffic", maxLoad, chipletTokenShare, groupTokenShare, dispatch } = request;
  const { pins = [], antiAffinity = [], groupsPerExpert = 1 } = request;
  const named = nameHardware(hardware);
  const [{ numExperts }] = parts;
  const slots = posedSlots(request, { numExperts, numChiplets: named.numChiplets });
  return {
    version,
    objective: isRoutingTrace(parts[0]) ? objective : "load",
    hardware: named,
    ...(shape && { modelShape: shape.name }),
    ...(workload && { workload }),
    ...(slots.slotsPerChiplet !== undefined && { slotsPerChiplet: slots.slotsPerChiplet }),
    numReplicas: slots.numReplicas,
    ...(dispatch && { dispatch }),
    limits: {
      ...(maxLoad !== undefined && { maxLoad }),
      ...(chipletTokenShare !== undefined && { chipletTokenShare }),
      ...(groupTokenShare !== undefined && { groupTokenShare }),
      ...(groupsPerExpert > 1 && { groupsPerExpert }),
    },
    ...(pins.length > 0 && { pins }),
    ...(antiAffinity.length > 0 && { antiAffinity }),
    ...(maxMoves !== undefined && { maxMoves }),
    backends,
    holdout,
    traceSha256: hashTrace(parts),
  };
}

/** What was asked for when a placement was made. */
export function requestOfProvenance(provenance: Provenance): PlacementRequest {
  const { objective, slotsPerChiplet, numReplicas, dispatch, limits, pins, antiAffinity } = provenance;
  return { objective, slotsPerChiplet, numReplicas, dispatch, ...limits, pins, antiAffinity };
}
