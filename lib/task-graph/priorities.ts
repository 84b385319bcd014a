import { likelyPathsNs, remainingPathsNs } from "./path-lengths.js";
import type { TaskGraph } from "./task-graph.js";

/**
 * The rules by which a free resource chooses among the tasks that wait for it.
 *
 * - critical-path: the longest path from the start of the task to the end of everything.
 * - in-turn: the same path, tasks of a resource that are likely to follow each other doing so: what the first of several equal
 *   tasks waits for is due before what the others do.
 * - longest-tail: the longest path from the end of the task: Jackson's rule, optimal for one resource whose
 *   deliveries run in parallel (one DRAM that feeds chiplets, one load each).
 * - heaviest-first: the largest weight, for instance the chiplet with the most load: the rule of Mozart, section 4.3.
 * - johnson: Johnson's rule on (duration, tail), optimal for a flow shop of two stages.
 * - program-order: the order in which the tasks were added.
 */
export const priorityRules = [
  "critical-path",
  "in-turn",
  "longest-tail",
  "heaviest-first",
  "johnson",
  "program-order",
] as const;

export type PriorityRule = (typeof priorityRules)[number];

/**
 * Priority of every task under a rule, the largest goes first. Time O(tasks + edges).
 *
 * Source: Jackson, "Scheduling a production line to minimize maximum tardiness", 1955; Johnson, "Optimal two- and
 * three-stage production schedules with setup times included", Naval Research Logistics 1, 1954.
 *
 * @param remainingNs As `remainingPathsNs` gives it, where it is known already. Shape [numTasks].
 * @returns Shape [numTasks].
 */
export function taskPriorities(
  graph: TaskGraph,
  rule: PriorityRule,
  remainingNs: Float64Array = remainingPathsNs(graph),
): Float64Array {
  const { durationNs, weight, numTasks } = graph;
  switch (rule) {
    case "critical-path":
      return remainingNs;
    case "in-turn":
      return likelyPathsNs(graph);
    case "longest-tail":
      return remainingNs.map((path, task) => path - durationNs[task]);
    case "heaviest-first":
      return weight;
    case "johnson":
      return remainingNs.map((path, task) => johnsonKey(durationNs[task], path - durationNs[task]));
    case "program-order":
      return new Float64Array(numTasks);
  }
}

/**
 * Johnson's order as a number: first the tasks shorter than what follows them, the shortest leading; then the
 * others, the one with the longest rest leading. 1/a falls with a and is positive, -1/b rises with b and is not.
 */
function johnsonKey(durationNs: number, tailNs: number): number {
  return durationNs <= tailNs ? 1 / durationNs : -1 / tailNs;
}
