import type { Schedule } from "../task-graph/list-schedule.js";
import { taskName, type TaskGraph } from "../task-graph/task-graph.js";
import { busyTimesNs } from "../task-graph/timeline.js";
import { escapeXml } from "./escape-xml.js";
import { formatTime, timeTicks } from "./format-time.js";
import { ganttBars } from "./gantt-bars.js";
import { largest } from "../statistics.js";

/** Told apart with every kind of colour vision, and on paper; Okabe and Ito's palette with greys for the rest. */
const palette = [
  "#0072b2",
  "#e69f00",
  "#56b4e9",
  "#009e73",
  "#cc79a7",
  "#d55e00",
  "#b8a800",
  "#666666",
  "#aaaaaa",
];

const rowHeight = 20;
const barHeight = 14;
const characterWidth = 6.6;

/**
 * Draws a schedule as a Gantt chart: one row for every resource, one colour for every kind of task, the share of the
 * time that each resource is busy on the right.
 *
 * A document of its own with no script and no font of its own; every bar tells its tasks when pointed at.
 *
 * @param options.width Pixels, default 1200.
 */
export function ganttSvg(
  graph: TaskGraph,
  schedule: Schedule,
  { title = "Schedule", width = 1200 }: { title?: string; width?: number } = {},
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

  const ticks = timeTicks(makespanNs, plotWidth / 110).map(
    ({ ns, label }) =>
      `<line x1="${x(ns)}" x2="${x(ns)}" y1="${top - 6}" y2="${bottom}" stroke="#ddd"/>` +
      `<text x="${x(ns)}" y="${top - 10}" text-anchor="middle" fill="#555">${label}</text>`,
  );
  const rows = graph.resources.map((name, resource) => {
    const y = top + rowHeight * resource + 14;
    const share = makespanNs > 0 ? Math.round((100 * busyNs[resource]) / makespanNs) : 0;
    return (
      `<text x="${left - 8}" y="${y}" text-anchor="end">${escapeXml(name)}</text>` +
      `<text x="${width - 12}" y="${y}" text-anchor="end" fill="#555">${share} %</text>`
    );
  });
  const bars = ganttBars(graph, schedule, makespanNs / plotWidth).map((bar) => {
    const name = taskName(graph, bar.task) + (bar.numTasks > 1 ? ` and ${bar.numTasks - 1} more` : "");
    const barWidth = Math.max(0.5, round(x(bar.untilNs) - x(bar.fromNs)));
    return (
      `<rect x="${x(bar.fromNs)}" y="${top + rowHeight * bar.resource + 3}" width="${barWidth}" ` +
      `height="${barHeight}" fill="${palette[bar.kind % palette.length]}">` +
      `<title>${escapeXml(name)}: ${formatTime(bar.fromNs)} to ${formatTime(bar.untilNs)}</title></rect>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom + 16}" ` +
      `viewBox="0 0 ${width} ${bottom + 16}" font-family="system-ui, DejaVu Sans, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="12" y="24" font-size="16" font-weight="600">${escapeXml(title)}</text>`,
    `<text x="${width - 12}" y="24" text-anchor="end" fill="#555">makespan ${formatTime(makespanNs)}</text>`,
    ...legend(graph),
    `<text x="${width - 12}" y="${top - 10}" text-anchor="end" fill="#555">busy</text>`,
    ...stripes(graph, { left, top, plotWidth }),
    ...ticks,
    ...rows,
    ...bars,
    "</svg>\n",
  ].join("\n");
}

function legend({ kinds, kindOf, durationNs }: TaskGraph): string[] {
  const drawn = kinds.filter((_, kind) => kindOf.some((of, task) => of === kind && durationNs[task] > 0));
  let x = 12;
  return drawn.map((name) => {
    const at = x;
    x += 30 + characterWidth * name.length;
    return (
      `<rect x="${round(at)}" y="38" width="12" height="12" fill="${palette[kinds.indexOf(name) % palette.length]}"/>` +
      `<text x="${round(at + 17)}" y="48">${escapeXml(name)}</text>`
    );
  });
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
          `<rect x="${left}" y="${top + rowHeight * resource}" width="${plotWidth}" height="${rowHeight}" fill="#f6f6f6"/>`,
        ],
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
