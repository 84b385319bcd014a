import { stripVTControlCharacters } from "node:util";
import type { Command } from "commander";

/** The options of a command that most people need, which its help shows first. */
const MOST_USED: Readonly<Record<string, readonly string[]>> = {
  place: ["output", "solver", "for", "hardware", "objective", "holdout"],
  compare: ["solver", "hardware", "objective", "holdout", "report"],
  evaluate: ["holdout", "hardware", "model", "workload", "tokens"],
  schedule: ["layer", "svg", "perfetto", "configuration", "workload"],
  report: ["output", "holdout", "objective", "hardware", "workload"],
};

/** Narrower than that nothing can be read. */
const LEAST_WIDTH = 40;

/** Groups the options of a command, those that most people need first. */
export function groupOptions(command: Command): void {
  const names = MOST_USED[command.name()] ?? [];
  for (const option of command.options) {
    if (names.includes(option.attributeName())) option.helpGroup("Most used:");
  }
}

/** Columns of the terminal, or of COLUMNS, or 80. */
export function helpWidth(): number {
  const columns = process.stdout.columns || Number(process.env.COLUMNS) || 80;
  return Math.max(LEAST_WIDTH, columns);
}

/** Columns in which results are shown: those of the terminal or of COLUMNS, and without end in a file. */
export function outputWidth(): number {
  const columns = process.stdout.columns || Number(process.env.COLUMNS) || Infinity;
  return Math.max(LEAST_WIDTH, columns);
}

/**
 * Breaks lines that are wider than a terminal; what follows is put under the second column of a list, or under its
 * beginning.
 *
 * @example
 * wrapLines("  solver  what it does", 20); // "  solver  what it\n          does"
 */
export function wrapLines(text: string, width: number): string {
  return text
    .split("\n")
    .map((line) => (stripVTControlCharacters(line).length <= width ? line : wrapLine(line, width)))
    .join("\n");
}

function wrapLine(line: string, width: number): string {
  const [start] = /^ *(?:\S+(?: \S+)* {2,})?/.exec(line) ?? [""];
  const [begin] = /^ */.exec(line) ?? [""];
  // Under a second column that leaves no room, text would be a word a line.
  const hanging = start.length > width / 2 ? Math.min(begin.length + 4, width / 2) : start.length;
  const lines: string[] = [];
  let current = start;
  for (const word of line.slice(start.length).split(/ +/)) {
    const separator = current === start || current.trim() === "" ? "" : " ";
    if (current.trim() !== "" && current.length + separator.length + word.length > width) {
      lines.push(current.trimEnd());
      current = " ".repeat(hanging) + word;
    } else current += separator + word;
  }
  return [...lines, current].join("\n");
}
