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
 * and the share hidden is 1 - exposedNs / activeNs. Time O(tasks * classes).
 *
 * @param classes Kinds of tasks, from the class that hides the others to the one that all hide.
 *
 * @example
 * const { classes: [, communication] } = splitTime(graph, schedule, [["experts"], ["dispatch", "combine"]]);
 * 1 - communication.exposedNs / communication.activeNs; // share hidden
 */
export function splitTime(
  graph: TaskGraph,
  schedule: Schedule,
  classes: readonly (readonly string[])[],
): { classes: ClassTime[]; idleNs: number } {
  const rankOfKind = graph.kinds.map((kind) => classes.findIndex((kinds) => kinds.includes(kind)));
  const activeNs = classes.map((_, rank) =>
    coveredNs(
      graph,
      schedule,
      rankOfKind.map((of) => of === rank),
    ),
  );
  // What the first classes cover together less what they cover without the last of them is that one's exposed time.
  const togetherNs = classes.map((_, rank) =>
    coveredNs(
      graph,
      schedule,
      rankOfKind.map((of) => of >= 0 && of <= rank),
    ),
  );
  return {
    classes: classes.map((_, rank) => ({
      activeNs: activeNs[rank],
      exposedNs: Math.max(0, togetherNs[rank] - (rank > 0 ? togetherNs[rank - 1] : 0)),
    })),
    idleNs: Math.max(0, schedule.makespanNs - (togetherNs.at(-1) ?? 0)),
  };
}

/** Time during which at least one task of the wanted kinds runs. */
function coveredNs(
  { kindOf, durationNs }: TaskGraph,
  { startNs, order }: Schedule,
  wanted: readonly boolean[],
): number {
  let totalNs = 0;
  let coveredUntilNs = 0;
  for (const task of order) {
    const endNs = startNs[task] + durationNs[task];
    if (!wanted[kindOf[task]] || endNs <= coveredUntilNs) continue;
    totalNs += endNs - Math.max(coveredUntilNs, startNs[task]);
    coveredUntilNs = endNs;
  }
  return totalNs;
}
