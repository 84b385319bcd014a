import { largest, smallest, sum } from "../statistics.js";
import { earliestStartsNs, longestPathNs, remainingPathsNs } from "../task-graph/path-lengths.js";
import { NO_RESOURCE, type TaskGraph } from "../task-graph/task-graph.js";
import { kernelBoundNs, stepOfFew, type LeastDurations } from "./kernel-bound.js";
import type { StepPlan } from "./step-plan.js";

/** Of a layer, what is known of every placement. */
export interface EitherDurations {
  readonly least: LeastDurations;
  /** More than that, of which one holds, whichever that is; none where nothing is known. */
  readonly either: readonly LeastDurations[];
}

/**
 * The bound of {@link kernelBoundNs} where several things may hold of a layer, of which one does.
 *
 * All chiplets wait for each other when a piece has been attended to. So a step takes at least the longest path to where its
 * first layer is attended to, from there to where the next one is, and so on, for any one piece; and each of these is no less than
 * under that answer of its layer which makes it shortest, however the answers of other layers are. Time O(layers * answers) of the
 * bound of two layers.
 *
 * @param layers In the model's order.
 */
export function eitherBoundNs(layers: readonly EitherDurations[], plan: StepPlan): number {
  const boundNs = kernelBoundNs(
    layers.map(({ least }) => least),
    plan,
  );
  if (layers.every(({ either }) => either.length === 0)) return boundNs;
  const answersOf = ({ least, either }: EitherDurations) => (either.length === 0 ? [least] : either);
  if (layers.length === 1) {
    const [only] = layers;
    return Math.max(boundNs, smallest(answersOf(only).map((answer) => kernelBoundNs([answer], plan))));
  }
  // On the way back what a layer takes hangs on its way there; what takes no time is no task.
  if (plan.training || layers.some(({ least }) => least.even.attentionNs === 0)) return boundNs;
  const ways = layers.map((layer, index) => {
    const next = layers.slice(index + 1, index + 2).map(({ least }) => least);
    return answersOf(layer).map((answer) => waysNs(stepOfFew([answer, ...next], plan), plan));
  });
  const numPieces = ways[0][0].length;
  return largest(
    Array.from({ length: numPieces }, (_, piece) => {
      const [first] = ways[0];
      return (
        first[piece].toNs + sum(ways.map((answers) => smallest(answers.map((pieces) => pieces[piece].onNs))))
      );
    }),
    boundNs,
  );
}

/** Of every piece, the way to where the first layer has attended to it, and on from there: to the same in the second layer, or to the end. */
function waysNs(graph: TaskGraph, { numMicroBatches, overlap }: StepPlan): { toNs: number; onNs: number }[] {
  const { kinds, kindOf, resources, resourceOf } = graph;
  const attention = kinds.indexOf("attention");
  const [compute] = [...resources.keys()].filter((resource) => resources[resource] === "chiplet 0");
  const attended: number[] = [];
  for (let task = 0; task < graph.numTasks; task++) {
    if (kindOf[task] === attention && resourceOf[task] === compute) attended.push(endOf(graph, task));
  }
  const numPieces = numMicroBatches * overlap.parts;
  const [starts, remaining] = [earliestStartsNs(graph), remainingPathsNs(graph)];
  return attended.slice(0, numPieces).map((from, piece) => {
    const to = attended.at(numPieces + piece);
    return {
      toNs: starts[from],
      onNs: to === undefined ? remaining[from] : longestPathNs(graph, { from, to }),
    };
  });
}

/** Where all chiplets wait for each other after a task of one. */
function endOf({ successorOffsets, successors, resourceOf }: TaskGraph, task: number): number {
  const joined = successors
    .subarray(successorOffsets[task], successorOffsets[task + 1])
    .find((next) => resourceOf[next] === NO_RESOURCE);
  if (joined === undefined)
    throw new Error("attention on all chiplets ends in a task that waits for all of them");
  return joined;
}
