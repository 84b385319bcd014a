import type { Schedule } from "./list-schedule.js";
import { memoryLevels, memoryPeak } from "./memory-levels.js";
import { taskName, type TaskGraph } from "./task-graph.js";

/** What {@link validateSchedule} tolerates of rounding, as a share of the makespan. */
const TOLERANCE = 1e-9;

/**
 * Checks a schedule against its task graph from scratch: times, precedence, unary resources, memories, makespan.
 *
 * Shares no code with the schedulers. Time O(edges + tasks log tasks).
 *
 * @returns Every violation in words; none for a valid schedule.
 */
export function validateSchedule(graph: TaskGraph, schedule: Schedule): string[] {
  const badTimes = checkTimes(graph, schedule);
  if (badTimes.length > 0) return badTimes;
  return [
    ...checkPrecedence(graph, schedule),
    ...checkResources(graph, schedule),
    ...checkMemories(graph, schedule),
    ...checkMakespan(graph, schedule),
  ];
}

function checkTimes(graph: TaskGraph, { startNs }: Schedule): string[] {
  if (startNs.length !== graph.numTasks) {
    return [`schedule: found ${startNs.length} tasks, expected ${graph.numTasks}`];
  }
  return tasksWhere(graph, (task) => !(startNs[task] >= 0 && startNs[task] < Infinity)).map(
    (task) => `${taskName(graph, task)}: starts at ${startNs[task]} ns, expected a time from 0`,
  );
}

function checkPrecedence(graph: TaskGraph, { startNs, makespanNs }: Schedule): string[] {
  const violations: string[] = [];
  for (let task = 0; task < graph.numTasks; task++) {
    for (let edge = graph.predecessorOffsets[task]; edge < graph.predecessorOffsets[task + 1]; edge++) {
      const predecessor = graph.predecessors[edge];
      const earliestNs = startNs[predecessor] + graph.predecessorLagNs[edge];
      if (startNs[task] < earliestNs - TOLERANCE * makespanNs) {
        violations.push(
          `${taskName(graph, task)}: starts at ${startNs[task]} ns, expected at least ${earliestNs} ns ` +
            `because of ${taskName(graph, predecessor)}`,
        );
      }
    }
  }
  return violations;
}

function checkResources(graph: TaskGraph, { startNs, makespanNs }: Schedule): string[] {
  const endNs = (task: number) => startNs[task] + graph.durationNs[task];
  return graph.resources.flatMap((name, resource) => {
    const tasks = tasksWhere(graph, (task) => graph.resourceOf[task] === resource);
    tasks.sort((one, other) => startNs[one] - startNs[other] || endNs(one) - endNs(other));
    return tasks
      .slice(1)
      .map((task, index) => ({ task, before: tasks[index] }))
      .filter(({ task, before }) => startNs[task] < endNs(before) - TOLERANCE * makespanNs)
      .map(
        ({ task, before }) =>
          `${name}: ${taskName(graph, task)} starts at ${startNs[task]} ns, while ` +
          `${taskName(graph, before)} runs until ${endNs(before)} ns`,
      );
  });
}

function checkMemories(graph: TaskGraph, schedule: Schedule): string[] {
  return graph.memories.flatMap(({ name, capacityBytes }, memory) => {
    const peak = memoryPeak(memoryLevels(graph, schedule, memory));
    if (peak.bytes <= capacityBytes) return [];
    return [`${name}: holds ${peak.bytes} bytes at ${peak.atNs} ns, expected at most ${capacityBytes}`];
  });
}

function checkMakespan(graph: TaskGraph, { startNs, makespanNs }: Schedule): string[] {
  const end = startNs.reduce((latest, start, task) => Math.max(latest, start + graph.durationNs[task]), 0);
  if (Math.abs(end - makespanNs) <= TOLERANCE * end) return [];
  return [`schedule: makespan ${makespanNs} ns, but the last task ends at ${end} ns`];
}

function tasksWhere({ numTasks }: TaskGraph, holds: (task: number) => boolean): number[] {
  const tasks: number[] = [];
  for (let task = 0; task < numTasks; task++) if (holds(task)) tasks.push(task);
  return tasks;
}
