import type { Schedule } from "../task-graph/list-schedule.js";
import { criticalPath } from "../task-graph/critical-path.js";
import { NO_RESOURCE, taskName, type TaskGraph } from "../task-graph/task-graph.js";
import { busyTimesNs } from "../task-graph/timeline.js";
import { escapeXml } from "./escape-xml.js";
import { formatTime, timeTicks } from "./format-time.js";
import { ganttBars } from "./gantt-bars.js";
import { largest } from "../statistics.js";
import { reportColours } from "./report-style.js";

/** Colours of kinds of task in the style; more begin again. */
const NUM_COLOURS = 9;
const rowHeight = 20;
const barHeight = 14;
const characterWidth = 6.6;

/** Options of {@link ganttSvg}. */
export interface GanttSvgOptions {
  readonly title?: string;
  /** What it is of beyond the title, such as the workload: kept in the document, not drawn. */
  readonly about?: string;
  /** In pixels; default 1200. */
  readonly width?: number;
}

/**
 * Draws a schedule as a Gantt chart: one row for every resource, one colour for every kind of task, the share of the
 * time that each resource is busy on the right. The busiest is bold, and the critical path underlined.
 *
 * A document of its own, light or dark as the reader chooses, with no script and no font of its own; every bar tells its tasks when pointed at.
 */
export function ganttSvg(
  graph: TaskGraph,
  schedule: Schedule,
  { title = "Schedule", about = "", width = 1200 }: GanttSvgOptions = {},
): string {
  const { makespanNs } = schedule;
  const left =
    24 +
    characterWidth *
      largest(
        graph.resources.map((name) => name.length),
        0,
      );
  const right = 60;
  const top = 84;
  const plotWidth = width - left - right;
  const bottom = top + rowHeight * graph.resources.length;
  const x = (ns: number) => round(left + (makespanNs > 0 ? (ns / makespanNs) * plotWidth : 0));
  const busyNs = busyTimesNs(graph);
  const most = largest(busyNs);
  const ticks = timeTicks(makespanNs, plotWidth / 110).map(
    ({ ns, label }) =>
      `<line x1="${x(ns)}" x2="${x(ns)}" y1="${top - 6}" y2="${bottom}" stroke="var(--line)"/>` +
      `<text x="${x(ns)}" y="${top - 10}" text-anchor="middle" fill="var(--quiet)">${label}</text>`,
  );
  const rows = graph.resources.map((name, resource) => {
    const y = top + rowHeight * resource + 14;
    const share = makespanNs > 0 ? Math.round((100 * busyNs[resource]) / makespanNs) : 0;
    const weight = busyNs[resource] === most ? ` font-weight="700"` : "";
    return (
      `<text x="${left - 8}" y="${y}" text-anchor="end"${weight}>${escapeXml(name)}</text>` +
      `<text x="${width - 12}" y="${y}" text-anchor="end" fill="var(--quiet)"${weight}>${share} %</text>`
    );
  });
  const bars = ganttBars(graph, schedule, makespanNs / plotWidth).map((bar) => {
    const name = taskName(graph, bar.task) + (bar.numTasks > 1 ? ` and ${bar.numTasks - 1} more` : "");
    const barWidth = Math.max(0.5, round(x(bar.untilNs) - x(bar.fromNs)));
    return (
      `<rect x="${x(bar.fromNs)}" y="${top + rowHeight * bar.resource + 3}" width="${barWidth}" ` +
      `height="${barHeight}" fill="var(--kind-${bar.kind % NUM_COLOURS})">` +
      `<title>${escapeXml(name)}: ${formatTime(bar.fromNs)} to ${formatTime(bar.untilNs)}</title></rect>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom + 16}" ` +
      `viewBox="0 0 ${width} ${bottom + 16}" role="img" ` +
      `aria-label="${escapeXml(`${title}: ${formatTime(makespanNs)}`)}" font-family="system-ui, DejaVu Sans, sans-serif" font-size="12" ` +
      `fill="var(--text)">`,
    ...(about === "" ? [] : [`<desc>${escapeXml(about)}</desc>`]),
    `<style>${reportColours}.critical { fill: var(--text); }</style>`,
    `<rect width="100%" height="100%" fill="var(--background)"/>`,
    `<text x="12" y="24" font-size="16" font-weight="600">${escapeXml(title)}</text>`,
    `<text x="${width - 12}" y="24" text-anchor="end" fill="var(--quiet)">makespan ${formatTime(makespanNs)}</text>`,
    ...legend(graph),
    `<text x="${width - 12}" y="${top - 10}" text-anchor="end" fill="var(--quiet)">busy</text>`,
    ...stripes(graph, { left, top, plotWidth }),
    ...ticks,
    ...rows,
    ...bars,
    `<path class="critical" d="${criticalMarks(graph, schedule, { x, y: (row) => top + rowHeight * row + 3 + barHeight })}"/>`,
    "</svg>\n",
  ].join("\n");
}

/** Lines under the tasks that nothing but each other delays; neighbours too close to see apart are one. */
function criticalMarks(
  graph: TaskGraph,
  schedule: Schedule,
  { x, y }: { x: (ns: number) => number; y: (row: number) => number },
): string {
  const lines = new Map<number, { from: number; until: number }[]>();
  const path = graph.numTasks === 0 ? [] : criticalPath(graph, schedule);
  for (const { task } of path) {
    const row = graph.resourceOf[task];
    if (row === NO_RESOURCE || graph.durationNs[task] === 0) continue;
    const own = lines.get(row) ?? [];
    lines.set(row, own);
    const from = x(schedule.startNs[task]);
    const until = Math.max(from + 0.5, x(schedule.startNs[task] + graph.durationNs[task]));
    const last = own.at(-1);
    if (last && from - last.until < 0.5) last.until = until;
    else own.push({ from, until });
  }
  return [...lines]
    .flatMap(([row, own]) =>
      own.map(({ from, until }) => `M${from} ${y(row)}h${round(until - from)}v2.5h${round(from - until)}z`),
    )
    .join("");
}

function legend({ kinds, kindOf, durationNs }: TaskGraph): string[] {
  const drawn = kinds.filter((_, kind) => kindOf.some((of, task) => of === kind && durationNs[task] > 0));
  let x = 12;
  const keys = drawn.map((name) => {
    const at = x;
    x += 30 + characterWidth * name.length;
    return (
      `<rect x="${round(at)}" y="38" width="12" height="12" fill="var(--kind-${kinds.indexOf(name) % NUM_COLOURS})"/>` +
      `<text x="${round(at + 17)}" y="48">${escapeXml(name)}</text>`
    );
  });
  return [
    ...keys,
    `<rect class="critical" x="${round(x)}" y="43" width="12" height="2.5"/><text x="${round(x + 17)}" y="48">on the critical path</text>`,
  ];
}

/** A faint band behind every other row, to lead the eye. */
function stripes(
  { resources }: TaskGraph,
  { left, top, plotWidth }: { left: number; top: number; plotWidth: number },
): string[] {
  return resources.flatMap((_, resource) =>
    resource % 2 === 1
      ? []
      : [
          `<rect x="${left}" y="${top + rowHeight * resource}" width="${plotWidth}" height="${rowHeight}" fill="var(--raised)"/>`,
        ],
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
