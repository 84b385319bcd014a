import { KeyedHeap } from "./keyed-heap.js";
import { raisedHeadsNs } from "./head-adjustment.js";
import { remainingPathsNs } from "./path-lengths.js";
import { NO_RESOURCE, type TaskGraph } from "./task-graph.js";
import { largest } from "../statistics.js";
import { PATH_ROUNDING, SUM_ROUNDING } from "./tolerance.js";

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
 * Time O(edges + tasks log tasks) for each resource that is tried.
 * Source: Carlier, "The one-machine sequencing problem", European J. Operational Research 11, 1982.
 *
 * @param remainingNs As `remainingPathsNs` gives it, where it is known already. Shape [numTasks].
 *
 * @example
 * const { makespanNs } = listSchedule(graph);
 * makespanNs / scheduleBound(graph).boundNs - 1; // the proved gap
 */
export function scheduleBound(
  graph: TaskGraph,
  remainingNs: Float64Array = remainingPathsNs(graph),
): ScheduleBound {
  const { resources, durationNs } = graph;
  const heads = raisedHeadsNs(graph);
  const tails = new Float64Array(graph.numTasks);
  let criticalPathNs = 0;
  let raisedPathNs = 0;
  for (let task = 0; task < graph.numTasks; task++) {
    tails[task] = remainingNs[task] - durationNs[task];
    criticalPathNs = Math.max(criticalPathNs, remainingNs[task]);
    raisedPathNs = Math.max(raisedPathNs, heads[task] + remainingNs[task]);
  }
  const loads = resourceLoads(graph, heads, tails);
  const { boundNs: oneMachineNs, resource: busiest } = largestOneMachineBound(graph, loads, { heads, tails });
  // Rounding must not make a path of tasks on one resource look longer than the critical path it is.
  const byResource = oneMachineNs > criticalPathNs * (1 + PATH_ROUNDING) && oneMachineNs >= raisedPathNs;
  return {
    boundNs: Math.max(raisedPathNs, oneMachineNs),
    criticalPathNs,
    resourceLoadNs: largest(loads.workNs, 0),
    oneMachineNs,
    resource: byResource ? resources[busiest] : undefined,
  };
}

/** What is known of every resource at a glance. Shape of each [numResources]. */
interface ResourceLoads {
  readonly workNs: Float64Array;
  /** End of its tasks in the order of their numbers, tails included: no one-machine bound is larger. */
  readonly inOrderNs: Float64Array;
}

function resourceLoads(
  { resources, resourceOf, durationNs, numTasks }: TaskGraph,
  heads: Float64Array,
  tails: Float64Array,
): ResourceLoads {
  const workNs = new Float64Array(resources.length);
  const inOrderNs = new Float64Array(resources.length);
  const freeNs = new Float64Array(resources.length);
  for (let task = 0; task < numTasks; task++) {
    const resource = resourceOf[task];
    if (resource === NO_RESOURCE) continue;
    workNs[resource] += durationNs[task];
    freeNs[resource] = Math.max(freeNs[resource], heads[task]) + durationNs[task];
    inOrderNs[resource] = Math.max(inOrderNs[resource], freeNs[resource] + tails[task]);
  }
  return { workNs, inOrderNs };
}

/** The largest one-machine bound, and the first resource that has it; only resources that could have it are tried. */
function largestOneMachineBound(
  graph: TaskGraph,
  { workNs, inOrderNs }: ResourceLoads,
  { heads, tails }: { heads: Float64Array; tails: Float64Array },
): { boundNs: number; resource: number } {
  const { durationNs } = graph;
  const byWork = [...workNs.keys()].sort((a, b) => workNs[b] - workNs[a] || a - b);
  let boundNs = 0;
  let resource = -1;
  for (const next of byWork) {
    if (inOrderNs[next] * (1 + SUM_ROUNDING) < boundNs) continue;
    const nextNs = oneMachineBound(tasksOn(graph, next), { heads, durationNs, tails });
    if (nextNs > boundNs || (nextNs === boundNs && nextNs > 0 && next < resource)) {
      boundNs = nextNs;
      resource = next;
    }
  }
  return { boundNs, resource };
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
  const byHead = tasks.toSorted((a, b) => heads[a] - heads[b] || a - b);
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

/** The tasks of a resource, ascending. */
function tasksOn({ resourceOf }: TaskGraph, resource: number): number[] {
  const tasks: number[] = [];
  for (let task = resourceOf.indexOf(resource); task >= 0; task = resourceOf.indexOf(resource, task + 1)) {
    tasks.push(task);
  }
  return tasks;
}
