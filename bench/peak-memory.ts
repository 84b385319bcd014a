import { readFileSync, writeFileSync } from "node:fs";

/**
 * The most memory that this process has had at once, in bytes. Of the operating system's two figures it is the one of
 * the program: the other (`ru_maxrss`) begins with what the process that started it had, so that a child of a large
 * parent seems large.
 */
export function peakBytes(): number {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kilobytes !== undefined) return 1024 * Number(kilobytes);
  } catch {
    // No Linux.
  }
  return 1024 * process.resourceUsage().maxRSS;
}

/** Begins to measure the most memory anew, where Linux is asked: of a process, it never goes down. */
export function forgetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Elsewhere the peak is that of all steps so far.
  }
}
