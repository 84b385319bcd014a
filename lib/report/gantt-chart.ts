import { criticalPath } from "../task-graph/critical-path.js";
import type { Schedule } from "../task-graph/list-schedule.js";
import { NO_RESOURCE, type TaskGraph } from "../task-graph/task-graph.js";
import { busyTimesNs } from "../task-graph/timeline.js";
import { largest } from "../statistics.js";
import { escapeXml } from "./escape-xml.js";
import { formatTime, timeTicks } from "./format-time.js";
import { ganttBars } from "./gantt-bars.js";

/** Positions along a chart: a bar thinner than one of them is joined with its neighbours. */
const RESOLUTION = 6000;
const ROW = 22;
const BAR = 15;
const WIDTH = 1100;
const RIGHT = 56;
const HEAD = 30;
/** More rows than that and only the busiest of every kind of resource are drawn. */
const MOST_ROWS = 44;
const BUSIEST = 3;
/** Stands for the kind of tasks that occupy nothing and only wait. */
const LATENCY = -1;

/**
 * A schedule as a Gantt chart for a page: a row for every resource, or for the busiest of every kind where there are many;
 * on top the critical path, whose tasks are underlined in their rows.
 *
 * Bars are paths in a frame of their own, [0, 6000] wide, whose view box a page's script moves to zoom.
 *
 * @param options.name What the page calls it; also what is scheduled, for the label.
 */
export function ganttChart(
  graph: TaskGraph,
  schedule: Schedule,
  { name, label }: { name: string; label: string },
): string {
  const { makespanNs } = schedule;
  const busyNs = busyTimesNs(graph);
  const rows = rowsOf(graph, busyNs);
  const position = (ns: number) => Math.round((ns / (makespanNs || 1)) * RESOLUTION);
  const left =
    20 +
    7.2 *
      largest(
        rows.map((resource) => graph.resources[resource].length),
        13,
      );
  const width = WIDTH - left - RIGHT;
  const height = HEAD + ROW * (rows.length + 1);
  const path = criticalPath(graph, schedule);
  const rowOfResource = new Map(rows.map((resource, row) => [resource, row + 1]));
  const pieces = new Map<string, string[]>();
  const add = (row: number, kind: number, [fromNs, untilNs]: readonly [number, number]) => {
    const key = `${row} ${kind}`;
    const list = pieces.get(key) ?? [];
    if (list.length === 0) pieces.set(key, list);
    const from = position(fromNs);
    list.push(`M${from} ${row * ROW + 3}h${Math.max(1, position(untilNs) - from)}v${BAR}H${from}z`);
  };
  for (const { task, fromNs, untilNs } of joined(graph, path, makespanNs / RESOLUTION)) {
    const waits = graph.resourceOf[task] === NO_RESOURCE;
    add(0, waits ? LATENCY : graph.kindOf[task], [fromNs, untilNs]);
  }
  for (const bar of ganttBars(graph, schedule, makespanNs / RESOLUTION)) {
    const row = rowOfResource.get(bar.resource);
    if (row !== undefined) add(row, bar.kind, [bar.fromNs, bar.untilNs]);
  }
  const bars = [...pieces].map(([key, list]) => {
    const [row, kind] = key.split(" ");
    const what = Number(kind) === LATENCY ? "latency" : escapeXml(graph.kinds[Number(kind)]);
    const colour = Number(kind) === LATENCY ? "latency" : `k${Number(kind) % 9}`;
    return `<path data-row="${row}" data-kind="${what}" class="${colour}" d="${list.join("")}"/>`;
  });
  const marks = path.flatMap(({ task }) => {
    const row = rowOfResource.get(graph.resourceOf[task]);
    if (row === undefined || graph.durationNs[task] === 0) return [];
    const from = position(schedule.startNs[task]);
    const until = position(schedule.startNs[task] + graph.durationNs[task]);
    return `M${from} ${row * ROW + BAR + 3}h${Math.max(1, until - from)}v3H${from}z`;
  });
  const frames = [-1, ...rows].map((resource, row) => {
    const y = HEAD + row * ROW;
    const title = resource < 0 ? "critical path" : graph.resources[resource];
    const share = resource < 0 ? 1 : busyNs[resource] / (makespanNs || 1);
    return (
      `<rect class="idle" x="${left}" y="${y + 3}" width="${width}" height="${BAR}"/>` +
      `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${escapeXml(title)}</text>` +
      (resource < 0
        ? ""
        : `<text class="quiet" x="${WIDTH - 4}" y="${y + 15}" text-anchor="end">${Math.round(100 * share)} %</text>`)
    );
  });
  const ticks = timeTicks(makespanNs, 8).map(
    ({ ns, label: text }) =>
      `<text class="tick" x="${Math.round(left + (ns / (makespanNs || 1)) * width)}" y="${HEAD - 10}" text-anchor="middle">${text}</text>`,
  );
  return (
    `<div class="scroll gantt" tabindex="0" role="group" aria-label="${escapeXml(label)}" data-gantt="${name}" data-makespan="${makespanNs}" ` +
    `data-rows="${escapeXml(["critical path", ...rows.map((resource) => graph.resources[resource])].join("|"))}">` +
    `<svg viewBox="0 0 ${WIDTH} ${height}" font-size="13" role="img" aria-label="${escapeXml(`${label}: ${formatTime(makespanNs)}`)}">` +
    `<defs><pattern id="idle-${name}" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V7"/></pattern></defs>` +
    `${frames.join("").replaceAll('class="idle"', `class="idle" fill="url(#idle-${name})"`)}<g class="ticks" data-left="${left}" data-width="${width}">${ticks.join("")}</g>` +
    `<text class="quiet" x="${WIDTH - 4}" y="${HEAD - 10}" text-anchor="end">busy</text>` +
    `<svg class="bars" x="${left}" y="${HEAD}" width="${width}" height="${height - HEAD}" viewBox="0 0 ${RESOLUTION} ${height - HEAD}" ` +
    `preserveAspectRatio="none">${bars.join("")}<path class="critical" d="${marks.join("")}"/></svg></svg></div>`
  );
}

/** The kinds of task that a chart shows, with the number of their colour. */
export function ganttKinds({
  kinds,
  kindOf,
  durationNs,
  resourceOf,
}: TaskGraph): { kind: string; colour: number }[] {
  const shown = new Set<number>();
  kindOf.forEach((kind, task) => {
    if (durationNs[task] > 0 && resourceOf[task] !== NO_RESOURCE) shown.add(kind);
  });
  return kinds.flatMap((kind, index) => (shown.has(index) ? [{ kind, colour: index % 9 }] : []));
}

/** Whether a chart leaves resources out. */
export function isFolded({ resources }: TaskGraph): boolean {
  return resources.length > MOST_ROWS;
}

/** Resources to draw, in the order of the graph. */
function rowsOf(graph: TaskGraph, busyNs: Float64Array): number[] {
  const used = graph.resources.map((_, resource) => resource).filter((resource) => busyNs[resource] > 0);
  if (!isFolded(graph)) return used;
  const families = new Map<string, number[]>();
  for (const resource of used) {
    const family = graph.resources[resource].replace(/\d+/, "#");
    families.set(family, [...(families.get(family) ?? []), resource]);
  }
  return [...families.values()]
    .flatMap((members) => members.sort((left, right) => busyNs[right] - busyNs[left]).slice(0, BUSIEST))
    .sort((left, right) => left - right);
}

/** Neighbours on the critical path of one kind are one bar; so is what is too short to see. */
function joined(
  { kindOf }: TaskGraph,
  path: ReturnType<typeof criticalPath>,
  finestNs: number,
): { task: number; fromNs: number; untilNs: number }[] {
  const bars: { task: number; fromNs: number; untilNs: number }[] = [];
  for (const { task, fromNs, untilNs } of path) {
    const last = bars.at(-1);
    const joins = last && (kindOf[last.task] === kindOf[task] || untilNs - fromNs < finestNs);
    if (joins) last.untilNs = untilNs;
    else bars.push({ task, fromNs, untilNs });
  }
  return bars;
}
