import { largest, sum } from "../statistics.js";
import { remainingPathsNs } from "../task-graph/path-lengths.js";
import type { TaskGraph } from "../task-graph/task-graph.js";
import type { LayerDurations } from "./layer-durations.js";
import { buildStepGraph } from "./step-graph.js";
import type { StepPlan } from "./step-plan.js";

/** Of a layer, what some chiplet takes at least. */
export interface LeastDurations {
  /** What all chiplets take in the mean, each alike. */
  readonly even: LayerDurations;
  /** Each what one of the chiplets takes, whichever that is; each alike. */
  readonly hottest: readonly LayerDurations[];
}

/**
 * A time that no step is below of chiplets that start their kernels in order: the longest path of the same step on a few chiplets, each of
 * which takes what some chiplet takes at least.
 *
 * A path through the task graph of a step keeps to one chiplet until all wait for each other: at the end of attention, of
 * dispatch and of combine; from there it goes on on any. What it keeps to may be
 *
 * - the mean of all, in every layer: its part is a sum of durations, of which some chiplet has no less than the mean;
 * - in one layer, a chiplet that is hottest there. Of what it has in other layers nothing is known but that it attends, too.
 *
 * So every path through the graph of the one chiplet and of the others, one for each answer of each layer, is no longer than one
 * through that of the step. Time O(layers^2 * micro-batches * chunks * answers).
 *
 * @param layers In the model's order, of a machine where tokens start everywhere and links of groups take no time.
 */
export function kernelBoundNs(layers: readonly LeastDurations[], plan: StepPlan): number {
  return largest(remainingPathsNs(stepOfFew(layers, plan)));
}

/** The step on one chiplet that is the mean of all, and one for each that is hottest in a layer. */
export function stepOfFew(layers: readonly LeastDurations[], plan: StepPlan): TaskGraph {
  const numChiplets = 1 + sum(layers.map(({ hottest }) => hottest.length));
  let first = 1;
  const durations = layers.map(({ even, hottest }) => {
    const at = first;
    first += hottest.length;
    const together = (of: (durations: LayerDurations) => Float64Array) => {
      const perChiplet = new Float64Array(numChiplets);
      perChiplet[0] = of(even)[0];
      hottest.forEach((one, index) => {
        perChiplet[at + index] = of(one)[0];
      });
      return perChiplet;
    };
    const transfer = (way: "dispatch" | "combine") => ({
      rootNs: new Float64Array(1),
      chipletNs: together((one) => one[way].chipletNs),
      latencyNs: 0,
    });
    const none = new Float64Array(numChiplets);
    return {
      ...even,
      dispatch: transfer("dispatch"),
      combine: transfer("combine"),
      expertsNs: together((one) => one.expertsNs),
      expertSaveNs: none,
      streamedExperts: none,
      chunkBytes: none,
    };
  });
  const site = {
    ...plan.site,
    numGroups: 1,
    chipletsPerGroup: numChiplets,
    chipletsPerMemory: 1,
    sramBytes: Infinity,
  };
  return buildStepGraph(durations, { ...plan, site });
}
