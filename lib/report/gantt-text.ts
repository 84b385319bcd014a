import type { Schedule } from "../task-graph/list-schedule.js";
import { NO_RESOURCE, type TaskGraph } from "../task-graph/task-graph.js";
import { busyTimesNs } from "../task-graph/timeline.js";
import { timeTicks } from "./format-time.js";
import { largest, sum } from "../statistics.js";
import { SHARE_ROUNDING } from "../placement/tolerance.js";

/**
 * Draws a schedule for a terminal: one line for every resource, one letter for what it does most in a column's time.
 *
 * A capital where it is busy for at least half of that time, a small letter for less, a dot where it is idle. Of
 * resources whose names differ in numbers only, the busiest stands for all, unless every one is asked for.
 *
 * It takes 100 columns unless told otherwise; at least 20 of them are for the bars.
 *
 * @example
 * ganttText(graph, schedule, { width: 34 });
 * //         0 ns                20
 * // DRAM    WWWWWWWWWW..........  50 %
 * // chiplet ..........EEEEEEEEEE  50 %
 * // W weights  E experts
 */
export function ganttText(
  graph: TaskGraph,
  schedule: Schedule,
  { width = 100, every = false }: { width?: number; every?: boolean } = {},
): string {
  const { makespanNs } = schedule;
  const busyNs = busyTimesNs(graph);
  const drawn = every
    ? graph.resources.map((name, resource) => ({ name, resource }))
    : busiest(graph, busyNs);
  const labelWidth = largest(
    drawn.map(({ name }) => name.length),
    0,
  );
  const numColumns = Math.max(20, width - labelWidth - 1 - 6);
  const letters = kindLetters(graph.kinds);
  const shares = columnShares(graph, schedule, numColumns);
  const lines = drawn.map(({ name, resource }) => {
    const cells = Array.from({ length: numColumns }, (_, column) => {
      const byKind = shares[resource][column];
      const busy = sum(byKind);
      const letter = letters[byKind.indexOf(largest(byKind))];
      if (busy < SHARE_ROUNDING) return ".";
      return busy >= 0.5 - SHARE_ROUNDING ? letter.toUpperCase() : letter.toLowerCase();
    });
    const share = makespanNs > 0 ? Math.round((100 * busyNs[resource]) / makespanNs) : 0;
    return `${name.padEnd(labelWidth)} ${cells.join("")} ${`${share}`.padStart(3)} %`;
  });
  const legend = graph.kinds
    .map((kind, index) => ({ kind, index }))
    .filter(({ index }) => drawn.some(({ resource }) => shares[resource].some((byKind) => byKind[index] > 0)))
    .map(({ kind, index }) => `${letters[index]} ${kind}`);
  return `${[axis(makespanNs, labelWidth + 1, numColumns), ...lines, legend.join("  ")].join("\n")}\n`;
}

/** The busiest of every family of resources, named with its size, of equals the first. */
function busiest({ resources }: TaskGraph, busyNs: Float64Array): { name: string; resource: number }[] {
  const families = new Map<string, number[]>();
  resources.forEach((name, resource) => {
    const family = name.replace(/\d+/g, "#");
    families.set(family, [...(families.get(family) ?? []), resource]);
  });
  return [...families.values()].map((members) => {
    const resource = members.reduce((best, next) => (busyNs[next] > busyNs[best] ? next : best));
    const size = members.length > 1 ? ` (of ${members.length})` : "";
    return { name: `${resources[resource]}${size}`, resource };
  });
}

/** Share of every column's time that a resource spends on each kind. Indexed [resource][column][kind]. */
function columnShares(graph: TaskGraph, { startNs, makespanNs }: Schedule, numColumns: number): number[][][] {
  const shares = graph.resources.map(() =>
    Array.from({ length: numColumns }, () => graph.kinds.map(() => 0)),
  );
  const columnNs = makespanNs / numColumns;
  for (let task = 0; task < graph.numTasks; task++) {
    const resource = graph.resourceOf[task];
    if (resource === NO_RESOURCE || graph.durationNs[task] === 0) continue;
    const from = startNs[task] / columnNs;
    const until = (startNs[task] + graph.durationNs[task]) / columnNs;
    for (let column = Math.floor(from); column < Math.min(numColumns, until); column++) {
      const share = Math.min(until, column + 1) - Math.max(from, column);
      shares[resource][column][graph.kindOf[task]] += share;
    }
  }
  return shares;
}

/** One letter for every kind, all different: the first of its own that is free, else the first free of all. */
function kindLetters(kinds: readonly string[]): string[] {
  const taken = new Set<string>();
  return kinds.map((kind) => {
    const candidates = `${kind.toUpperCase().replace(/[^A-Z]/g, "")}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;
    const letter = Array.from(candidates).find((candidate) => !taken.has(candidate)) ?? "#";
    taken.add(letter);
    return letter;
  });
}

function axis(makespanNs: number, indent: number, numColumns: number): string {
  let line = " ".repeat(indent);
  for (const { ns, label } of timeTicks(makespanNs, numColumns / 12)) {
    const column = indent + (makespanNs > 0 ? Math.round((ns / makespanNs) * numColumns) : 0);
    if (column < line.length + (ns > 0 ? 1 : 0)) continue;
    line = line.padEnd(column) + label;
  }
  return line;
}
