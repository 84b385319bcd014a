import { KeyedHeap } from "./keyed-heap.js";
import { priorityRules, taskPriorities, type PriorityRule } from "./priorities.js";
import { NO_RESOURCE, type TaskGraph } from "./task-graph.js";

/** When every task starts. */
export interface Schedule {
  /** Shape [numTasks]. */
  readonly startNs: Float64Array;
  /** End of the last task. */
  readonly makespanNs: number;
}

/**
 * Schedules a task graph: no resource idles while a task waits for it, and of several the first by priority runs.
 *
 * Tasks of equal priority run in the order in which they were added. How far the makespan can be from the optimum,
 * `scheduleBound` says. Memories are not looked at: whoever builds the
 * graph orders the tasks so that memory suffices, and `validateSchedule` checks it.
 * Time O((tasks + edges) log tasks), memory O(tasks).
 * Source: Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Applied Mathematics 17, 1969.
 *
 * @param priority A rule, or a number for every task, the largest first (shape [numTasks]).
 *
 * @example
 * listSchedule(graph, "critical-path").makespanNs;
 */
export function listSchedule(
  graph: TaskGraph,
  priority: PriorityRule | Float64Array = "critical-path",
): Schedule {
  const priorities = typeof priority === "string" ? taskPriorities(graph, priority) : priority;
  const { numTasks, resourceOf, durationNs, predecessorOffsets } = graph;
  const { successorOffsets, successors, successorLagNs } = graph;
  const numResources = graph.resources.length;
  const startNs = new Float64Array(numTasks);
  const readyNs = new Float64Array(numTasks);
  const unmet = new Int32Array(numTasks);
  const busy = new Uint8Array(numResources);
  const waiting = graph.resources.map(() => new KeyedHeap());
  // An event below numTasks is a task whose predecessors are done, one above it a resource that falls free.
  const events = new KeyedHeap();
  const touched: number[] = [];
  let makespanNs = 0;

  for (let task = 0; task < numTasks; task++) {
    unmet[task] = predecessorOffsets[task + 1] - predecessorOffsets[task];
    if (unmet[task] === 0) events.push(0, task);
  }

  const start = (task: number, nowNs: number) => {
    startNs[task] = nowNs;
    makespanNs = Math.max(makespanNs, nowNs + durationNs[task]);
    for (let edge = successorOffsets[task]; edge < successorOffsets[task + 1]; edge++) {
      const successor = successors[edge];
      readyNs[successor] = Math.max(readyNs[successor], nowNs + successorLagNs[edge]);
      if (--unmet[successor] === 0) events.push(readyNs[successor], successor);
    }
  };

  while (events.size > 0) {
    const nowNs = events.firstKey;
    // Everything that happens now comes before any choice: a task that falls ready now may be chosen now.
    do {
      const event = events.pop();
      const resource = event < numTasks ? resourceOf[event] : event - numTasks;
      if (resource === NO_RESOURCE) {
        start(event, nowNs);
        continue;
      }
      if (event < numTasks) waiting[resource].push(-priorities[event], event);
      else busy[resource] = 0;
      touched.push(resource);
    } while (events.size > 0 && events.firstKey === nowNs);
    for (const resource of touched) {
      if (busy[resource] === 1 || waiting[resource].size === 0) continue;
      const task = waiting[resource].pop();
      busy[resource] = 1;
      events.push(nowNs + durationNs[task], numTasks + resource);
      start(task, nowNs);
    }
    touched.length = 0;
  }
  return { startNs, makespanNs };
}

/**
 * Schedules by every rule and keeps the shortest, of equals the one whose rule comes first in {@link priorityRules}.
 *
 * @param rules At least one.
 */
export function bestListSchedule(
  graph: TaskGraph,
  rules: readonly PriorityRule[] = priorityRules,
): { schedule: Schedule; rule: PriorityRule } {
  return rules
    .map((rule) => ({ schedule: listSchedule(graph, rule), rule }))
    .reduce((best, next) => (next.schedule.makespanNs < best.schedule.makespanNs ? next : best));
}
