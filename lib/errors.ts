/**
 * Input that a user can put right: a file, an option or a value that does not fit.
 *
 * Thrown at the boundary only (readers, parsers, the command line). A broken invariant inside the
 * program is a plain `Error` and a bug; a problem without a solution is a status, never an exception.
 *
 * @example
 * throw new InputError("trace.jsonl:4182: expert 64 is out of range [0, 64)",
 *   "Maybe the trace counts experts from 1; pass --first-expert 1.");
 */
export class InputError extends Error {
  override readonly name = "InputError";

  /**
   * @param message "where: found, expected", one line.
   * @param advice A line that begins with "Maybe", where something helpful is known.
   */
  constructor(
    message: string,
    readonly advice?: string,
  ) {
    super(message);
  }
}
