import { NO_RESOURCE, type Milestone, type TaskGraph } from "./task-graph.js";

/**
 * Earliest start of every task, raised at milestones by the work that has to be done before them.
 *
 * As `earliestStartsNs`, and at a milestone m at least, for every resource,
 *   min head(S) + sum of durations(S) + min tail(S, m)
 * over the tasks S of the window before m that m waits for, where tail(i, m) is the longest path from the end of i to
 * m. Time O(tasks + edges + edges in all windows).
 *
 * @returns Shape [numTasks].
 */
export function raisedHeadsNs(graph: TaskGraph): Float64Array {
  const { numTasks, predecessorOffsets, predecessors, predecessorLagNs, milestones } = graph;
  const heads = new Float64Array(numTasks);
  const scratch = {
    heads,
    pathNs: new Float64Array(numTasks),
    earliest: new Float64Array(graph.resources.length),
    work: new Float64Array(graph.resources.length),
    shortestTail: new Float64Array(graph.resources.length),
  };
  let next = 0;
  for (let task = 0; task < numTasks; task++) {
    let head = 0;
    for (let edge = predecessorOffsets[task]; edge < predecessorOffsets[task + 1]; edge++) {
      head = Math.max(head, heads[predecessors[edge]] + predecessorLagNs[edge]);
    }
    heads[task] = head;
    for (; milestones[next]?.task === task; next++) {
      heads[task] = Math.max(heads[task], windowBoundNs(graph, milestones[next], scratch));
    }
  }
  return heads;
}

/**
 * When a milestone can be reached at the earliest by the work in its window.
 *
 * @param scratch `heads` of all tasks so far, the rest to be overwritten.
 */
function windowBoundNs(
  graph: TaskGraph,
  { task: milestone, from }: Milestone,
  scratch: Record<"heads" | "pathNs" | "earliest" | "work" | "shortestTail", Float64Array>,
): number {
  const { heads, pathNs, earliest, work, shortestTail } = scratch;
  const { durationNs, resourceOf, predecessorOffsets, predecessors, predecessorLagNs } = graph;
  const numResources = graph.resources.length;
  earliest.fill(Infinity);
  work.fill(0);
  shortestTail.fill(Infinity);
  pathNs.fill(-Infinity, from, milestone);
  pathNs[milestone] = 0;
  for (let task = milestone; task >= from; task--) {
    if (pathNs[task] === -Infinity) continue;
    const resource = resourceOf[task];
    if (task !== milestone && resource !== NO_RESOURCE) {
      earliest[resource] = Math.min(earliest[resource], heads[task]);
      work[resource] += durationNs[task];
      shortestTail[resource] = Math.min(shortestTail[resource], pathNs[task] - durationNs[task]);
    }
    for (let edge = predecessorOffsets[task]; edge < predecessorOffsets[task + 1]; edge++) {
      const before = predecessors[edge];
      if (before < from) continue;
      pathNs[before] = Math.max(pathNs[before], pathNs[task] + predecessorLagNs[edge]);
    }
  }
  let bound = 0;
  for (let resource = 0; resource < numResources; resource++) {
    if (work[resource] > 0)
      bound = Math.max(bound, earliest[resource] + work[resource] + shortestTail[resource]);
  }
  return bound;
}
