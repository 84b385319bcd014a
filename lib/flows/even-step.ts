import type { LayerPlacement } from "../placement/placement.js";
import type { PlacementProblem } from "../placement/problem.js";
import { renumberChiplets } from "../placement/renumber.js";
import { countTraffic } from "../placement/traffic.js";
import { expertActivationBytes } from "../performance/stages.js";
import { microBatchTokens } from "../performance/workload.js";
import { scheduledWorkload, stepMakespanNs } from "../schedule/schedule-step.js";

/**
 * Renumbers the chiplets of layers where that makes the step of all layers faster: each layer was placed for its own
 * time, to which numbers mean nothing, while memories work for all layers.
 *
 * Only where time is the objective, and where numbers are free: without pins and replicas.
 *
 * @param problems Those of the layers, in the same order.
 */
export function evenStep(
  layers: readonly LayerPlacement[],
  problems: readonly PlacementProblem[],
): readonly LayerPlacement[] {
  const [{ objective, chipletsPerGroup }] = problems;
  if (objective.minimise !== "time") return layers;
  if (problems.some(({ pins, numReplicas }) => pins.length > 0 || numReplicas > 0)) return layers;
  const { machine } = objective;
  const workload = scheduledWorkload(machine);
  const trafficOf = (all: readonly Pick<LayerPlacement, "chiplets">[]) =>
    all.map(({ chiplets }, index) => countTraffic(problems[index].patterns, chiplets, problems[index]));
  const traffic = trafficOf(layers);
  // What a memory saves for its chiplet: what arrives there, and what its experts make of it.
  const tokens = microBatchTokens(workload, machine.hardware);
  const numbered = layers.map(({ chiplets }, index) => ({
    chiplets,
    work: expertActivationBytes(traffic[index], machine.shape, { workload, tokens }),
  }));
  const renumbered = renumberChiplets(numbered, chipletsPerGroup).map((chiplets, index) => ({
    ...layers[index],
    chiplets,
  }));
  const isFaster = stepMakespanNs(trafficOf(renumbered), machine) < stepMakespanNs(traffic, machine);
  return isFaster ? renumbered : layers;
}
