import type { TaskGraph } from "./task-graph.js";

/**
 * Earliest start of every task if no resource were ever busy: its head.
 *
 * head(j) = max over predecessors i of head(i) + lag(i, j). Time O(tasks + edges).
 *
 * @returns Shape [numTasks].
 */
export function earliestStartsNs(graph: TaskGraph): Float64Array {
  const { numTasks, predecessorOffsets, predecessors, predecessorLagNs } = graph;
  const heads = new Float64Array(numTasks);
  for (let task = 0; task < numTasks; task++) {
    let head = 0;
    for (let edge = predecessorOffsets[task]; edge < predecessorOffsets[task + 1]; edge++) {
      head = Math.max(head, heads[predecessors[edge]] + predecessorLagNs[edge]);
    }
    heads[task] = head;
  }
  return heads;
}

/**
 * Time that must pass from the start of every task to the end of everything: its own duration included.
 *
 * remaining(i) = max of duration(i) and, over successors j, lag(i, j) + remaining(j). Time O(tasks + edges).
 *
 * @returns Shape [numTasks].
 */
export function remainingPathsNs(graph: TaskGraph): Float64Array {
  return pathsNs(graph, () => NOBODY);
}

/**
 * The same where tasks of a resource follow each other as they are likely to (`nextOf`): how urgent every task is, but no bound.
 *
 * @returns Shape [numTasks].
 */
export function likelyPathsNs(graph: TaskGraph): Float64Array {
  const { nextOf } = graph;
  return pathsNs(graph, (task) => nextOf[task]);
}

const NOBODY = -1;

function pathsNs(graph: TaskGraph, next: (task: number) => number): Float64Array {
  const { numTasks, durationNs, successorOffsets, successors, successorLagNs } = graph;
  const paths = new Float64Array(numTasks);
  for (let task = numTasks - 1; task >= 0; task--) {
    const follower = next(task);
    let longest = durationNs[task] + (follower === NOBODY ? 0 : paths[follower]);
    for (let edge = successorOffsets[task]; edge < successorOffsets[task + 1]; edge++) {
      longest = Math.max(longest, successorLagNs[edge] + paths[successors[edge]]);
    }
    paths[task] = longest;
  }
  return paths;
}

/**
 * Time that must pass from the start of one task to the start of another that waits for it: the longest path between them.
 *
 * Time O(tasks and edges between them).
 *
 * @returns -Infinity where it does not wait for it.
 */
export function longestPathNs(graph: TaskGraph, { from, to }: { from: number; to: number }): number {
  const { predecessorOffsets, predecessors, predecessorLagNs } = graph;
  const passed = new Float64Array(to - from + 1).fill(-Infinity);
  passed[0] = 0;
  for (let task = from + 1; task <= to; task++) {
    for (let edge = predecessorOffsets[task]; edge < predecessorOffsets[task + 1]; edge++) {
      if (predecessors[edge] < from) continue;
      const ns = passed[predecessors[edge] - from] + predecessorLagNs[edge];
      passed[task - from] = Math.max(passed[task - from], ns);
    }
  }
  return passed[to - from];
}
