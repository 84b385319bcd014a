import type { Schedule } from "./list-schedule.js";
import { memoryLevels, memoryPeak } from "./memory-levels.js";
import { NO_RESOURCE, taskName, type TaskGraph } from "./task-graph.js";
import { SUM_ROUNDING } from "./tolerance.js";

/** A way in which a schedule breaks its task graph. */
export interface ScheduleViolation {
  /** What is broken; a memory that overflows is the machine's fault or the placement's, all else the scheduler's. */
  readonly rule: "time" | "precedence" | "resource" | "memory" | "makespan";
  readonly message: string;
}

/**
 * Checks a schedule against its task graph from scratch: times, precedence, unary resources, memories, makespan.
 *
 * Shares no code with the schedulers. Time O(edges + tasks log tasks).
 *
 * @returns Every violation; none for a valid schedule.
 */
export function validateSchedule(graph: TaskGraph, schedule: Schedule): ScheduleViolation[] {
  const badTimes = violationsOf("time", checkTimes(graph, schedule));
  if (badTimes.length > 0) return badTimes;
  return [
    ...violationsOf("precedence", checkPrecedence(graph, schedule)),
    ...violationsOf("resource", checkResources(graph, schedule)),
    ...violationsOf("memory", checkMemories(graph, schedule)),
    ...violationsOf("makespan", checkMakespan(graph, schedule)),
  ];
}

function violationsOf(rule: ScheduleViolation["rule"], messages: readonly string[]): ScheduleViolation[] {
  return messages.map((message) => ({ rule, message }));
}

function checkTimes(graph: TaskGraph, { startNs, order }: Schedule): string[] {
  const { numTasks } = graph;
  if (startNs.length !== numTasks || order.length !== numTasks) {
    return [`schedule: found ${startNs.length} starts in an order of ${order.length}, expected ${numTasks}`];
  }
  if (new Set(order).size !== numTasks || order.some((task) => task < 0 || task >= numTasks)) {
    return ["schedule: the order is not one of all tasks"];
  }
  const violations: string[] = [];
  startNs.forEach((start, task) => {
    if (start >= 0 && start < Infinity) return;
    violations.push(`${taskName(graph, task)}: starts at ${start} ns, expected a time from 0`);
  });
  order.forEach((task, place) => {
    if (place === 0 || startNs[task] >= startNs[order[place - 1]]) return;
    violations.push(`${taskName(graph, task)}: starts before the task that precedes it in the order`);
  });
  return violations;
}

function checkPrecedence(graph: TaskGraph, { startNs, makespanNs }: Schedule): string[] {
  const violations: string[] = [];
  for (let task = 0; task < graph.numTasks; task++) {
    for (let edge = graph.predecessorOffsets[task]; edge < graph.predecessorOffsets[task + 1]; edge++) {
      const predecessor = graph.predecessors[edge];
      const earliestNs = startNs[predecessor] + graph.predecessorLagNs[edge];
      if (startNs[task] < earliestNs - SUM_ROUNDING * makespanNs) {
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
  const tasksOf: number[][] = graph.resources.map(() => []);
  graph.resourceOf.forEach((resource, task) => {
    if (resource !== NO_RESOURCE) tasksOf[resource].push(task);
  });
  return graph.resources.flatMap((name, resource) => {
    const tasks = tasksOf[resource];
    tasks.sort((a, b) => startNs[a] - startNs[b] || endNs(a) - endNs(b));
    return tasks
      .slice(1)
      .map((task, index) => ({ task, before: tasks[index] }))
      .filter(({ task, before }) => startNs[task] < endNs(before) - SUM_ROUNDING * makespanNs)
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
    return [
      `${name}: holds ${Math.ceil(peak.bytes)} bytes at ${peak.atNs} ns, expected at most ${capacityBytes}`,
    ];
  });
}

function checkMakespan(graph: TaskGraph, { startNs, makespanNs }: Schedule): string[] {
  const end = startNs.reduce((latest, start, task) => Math.max(latest, start + graph.durationNs[task]), 0);
  if (Math.abs(end - makespanNs) <= SUM_ROUNDING * end) return [];
  return [`schedule: makespan ${makespanNs} ns, but the last task ends at ${end} ns`];
}
