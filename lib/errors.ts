import { printable } from "./printable.js";

/** A message says where and what in one line; whatever is longer quotes too much of a file. */
const MOST_CHARACTERS = 1000;

/**
 * Input that a user can put right: a file, an option or a value that does not fit.
 *
 * Thrown at the boundary only (readers, parsers, the command line). A broken invariant inside the
 * program is a plain `Error` and a bug; a problem without a solution is a status, never an exception.
 * Messages quote files and names of files: what would steer a terminal is written out.
 *
 * @example
 * const error = new InputError("trace.jsonl:4182: expert 64 is out of range [0, 64)", "Maybe the trace counts from 1.");
 * error.advice; // "Maybe the trace counts from 1."
 */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly advice?: string;

  /**
   * @param message "where: found, expected", one line.
   * @param advice A line that begins with "Maybe", where something helpful is known.
   */
  constructor(message: string, advice?: string) {
    super(printable(message, MOST_CHARACTERS));
    if (advice !== undefined) this.advice = printable(advice, MOST_CHARACTERS);
  }
}
