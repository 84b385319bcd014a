import colors from "picocolors";
import { InputError } from "../index.js";
import { printableLines, recordsCsv } from "../doors/report.js";
import type { OnLayer } from "../doors/traces.js";
import { outputWidth, wrapLines } from "./help.js";
import { openProgress } from "./progress.js";

/** What a command says, and where: results on stdout, everything else on stderr. */
export interface Terminal {
  /** Lines for people on stdout, the last one without its end; nothing with --json or --csv, which own stdout then. */
  print(text: string): void;
  /** The one JSON document of --json; nothing without it. */
  printJson(document: unknown): void;
  /** The rows of --csv; nothing without it. */
  printCsv(rows: string | readonly object[]): void;
  /** A line on stderr that is worth knowing; nothing with --quiet. */
  note(line: string): void;
  /** The same of what would be said again at every point of a grid. */
  noteOnce(line: string): void;
  /** A line on stderr that says why there is no result, with --quiet too. */
  fail(line: string): void;
  /** A line on stderr for who looks into a run; only with --verbose. */
  detail(line: string): void;
  /**
   * A line on stderr that says how far the work is, again and again until there are results: for who watches in place,
   * and less and less often where nobody does. Without a line there is nothing more to say.
   */
  progress(line?: () => string): void;
}

/** The options of every command that decide what is said. */
export interface TerminalOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** File to write; "-", standard output, leaves stderr for people. */
  readonly output?: string;
}

/** @throws InputError if JSON and comma-separated values are asked for. */
export function openTerminal({
  json = false,
  csv = false,
  quiet = false,
  verbose = false,
  output,
}: TerminalOptions): Terminal {
  if (csv && json) throw new InputError("--csv: found --json too, expected one of them");
  const isTaken = output === "-";
  if (isTaken && (csv || json)) {
    throw new InputError(
      `--${csv ? "csv" : "json"}: found --output - too, expected one of them on standard output`,
    );
  }
  const progress = openProgress(process.stderr, { quiet });
  const note = (line: string) => {
    progress.clear();
    if (!quiet) process.stderr.write(`${colors.dim(printableLines(line))}\n`);
  };
  const noted = new Set<string>();
  return {
    print(text) {
      progress.end();
      if (isTaken && quiet) return;
      if (!json && !csv)
        (isTaken ? process.stderr : process.stdout).write(
          `${wrapLines(printableLines(text), outputWidth())}\n`,
        );
    },
    printJson(document) {
      progress.end();
      if (json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
    printCsv(rows) {
      progress.end();
      if (csv) process.stdout.write(`${typeof rows === "string" ? rows : recordsCsv(rows)}\n`);
    },
    note,
    noteOnce(line) {
      if (!noted.has(line)) note(line);
      noted.add(line);
    },
    fail(line) {
      progress.clear();
      process.stderr.write(`${printableLines(line)}\n`);
    },
    detail(line) {
      progress.clear();
      if (verbose) process.stderr.write(`${line}\n`);
    },
    progress(line) {
      if (line === undefined) progress.end();
      else progress.say(() => printableLines(line()));
    },
  };
}

/** Says at which layer work is, for what counts them without a pause. */
export function layerProgress(terminal: Pick<Terminal, "progress">, doing: string): OnLayer {
  return (index, numLayers) => {
    terminal.progress(() => `${doing} layer ${index + 1} of ${numLayers}`);
  };
}

/** How a table is shown. */
export interface TableOptions {
  /** Cells that are the best of their column. Shape as the rows. */
  readonly best?: readonly (readonly boolean[])[] | undefined;
  /** Columns of words, which are aligned to the left as the first one is. */
  readonly words?: readonly number[];
  /** Columns of the terminal; default as many as it has. */
  readonly width?: number;
}

/**
 * A table whose first column, and columns of words, are aligned to the left and all others, numbers mostly, to the right.
 *
 * The best of a column has a star, and colour where there is any. What is wider than the terminal goes on below, beside the first
 * column again.
 *
 * @example
 * formatTable(["solver", "C_T"], [["a", "2.5"], ["b", "2.0"]], { best: [[false, false], [false, true]] });
 * // solver   C_T
 * // a        2.5
 * // b       *2.0
 * //
 * // * the best of its column
 */
export function formatTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  { best, words = [], width = outputWidth() }: TableOptions = {},
): string {
  const isBest = (row: number, column: number) => best?.[row]?.[column] ?? false;
  const texts = rows.map((row, index) =>
    row.map((cell, column) => (isBest(index, column) ? `*${cell}` : cell)),
  );
  const widths = headers.map((header, column) =>
    texts.reduce((most, row) => Math.max(most, row[column].length), header.length),
  );
  const align = (cell: string, column: number) =>
    column === 0 || words.includes(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  const blocks = blocksOf(widths, width).map((columns) => {
    const head = columns.map((column) => align(headers[column], column)).join("  ");
    const body = texts.map((row, index) =>
      columns
        .map((column) => {
          const cell = align(row[column], column);
          return isBest(index, column)
            ? cell.replace(row[column], colors.bold(colors.green(row[column])))
            : cell;
        })
        .join("  ")
        .trimEnd(),
    );
    return [colors.bold(head.trimEnd()), ...body].join("\n");
  });
  const hasBest = best?.some((row) => row.some(Boolean)) ?? false;
  return [...blocks, ...(hasBest ? ["* the best of its column"] : [])].join("\n\n");
}

/** Columns that fit beside each other, the first in every block. */
function blocksOf(widths: readonly number[], width: number): number[][] {
  const blocks: number[][] = [[0]];
  let taken = widths[0];
  for (let column = 1; column < widths.length; column++) {
    if (taken + 2 + widths[column] > width && blocks[blocks.length - 1].length > 1) {
      blocks.push([0]);
      taken = widths[0];
    }
    blocks[blocks.length - 1].push(column);
    taken += 2 + widths[column];
  }
  return blocks;
}
