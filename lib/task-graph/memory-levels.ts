import type { Schedule } from "./list-schedule.js";
import type { TaskGraph } from "./task-graph.js";

/** What a memory holds from a moment on. */
export interface MemoryLevel {
  readonly atNs: number;
  readonly bytes: number;
}

/** What a memory holds whenever that changes, in time. What falls free at an instant makes room first. */
export function memoryLevels(
  { memoryUses, durationNs }: TaskGraph,
  { startNs }: Schedule,
  memory: number,
): MemoryLevel[] {
  let held = 0;
  return memoryUses
    .filter((use) => use.memory === memory)
    .flatMap(({ bytes, from, until }) => [
      { atNs: startNs[from], bytes },
      { atNs: startNs[until] + durationNs[until], bytes: -bytes },
    ])
    .sort((a, b) => a.atNs - b.atNs || a.bytes - b.bytes)
    .map(({ atNs, bytes }) => ({ atNs, bytes: (held += bytes) }));
}

/** The most that a memory holds, and when for the first time. */
export function memoryPeak(levels: readonly MemoryLevel[]): MemoryLevel {
  return levels.reduce((peak, level) => (level.bytes > peak.bytes ? level : peak), { atNs: 0, bytes: 0 });
}
