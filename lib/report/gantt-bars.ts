import type { Schedule } from "../task-graph/list-schedule.js";
import { NO_RESOURCE, type TaskGraph } from "../task-graph/task-graph.js";

/** A stretch of one resource's time spent on one kind of task. */
export interface GanttBar {
  readonly resource: number;
  readonly kind: number;
  readonly fromNs: number;
  readonly untilNs: number;
  /** Tasks it stands for; the first of them. */
  readonly numTasks: number;
  readonly task: number;
}

/**
 * The bars of a Gantt chart, by resource and time.
 *
 * Neighbours of one kind are joined where both bar and gap are shorter than `finestNs`, so a chart of any schedule
 * has at most as many bars as it has room for.
 */
export function ganttBars(graph: TaskGraph, { startNs }: Schedule, finestNs: number): GanttBar[] {
  const { numTasks, resourceOf, kindOf, durationNs } = graph;
  const tasks = Array.from({ length: numTasks }, (_, task) => task).filter(
    (task) => resourceOf[task] !== NO_RESOURCE && durationNs[task] > 0,
  );
  tasks.sort((a, b) => resourceOf[a] - resourceOf[b] || startNs[a] - startNs[b]);
  const bars: GanttBar[] = [];
  for (const task of tasks) {
    const fromNs = startNs[task];
    const untilNs = fromNs + durationNs[task];
    const last = bars.at(-1);
    const joins =
      last?.resource === resourceOf[task] &&
      last.kind === kindOf[task] &&
      fromNs - last.untilNs < finestNs &&
      (untilNs - fromNs < finestNs || last.untilNs - last.fromNs < finestNs);
    if (joins) bars[bars.length - 1] = { ...last, untilNs, numTasks: last.numTasks + 1 };
    else bars.push({ resource: resourceOf[task], kind: kindOf[task], fromNs, untilNs, numTasks: 1, task });
  }
  return bars;
}
