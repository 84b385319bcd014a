import { readBlocks, type OnBytes } from "./file-bytes.js";

const NEWLINE = 0x0a;

/**
 * Streams a text file (gzip allowed) in blocks of whole lines of about a megabyte; only the last line of the file
 * may lack its newline. A block is valid until the next one is asked for.
 */
export function readLineBlocks(path: string, onBytes?: OnBytes): AsyncGenerator<Buffer> {
  return readBlocks(path, (bytes) => bytes.lastIndexOf(NEWLINE) + 1, { onBytes });
}

/** A line of text without its end. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** False for a last line without newline, which may have been cut off. */
  readonly isTerminated: boolean;
}

/** Streams a text file line by line, for formats of few and long lines. Empty lines are counted and left out. */
export async function* readLines(path: string, onBytes?: OnBytes): AsyncGenerator<Line> {
  let number = 0;
  for await (const bytes of readLineBlocks(path, onBytes)) {
    for (let start = 0; start < bytes.length;) {
      const found = bytes.indexOf(NEWLINE, start);
      const end = found < 0 ? bytes.length : found;
      number++;
      if (end > start) {
        const line = bytes.toString("utf8", start, end).replace(/\r$/, "");
        const text = number === 1 ? line.replace(/^\uFEFF/, "") : line;
        yield { number, text, isTerminated: found >= 0 };
      }
      start = end + 1;
    }
  }
}
