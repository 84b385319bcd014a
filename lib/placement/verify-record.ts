import { InputError } from "../errors.js";
import { checkWorkload } from "../hardware/check-workload.js";
import { findHardware } from "../hardware/presets.js";
import { numberingOf } from "./numbering.js";
import type { LayerPlacement, Placement } from "./placement.js";
import type { Provenance } from "./provenance.js";
import { SHARE_ROUNDING } from "./tolerance.js";
import { heldViolations } from "./verify.js";

/**
 * Lists where a sound placement is not what its provenance says it was made to be: the machine, a step that can be, how many
 * replicas there are at most, pins, experts kept apart, groups of the router, even slots, and limits, as far as they show
 * without the tokens (`verifyAgainstTrace` counts those).
 *
 * Fewer replicas than asked for are right: limits may leave room for no more.
 *
 * @returns One sentence a violation; empty if nothing is wrong, or nothing is said of how it was made.
 *
 * @example
 * verifyRecord(placement); // []; else such as "layer 0: expert 0 is not on chiplet 7, to which it is pinned"
 */
export function verifyRecord(placement: Placement): string[] {
  const { provenance, layers } = placement;
  if (provenance === undefined) return [];
  return [
    ...hardwareViolations(placement, provenance),
    ...workloadViolations(provenance),
    ...dispatchViolations(placement, provenance),
    ...budgetViolations(placement, provenance),
    ...layers.flatMap((layer) =>
      layerViolations(layer, { placement, provenance }).map(
        (violation) => `layer ${layer.layer}: ${violation}`,
      ),
    ),
  ];
}

function hardwareViolations(
  { numChiplets, numGroups }: Placement,
  { hardware: { name, machine, ...made } }: Provenance,
): string[] {
  const violations: string[] = [];
  const where = "provenance.hardware";
  if (machine === undefined && findHardware(name) === undefined) {
    violations.push(`${where}: found ${name}, which is no preset, expected the machine whole`);
  }
  if (made.numChiplets !== numChiplets) {
    violations.push(
      `${where}: found ${made.numChiplets} chiplets, expected the ${numChiplets} of the placement`,
    );
  }
  if (numGroups !== undefined && made.numGroups !== numGroups) {
    violations.push(`${where}: found ${made.numGroups} groups, expected the ${numGroups} of the placement`);
  }
  return violations;
}

function workloadViolations({ workload }: Provenance): string[] {
  if (workload === undefined) return [];
  try {
    checkWorkload(workload);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return [`provenance.workload: ${error.message}`];
  }
}

function dispatchViolations(placement: Placement, { dispatch: asked }: Provenance): string[] {
  const { dispatch } = placement;
  if (asked === undefined || dispatch === undefined || asked === dispatch) return [];
  return [`provenance.dispatch: found ${asked}, expected ${dispatch}, as tokens of the placement choose`];
}

function budgetViolations({ numExperts, layers }: Placement, { replicaBudget }: Provenance): string[] {
  if (replicaBudget === undefined) return [];
  const numReplicas = layers.reduce((sum, { chiplets }) => sum + chiplets.flat().length - numExperts, 0);
  if (numReplicas <= replicaBudget) return [];
  return [`found ${numReplicas} replicas over all layers, the budget is ${replicaBudget}`];
}

function layerViolations(
  { chiplets, load }: LayerPlacement,
  { placement, provenance }: { placement: Placement; provenance: Provenance },
): string[] {
  const { numExperts, numChiplets, numGroups = provenance.hardware.numGroups } = placement;
  const { limits, replicaBudget, numReplicas, slotsPerChiplet = Infinity } = provenance;
  const { maxLoad = Infinity, groupExperts = Infinity, groupsPerExpert = 1 } = limits;
  const violations = heldViolations(
    {
      numExperts,
      numChiplets,
      chipletsPerGroup: numChiplets / numGroups,
      slotsPerChiplet,
      // Of a budget every layer has what it was given, which the file does not tell.
      numReplicas: replicaBudget === undefined ? numReplicas : Infinity,
      limits: { groupExperts, groupsPerExpert },
      pins: provenance.pins ?? [],
      antiAffinity: provenance.antiAffinity ?? [],
      ...numberingOf(provenance),
    },
    chiplets,
  );
  if (load !== undefined && load.cost > maxLoad * (1 + SHARE_ROUNDING)) {
    violations.push(`the largest load over the mean is ${load.cost}, the limit is ${maxLoad}`);
  }
  return violations;
}
