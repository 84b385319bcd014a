import colors from "picocolors";
import { printableLines } from "../doors/report.js";

/** What a command says, and where: results on stdout, everything else on stderr. */
export interface Terminal {
  /** Lines for people on stdout, the last one without its end; nothing with --json, which owns stdout then. */
  print(text: string): void;
  /** The one JSON document of --json; nothing without it. */
  printJson(document: unknown): void;
  /** A line on stderr that is worth knowing; nothing with --quiet. */
  note(line: string): void;
  /** A line on stderr for who looks into a run; only with --verbose. */
  detail(line: string): void;
  /** A line on stderr that the next line takes the place of; only where a person watches. */
  progress(line: string): void;
}

/** The options of every command that decide what is said. */
export interface TerminalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

export function openTerminal({ json = false, quiet = false, verbose = false }: TerminalOptions): Terminal {
  const isWatched = process.stderr.isTTY && !quiet;
  let hasProgress = false;
  const clear = () => {
    if (hasProgress) process.stderr.write("\r\x1b[K");
    hasProgress = false;
  };
  return {
    print(text) {
      clear();
      if (!json) process.stdout.write(`${printableLines(text)}\n`);
    },
    printJson(document) {
      clear();
      if (json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
    note(line) {
      clear();
      if (!quiet) process.stderr.write(`${colors.dim(printableLines(line))}\n`);
    },
    detail(line) {
      clear();
      if (verbose) process.stderr.write(`${line}\n`);
    },
    progress(line) {
      if (!isWatched) return;
      clear();
      process.stderr.write(printableLines(line).slice(0, process.stderr.columns - 1));
      hasProgress = true;
    },
  };
}

/** Prints a table whose first column is aligned to the left and all others, numbers mostly, to the right. */
export function formatTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headers.map((header, column) =>
    rows.reduce((width, row) => Math.max(width, row[column].length), header.length),
  );
  const align = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])));
  const [head, ...body] = [headers, ...rows].map((row) => align(row).join("  ").trimEnd());
  return [colors.bold(head), ...body].join("\n");
}
