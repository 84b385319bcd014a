import { criticalPath } from "../task-graph/critical-path.js";
import type { Schedule } from "../task-graph/list-schedule.js";
import { memoryLevels } from "../task-graph/memory-levels.js";
import { NO_RESOURCE, taskName, type TaskGraph } from "../task-graph/task-graph.js";

const RESOURCES_PID = 1;
const CRITICAL_PATH_PID = 2;
const MEMORIES_PID = 3;

/** Where a trace begins: some readers take time 0 for an event without a time, and leave it out of the picture. */
const BEGIN_NS = 1000;
/** Tenth of a nanosecond that slices leave free, in microseconds: sums that readers make are off in the last digit. */
const KEPT_FREE = 1e-4;

/** An event of the Trace Event Format; times are microseconds. */
type TraceEvent = Record<string, string | number | Record<string, string | number>>;

/** Options of {@link perfettoJson}. */
export interface PerfettoOptions {
  /** Name of the whole, for instance "layer 3 forward". */
  readonly title?: string;
  /** What it is of, such as the workload: readers show it as it is. */
  readonly about?: object;
}

/**
 * Writes a schedule as a JSON trace that ui.perfetto.dev and chrome://tracing load.
 *
 * One thread for every resource with its tasks, one with the critical path, one counter for every memory. Times are
 * whole nanoseconds, counted from 1 us, and a slice ends a tenth of a nanosecond or two early, so neighbours never
 * overlap, however a reader adds up. One event a line.
 * Source: Trace Event Format (JSON object format; phases X, M and C).
 */
export function perfettoJson(
  graph: TaskGraph,
  schedule: Schedule,
  { title = "schedule", about }: PerfettoOptions = {},
): string {
  const events = [
    ...nameEvents(graph, title),
    ...taskEvents(graph, schedule),
    ...criticalPathEvents(graph, schedule),
    ...memoryEvents(graph, schedule),
  ];
  const told = about === undefined ? "" : `"otherData":${JSON.stringify(about)},`;
  const lines = events.map((event) => JSON.stringify(event)).join(",\n");
  return `{"displayTimeUnit":"ns",${told}"traceEvents":[\n${lines}\n]}\n`;
}

function nameEvents({ resources, memories }: TaskGraph, title: string): TraceEvent[] {
  const processes = [
    { pid: RESOURCES_PID, name: title },
    { pid: CRITICAL_PATH_PID, name: "critical path" },
    ...(memories.length > 0 ? [{ pid: MEMORIES_PID, name: "memories" }] : []),
  ];
  const describe = (name: string, pid: number, { tid = 0, ...args }: Record<string, string | number>) => ({
    ph: "M",
    name,
    pid,
    tid,
    args,
  });
  return [
    ...processes.flatMap(({ pid, name }) => [
      describe("process_name", pid, { name }),
      describe("process_sort_index", pid, { sort_index: pid }),
    ]),
    ...resources.flatMap((name, resource) => [
      describe("thread_name", RESOURCES_PID, { tid: resource + 1, name }),
      describe("thread_sort_index", RESOURCES_PID, { tid: resource + 1, sort_index: resource + 1 }),
    ]),
    describe("thread_name", CRITICAL_PATH_PID, { tid: 1, name: "critical path" }),
  ];
}

function taskEvents(graph: TaskGraph, { startNs }: Schedule): TraceEvent[] {
  const events: TraceEvent[] = [];
  for (let task = 0; task < graph.numTasks; task++) {
    if (graph.resourceOf[task] === NO_RESOURCE || graph.durationNs[task] === 0) continue;
    events.push({
      ...span(startNs[task], startNs[task] + graph.durationNs[task]),
      name: taskName(graph, task),
      cat: graph.kinds[graph.kindOf[task]],
      pid: RESOURCES_PID,
      tid: graph.resourceOf[task] + 1,
      args: { task },
    });
  }
  return events;
}

function criticalPathEvents(graph: TaskGraph, schedule: Schedule): TraceEvent[] {
  return criticalPath(graph, schedule)
    .filter(({ fromNs, untilNs }) => untilNs > fromNs)
    .map(({ task, fromNs, untilNs, heldBy }) => ({
      ...span(fromNs, untilNs),
      name: taskName(graph, task),
      cat: graph.kinds[graph.kindOf[task]],
      pid: CRITICAL_PATH_PID,
      tid: 1,
      args: { task, heldBy, resource: graph.resources[graph.resourceOf[task]] ?? "none" },
    }));
}

function memoryEvents(graph: TaskGraph, schedule: Schedule): TraceEvent[] {
  return graph.memories.flatMap(({ name }, memory) =>
    memoryLevels(graph, schedule, memory).map(({ atNs, bytes }) => ({
      ph: "C",
      name,
      ts: microseconds(atNs),
      pid: MEMORIES_PID,
      tid: 0,
      args: { bytes: Math.round(bytes) },
    })),
  );
}

/** Readers that add ts and dur get sums that are off in the last digit: a tenth of a nanosecond is kept free for that. */
function span(fromNs: number, untilNs: number): TraceEvent {
  const ts = microseconds(fromNs);
  const dur = (Math.round(untilNs) + BEGIN_NS) / 1000 - ts - KEPT_FREE;
  return { ph: "X", ts, dur: Math.max(0, Number(dur.toFixed(4))) };
}

/**
 * Time since the beginning, to whole nanoseconds, as microseconds that a reader gets back by multiplying by 1000 and
 * cutting off the fraction.
 *
 * 1.001 * 1000 is 1000.9999999999999: a tenth of a nanosecond more keeps neighbours from overlapping in such readers.
 */
function microseconds(ns: number): number {
  const whole = Math.round(ns) + BEGIN_NS;
  const exact = whole / 1000;
  return Math.trunc(exact * 1000) === whole ? exact : Number((exact + KEPT_FREE).toFixed(4));
}
