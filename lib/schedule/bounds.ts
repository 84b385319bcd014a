import { KeyedHeap } from "./keyed-heap.js";
import { raisedHeadsNs } from "./milestone-heads.js";
import { remainingPathsNs } from "./path-lengths.js";
import { NO_RESOURCE, type TaskGraph } from "./task-graph.js";

/** What no schedule of a task graph can beat, and why. */
export interface ScheduleBound {
  /** The largest of the others: a lower bound on the makespan. */
  readonly boundNs: number;
  /** Longest path through the graph. */
  readonly criticalPathNs: number;
  /** Work on the busiest resource. */
  readonly resourceLoadNs: number;
  /** Largest preemptive one-machine bound of a resource. */
  readonly oneMachineNs: number;
  /** The resource whose work `boundNs` comes from; undefined where it is a path. */
  readonly resource: string | undefined;
}

/**
 * Lower bound on the makespan of any schedule.
 *
 * bound = max(critical path, one-machine bound of each resource), where the one-machine bound is
 *   max over sets S of the resource's tasks of min head(S) + sum of durations(S) + min tail(S),
 * hence at least the resource's load, and at least its earliest head + load + latest tail. Heads are the longest
 * paths to the tasks, raised at milestones by the work that has to be done before them (`raisedHeadsNs`).
 * Time O(edges + tasks log tasks).
 * Source: Carlier, "The one-machine sequencing problem", European J. Operational Research 11, 1982.
 *
 * @example
 * const { makespanNs } = listSchedule(graph);
 * makespanNs / scheduleBound(graph).boundNs - 1; // the proved gap
 */
export function scheduleBound(graph: TaskGraph): ScheduleBound {
  const { resources, durationNs } = graph;
  const heads = raisedHeadsNs(graph);
  const remaining = remainingPathsNs(graph);
  const tails = remaining.map((path, task) => path - durationNs[task]);
  const criticalPathNs = maximum(remaining);
  const raisedPathNs = maximum(heads.map((head, task) => head + remaining[task]));
  let resourceLoadNs = 0;
  let oneMachineNs = 0;
  let busiest = -1;
  tasksByResource(graph).forEach((tasks, resource) => {
    const load = tasks.reduce((sum, task) => sum + durationNs[task], 0);
    resourceLoadNs = Math.max(resourceLoadNs, load);
    const bound = oneMachineBound(tasks, { heads, durationNs, tails });
    if (bound > oneMachineNs) [oneMachineNs, busiest] = [bound, resource];
  });
  // Rounding must not make a path of tasks on one resource look longer than the critical path it is.
  const byResource = oneMachineNs > criticalPathNs * (1 + 1e-12) && oneMachineNs >= raisedPathNs;
  return {
    boundNs: Math.max(raisedPathNs, oneMachineNs),
    criticalPathNs,
    resourceLoadNs,
    oneMachineNs,
    resource: byResource ? resources[busiest] : undefined,
  };
}

/**
 * Makespan of the best preemptive schedule of tasks on one machine, each with a head before it and a tail after it.
 *
 * At every moment the task with the longest tail runs, of those whose head has passed.
 */
function oneMachineBound(
  tasks: readonly number[],
  times: { heads: Float64Array; durationNs: Float64Array; tails: Float64Array },
): number {
  const { heads, durationNs, tails } = times;
  // A plain array on purpose: its sort takes linear time where the tasks are nearly in order already, as they are.
  const byHead = tasks.toSorted((one, other) => heads[one] - heads[other] || one - other);
  const leftNs = new Float64Array(tasks.length);
  const available = new KeyedHeap();
  let nowNs = 0;
  let boundNs = 0;
  let arrived = 0;
  while (arrived < byHead.length || available.size > 0) {
    if (available.size === 0) nowNs = Math.max(nowNs, heads[byHead[arrived]]);
    while (arrived < byHead.length && heads[byHead[arrived]] <= nowNs) {
      leftNs[arrived] = durationNs[byHead[arrived]];
      available.push(-tails[byHead[arrived]], arrived);
      arrived++;
    }
    const current = available.pop();
    const nextHeadNs = arrived < byHead.length ? heads[byHead[arrived]] : Infinity;
    if (nowNs + leftNs[current] > nextHeadNs) {
      leftNs[current] -= nextHeadNs - nowNs;
      nowNs = nextHeadNs;
      available.push(-tails[byHead[current]], current);
    } else {
      nowNs += leftNs[current];
      boundNs = Math.max(boundNs, nowNs + tails[byHead[current]]);
    }
  }
  return boundNs;
}

/** The tasks of every resource, ascending. */
function tasksByResource({ resources, resourceOf }: TaskGraph): number[][] {
  const tasks: number[][] = resources.map(() => []);
  resourceOf.forEach((resource, task) => {
    if (resource !== NO_RESOURCE) tasks[resource].push(task);
  });
  return tasks;
}

function maximum(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, value), 0);
}
