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
  const { kindOf, durationNs } = graph;
  const { startNs, order } = schedule;
  const active = new CoveredTime(classes.length);
  const together = new CoveredTime(classes.length);
  for (const task of order) {
    const rank = rankOfKind[kindOf[task]];
    if (rank < 0) continue;
    const endNs = startNs[task] + durationNs[task];
    active.cover(rank, startNs[task], endNs);
    for (let upTo = rank; upTo < classes.length; upTo++) together.cover(upTo, startNs[task], endNs);
  }
  // What the first classes cover together less what they cover without the last of them is that one's exposed time.
  const togetherNs = together.totalNs;
  return {
    classes: classes.map((_, rank) => ({
      activeNs: active.totalNs[rank],
      exposedNs: Math.max(0, togetherNs[rank] - (rank > 0 ? togetherNs[rank - 1] : 0)),
    })),
    idleNs: Math.max(0, schedule.makespanNs - (togetherNs.at(-1) ?? 0)),
  };
}

/** Time covered by intervals, one sum a class; the intervals of a class come by their start. */
class CoveredTime {
  readonly totalNs: Float64Array;
  readonly #untilNs: Float64Array;

  constructor(numClasses: number) {
    this.totalNs = new Float64Array(numClasses);
    this.#untilNs = new Float64Array(numClasses);
  }

  cover(rank: number, startNs: number, endNs: number): void {
    const untilNs = this.#untilNs[rank];
    if (endNs <= untilNs) return;
    this.totalNs[rank] += endNs - Math.max(untilNs, startNs);
    this.#untilNs[rank] = endNs;
  }
}
