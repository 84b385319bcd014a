import type { Schedule } from "./list-schedule.js";
import { NO_RESOURCE, type TaskGraph } from "./task-graph.js";

/** Work of every resource. Shape [numResources]. */
export function busyTimesNs({ resources, resourceOf, durationNs }: TaskGraph): Float64Array {
  const busyNs = new Float64Array(resources.length);
  resourceOf.forEach((resource, task) => {
    if (resource !== NO_RESOURCE) busyNs[resource] += durationNs[task];
  });
  return busyNs;
}

/** How a class of tasks fills a schedule. */
export interface ClassTime {
  /** Time during which at least one task of the class runs. */
  readonly activeNs: number;
  /** That part of it during which no task of an earlier class runs. */
  readonly exposedNs: number;
}

/**
 * Splits the makespan among classes of tasks: every instant belongs to the first class of which a task runs.
 *
 * So the exposed times and the idle time, when no task of any class runs, add up to the makespan. With the classes
 * [compute, communication], the exposed time of communication is that during which nothing computes anywhere,
 * and the share hidden is 1 - exposedNs / activeNs. Time O(tasks log tasks).
 *
 * @param classes Kinds of tasks, from the class that hides the others to the one that all hide.
 *
 * @example
 * const { classes: [, communication] } = splitTime(graph, schedule, [["experts"], ["dispatch", "combine"]]);
 * 1 - communication.exposedNs / communication.activeNs; // share hidden
 */
export function splitTime(
  graph: TaskGraph,
  { startNs, makespanNs }: Schedule,
  classes: readonly (readonly string[])[],
): { classes: ClassTime[]; idleNs: number } {
  const classOfKind = graph.kinds.map((kind) => classes.findIndex((kinds) => kinds.includes(kind)));
  const edges = classes.map((_, index) => {
    const starts: number[] = [];
    const ends: number[] = [];
    graph.kindOf.forEach((kind, task) => {
      if (classOfKind[kind] !== index || graph.durationNs[task] === 0) return;
      starts.push(startNs[task]);
      ends.push(startNs[task] + graph.durationNs[task]);
    });
    return { starts: Float64Array.from(starts).sort(), ends: Float64Array.from(ends).sort() };
  });
  const activeNs = classes.map(() => 0);
  const exposedNs = classes.map(() => 0);
  const started = classes.map(() => 0);
  const ended = classes.map(() => 0);
  let nowNs = 0;
  while (nowNs < makespanNs) {
    let nextNs = makespanNs;
    edges.forEach(({ starts, ends }, index) => {
      while (starts[started[index]] <= nowNs) started[index]++;
      while (ends[ended[index]] <= nowNs) ended[index]++;
      if (started[index] < starts.length) nextNs = Math.min(nextNs, starts[started[index]]);
      if (ended[index] < ends.length) nextNs = Math.min(nextNs, ends[ended[index]]);
    });
    let hidden = false;
    classes.forEach((_, index) => {
      if (started[index] === ended[index]) return;
      activeNs[index] += nextNs - nowNs;
      if (!hidden) exposedNs[index] += nextNs - nowNs;
      hidden = true;
    });
    nowNs = nextNs;
  }
  return {
    classes: classes.map((_, index) => ({ activeNs: activeNs[index], exposedNs: exposedNs[index] })),
    idleNs: Math.max(0, makespanNs - exposedNs.reduce((sum, one) => sum + one, 0)),
  };
}
