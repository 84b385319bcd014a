import { layersBeyondName } from "../hardware/model-layers.js";
import { requestedLimits } from "../placement/constraints.js";
import { requestedNumbering } from "../placement/numbering.js";
import type { Placement } from "../placement/placement.js";
import { hashTrace, nameHardware, type Provenance } from "../placement/provenance.js";
import type { BackendChoice } from "../placement/backend-choice.js";
import type { LoadTrace } from "../trace/load-trace.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { readVersion } from "../version.js";
import type { PlaceOutcome } from "./place.js";
import { isRoutingTrace, posedSlots, type PlacementRequest, type PosedMachine } from "./pose.js";

/** What a placement was made from and with. */
export interface Making {
  readonly machine: PosedMachine;
  readonly request: PlacementRequest;
  readonly holdout: number;
  readonly maxMoves?: number | null | undefined;
  readonly replicaBudget?: number | undefined;
  readonly backends: BackendChoice;
}

/**
 * Writes down how a placement was made.
 *
 * @param parts The trace files as read, held-out tokens included.
 */
export function provenanceOf(
  parts: readonly (RoutingTrace | LoadTrace)[],
  { machine, request, holdout, maxMoves, replicaBudget, backends }: Making,
): Provenance {
  const { hardware, shape, workload } = machine;
  const { objective = "traffic", dispatch } = request;
  const { pins = [], antiAffinity = [] } = request;
  const named = nameHardware(hardware);
  const [{ model, numExperts, layers }] = parts;
  const modelLayers = shape && layersBeyondName(shape, { model, layers: layers.map(({ layer }) => layer) });
  const slots = posedSlots(request, { numExperts, numChiplets: named.numChiplets });
  return {
    version: readVersion(),
    objective: isRoutingTrace(parts[0]) ? objective : "load",
    hardware: named,
    ...(shape && { modelShape: shape.name }),
    ...(modelLayers && { modelLayers }),
    ...(workload && { workload }),
    ...(slots.slotsPerChiplet !== undefined && { slotsPerChiplet: slots.slotsPerChiplet }),
    numReplicas: slots.numReplicas,
    ...(dispatch && { dispatch }),
    limits: requestedLimits(request),
    ...(pins.length > 0 && { pins }),
    ...(antiAffinity.length > 0 && { antiAffinity }),
    ...requestedNumbering(request),
    ...(maxMoves !== undefined && { maxMoves }),
    ...(replicaBudget !== undefined && { replicaBudget }),
    backends,
    holdout,
    traceSha256: hashTrace(parts),
  };
}

/** A found placement as its file holds it: with its groups and slots, who made it, and how. */
export function recordPlacement(
  { placement, solver }: Extract<PlaceOutcome, { status: "placed" }>,
  { provenance, seed }: { readonly provenance: Provenance; readonly seed: number },
): Placement {
  const { hardware, slotsPerChiplet, limits } = provenance;
  const { groupsPerExpert } = limits;
  return {
    ...placement,
    numGroups: hardware.numGroups,
    ...(slotsPerChiplet !== undefined && { slotsPerChiplet }),
    ...(groupsPerExpert !== undefined && { groupsPerExpert }),
    solver,
    seed,
    provenance,
  };
}

/** What was asked for when a placement was made; what else its provenance says is no part of a request. */
export function requestOfProvenance(provenance: Provenance): PlacementRequest {
  return { ...provenance, ...provenance.limits };
}
