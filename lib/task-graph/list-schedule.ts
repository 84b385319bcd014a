import { KeyedHeap } from "./keyed-heap.js";
import { priorityRules, taskPriorities, type PriorityRule } from "./priorities.js";
import { NO_RESOURCE, resourceWorkNs, type TaskGraph } from "./task-graph.js";
import { TaskHeaps } from "./task-heaps.js";
import { largest } from "../statistics.js";
import { SUM_ROUNDING } from "./tolerance.js";

/** When every task starts. */
export interface Schedule {
  /** Shape [numTasks]. */
  readonly startNs: Float64Array;
  /** All tasks, by start. Shape [numTasks]. */
  readonly order: Int32Array;
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
  const order = new Int32Array(numTasks);
  const readyNs = new Float64Array(numTasks);
  const unmet = new Int32Array(numTasks);
  const freeNs = new Float64Array(numResources);
  /** The round in which each resource was last given a task: it takes another in a later one at the earliest. */
  const takenIn = new Int32Array(numResources);
  const waiting = new TaskHeaps(numResources, priorities);
  // An event below numTasks is a task that falls ready, one above it a resource that falls free while a task waits.
  const events = new KeyedHeap();
  const willWake = new Uint8Array(numResources);
  const readyNow: number[] = [];
  const toTry: number[] = [];
  let numStarted = 0;

  for (let task = 0; task < numTasks; task++) {
    unmet[task] = predecessorOffsets[task + 1] - predecessorOffsets[task];
    if (unmet[task] === 0) events.push(0, task);
  }

  const start = (task: number, nowNs: number) => {
    startNs[task] = nowNs;
    order[numStarted++] = task;
    for (let edge = successorOffsets[task]; edge < successorOffsets[task + 1]; edge++) {
      const successor = successors[edge];
      const earliestNs = Math.max(readyNs[successor], nowNs + successorLagNs[edge]);
      readyNs[successor] = earliestNs;
      if (--unmet[successor] > 0) continue;
      if (earliestNs <= nowNs) readyNow.push(successor);
      else events.push(earliestNs, successor);
    }
  };

  for (let round = 1; events.size > 0; round++) {
    const nowNs = events.firstKey;
    while (events.size > 0 && events.firstKey === nowNs) {
      const event = events.pop();
      if (event < numTasks) readyNow.push(event);
      else {
        willWake[event - numTasks] = 0;
        toTry.push(event - numTasks);
      }
    }
    while (readyNow.length > 0 || toTry.length > 0) {
      // All that falls ready now comes before any choice, so that it may be chosen now.
      for (let task = readyNow.pop(); task !== undefined; task = readyNow.pop()) {
        const resource = resourceOf[task];
        if (resource === NO_RESOURCE) start(task, nowNs);
        else {
          waiting.push(resource, task);
          toTry.push(resource);
        }
      }
      for (let resource = toTry.pop(); resource !== undefined; resource = toTry.pop()) {
        if (waiting.isEmpty(resource)) continue;
        if (freeNs[resource] <= nowNs && takenIn[resource] < round) {
          const task = waiting.pop(resource);
          freeNs[resource] = nowNs + durationNs[task];
          takenIn[resource] = round;
          start(task, nowNs);
        }
        if (willWake[resource] === 0 && !waiting.isEmpty(resource)) {
          willWake[resource] = 1;
          events.push(freeNs[resource], numTasks + resource);
        }
      }
    }
  }
  return { startNs, order, makespanNs: lastEndNs(startNs, durationNs) };
}

function lastEndNs(startNs: Float64Array, durationNs: Float64Array): number {
  let lastNs = 0;
  for (let task = 0; task < startNs.length; task++)
    lastNs = Math.max(lastNs, startNs[task] + durationNs[task]);
  return lastNs;
}

/**
 * Schedules by one rule after another and keeps the shortest, of equals the first; none is shorter than one that takes no longer
 * than some resource's work, so that ends it.
 *
 * @param rules At least one.
 * @param remainingNs As `remainingPathsNs` gives it, where it is known already. Shape [numTasks].
 */
export function bestListSchedule(
  graph: TaskGraph,
  rules: readonly PriorityRule[] = priorityRules,
  remainingNs?: Float64Array,
): { schedule: Schedule; rule: PriorityRule } {
  const scheduled = (rule: PriorityRule) => ({
    schedule: listSchedule(graph, taskPriorities(graph, rule, remainingNs)),
    rule,
  });
  const [first, ...others] = rules;
  let best = scheduled(first);
  if (others.length === 0) return best;
  const leastNs = largest(resourceWorkNs(graph), 0) * (1 + SUM_ROUNDING);
  for (const rule of others) {
    if (best.schedule.makespanNs <= leastNs) break;
    const next = scheduled(rule);
    if (next.schedule.makespanNs < best.schedule.makespanNs) best = next;
  }
  return best;
}
