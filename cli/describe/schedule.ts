import { formatTime, tableOf, timeColumn } from "../../doors/report.js";
import {
  busyTimesNs,
  criticalPath,
  memoryLevels,
  memoryPeak,
  timeByKind,
  type ChunkPoint,
  type StepSchedule,
} from "../../doors/schedule.js";
import { formatTable } from "../terminal.js";

/** A schedule in a few lines for people. */
export function describeSchedule(step: StepSchedule): string {
  const { makespanNs, boundNs, bound, gap } = step;
  const share = (ns: number) => `${((100 * ns) / makespanNs).toFixed(1)} %`;
  const time = (name: string, ns: number) =>
    `${name.padEnd(22)} ${formatTime(ns).padStart(10)}  ${share(ns).padStart(7)}`;
  const path = timeByKind(step.graph, criticalPath(step.graph, step.schedule)).map(
    ({ kind, ns }) => `${kind} ${share(ns)}`,
  );
  return [
    `makespan ${formatTime(makespanNs)}, at least ${formatTime(boundNs)} (${bound.resource ?? "critical path"}), ` +
      `gap ${(100 * gap).toFixed(2)} %; ${step.graph.numTasks} tasks by rule ${step.rule}`,
    `${(100 * step.hiddenCommunicationShare).toFixed(1)} % of the communication is hidden behind compute`,
    "",
    time("compute", step.computeNs),
    time("exposed communication", step.exposedCommunicationNs),
    time("exposed DRAM", step.exposedDramNs),
    time("nothing but latency", step.idleNs),
    "",
    `critical path: ${path.join(", ")}`,
    ...describeSram(step),
  ].join("\n");
}

/** The fullest memory of all, where anything has to fit. */
function describeSram(step: StepSchedule): string[] {
  const peaks = sramPeaks(step).sort((a, b) => b.peakBytes - a.peakBytes);
  return peaks.slice(0, 1).map(({ name, peakBytes, capacityBytes }) => {
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    return `${name} is the fullest: ${megabytes(peakBytes)} of ${megabytes(capacityBytes)} MB`;
  });
}

function sramPeaks({ graph, schedule }: StepSchedule) {
  return graph.memories.map(({ name, capacityBytes }, memory) => ({
    name,
    peakBytes: memoryPeak(memoryLevels(graph, schedule, memory)).bytes,
    capacityBytes,
  }));
}

/** The same as data, with the busy time of every resource and the peak of every memory. */
export function scheduleData(step: StepSchedule): object {
  return {
    makespanNs: step.makespanNs,
    boundNs: step.boundNs,
    boundBy: step.bound.resource ?? "critical path",
    gap: step.gap,
    rule: step.rule,
    numTasks: step.graph.numTasks,
    hiddenCommunicationShare: step.hiddenCommunicationShare,
    computeNs: step.computeNs,
    exposedCommunicationNs: step.exposedCommunicationNs,
    exposedDramNs: step.exposedDramNs,
    idleNs: step.idleNs,
    criticalPath: timeByKind(step.graph, criticalPath(step.graph, step.schedule)),
    memories: sramPeaks(step),
    resources: resourceRecords(step),
  };
}

/** How long every resource is busy. */
export function resourceRecords({ graph, makespanNs }: StepSchedule): object[] {
  const busyNs = busyTimesNs(graph);
  return graph.resources.map((name, resource) => ({
    name,
    busyNs: busyNs[resource],
    busyShare: makespanNs > 0 ? busyNs[resource] / makespanNs : 0,
  }));
}

/** The curve of makespan over chunks as a table. */
export function describeCurve(curve: readonly ChunkPoint[]): string {
  const { headers, cells, best } = tableOf(curve, [
    { header: "chunks", cell: ({ chunks }) => String(chunks) },
    timeColumn(
      curve,
      (unit) => `makespan, ${unit}`,
      ({ makespanNs }) => makespanNs,
    ),
    {
      ...timeColumn(
        curve,
        (unit) => `at least, ${unit}`,
        ({ boundNs }) => boundNs,
      ),
      value: undefined,
    },
  ]);
  return formatTable(headers, cells, { best });
}
