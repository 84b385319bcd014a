import type { Schedule } from "./list-schedule.js";
import { NO_RESOURCE, type TaskGraph } from "./task-graph.js";

/** A stretch of the critical path. */
export interface CriticalStep {
  readonly task: number;
  readonly fromNs: number;
  /** Where the next step begins; the end of the schedule for the last. */
  readonly untilNs: number;
  /** Why the task did not start earlier: it waits for data, for its resource, or it is the first. */
  readonly heldBy: "predecessor" | "resource" | "nothing";
}

/**
 * A chain of tasks that explains the makespan: each starts the moment the one before lets it.
 *
 * The steps cover [0, makespan] without gaps or overlaps in a schedule made by `listSchedule`; in a schedule with
 * needless idle time the first step begins later than 0. A task may hold up its successor before it ends (a
 * transfer that is forwarded while it arrives) or after (latency), so a step need not be as long as its task.
 * Of several reasons, data comes before the resource, then the lowest task. Time O(tasks + edges).
 */
export function criticalPath(graph: TaskGraph, { startNs, order, makespanNs }: Schedule): CriticalStep[] {
  const { numTasks, durationNs, predecessorOffsets, predecessors, predecessorLagNs } = graph;
  const before = tasksBefore(graph, order);
  let task = 0;
  for (let candidate = 1; candidate < numTasks; candidate++) {
    if (startNs[candidate] + durationNs[candidate] > startNs[task] + durationNs[task]) task = candidate;
  }
  const path: CriticalStep[] = [];
  let untilNs = makespanNs;
  for (;;) {
    const fromNs = startNs[task];
    let next = -1;
    let heldBy: CriticalStep["heldBy"] = "nothing";
    for (let edge = predecessorOffsets[task]; edge < predecessorOffsets[task + 1]; edge++) {
      const predecessor = predecessors[edge];
      if (startNs[predecessor] + predecessorLagNs[edge] < fromNs) continue;
      if (next < 0 || predecessor < next) next = predecessor;
      heldBy = "predecessor";
    }
    if (next < 0 && before[task] >= 0 && startNs[before[task]] + durationNs[before[task]] >= fromNs) {
      next = before[task];
      heldBy = "resource";
    }
    path.push({ task, fromNs, untilNs, heldBy });
    if (next < 0) return path.reverse();
    task = next;
    untilNs = fromNs;
  }
}

/**
 * What the makespan went into: the time of every kind of task along a critical path, the longest first.
 *
 * @example
 * timeByKind(graph, criticalPath(graph, schedule)); // [{ kind: "weights", ns: 10 }, { kind: "experts", ns: 10 }]
 */
export function timeByKind(
  { kinds, kindOf }: TaskGraph,
  path: readonly CriticalStep[],
): { kind: string; ns: number }[] {
  const ns = kinds.map(() => 0);
  for (const { task, fromNs, untilNs } of path) ns[kindOf[task]] += untilNs - fromNs;
  return kinds
    .map((kind, index) => ({ kind, ns: ns[index] }))
    .filter((entry) => entry.ns > 0)
    .sort((a, b) => b.ns - a.ns);
}

/** The task that ran on the same resource just before each, or -1. Shape [numTasks]. */
function tasksBefore({ numTasks, resources, resourceOf }: TaskGraph, order: Int32Array): Int32Array {
  const before = new Int32Array(numTasks).fill(-1);
  const last = new Int32Array(resources.length).fill(-1);
  for (const task of order) {
    if (resourceOf[task] === NO_RESOURCE) continue;
    before[task] = last[resourceOf[task]];
    last[resourceOf[task]] = task;
  }
  return before;
}
