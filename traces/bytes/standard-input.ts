import { InputError } from "../../lib/errors.js";

/** What stands for standard input in place of a path; a file of that name is ./- */
export const STANDARD_INPUT = "-";

/** Bytes that are looked at before the format is known: the first block of zstd, which unpacks as a whole, is in them. */
const PEEKED_BYTES = 2 ** 18;

/** Standard input, whose beginning can be looked at before all of it is read, once. */
class StandardInput {
  readonly #chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  #ahead: Buffer[] = [];
  #isTaken = false;

  /**
   * What it begins with, left there to be read.
   *
   * @throws InputError if it was read before.
   */
  async peek(): Promise<Buffer> {
    if (this.#isTaken) throw foundTwice();
    let length = this.#ahead.reduce((sum, chunk) => sum + chunk.length, 0);
    while (length < PEEKED_BYTES) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      this.#ahead.push(next.value);
      length += next.value.length;
    }
    return Buffer.concat(this.#ahead);
  }

  /**
   * Hands out all of it.
   *
   * @throws InputError if that was done before.
   */
  async *read(): AsyncGenerator<Buffer, undefined> {
    if (this.#isTaken)
      throw new InputError(`${STANDARD_INPUT}: found standard input twice, expected it once`);
    this.#isTaken = true;
    for (let chunk = this.#ahead.shift(); chunk; chunk = this.#ahead.shift()) yield chunk;
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
}

function foundTwice(): InputError {
  return new InputError(`${STANDARD_INPUT}: found standard input twice, expected it once`);
}

let standardInput: StandardInput | undefined;

/** The standard input of this process. */
export function openStandardInput(): Pick<StandardInput, "peek" | "read"> {
  return (standardInput ??= new StandardInput());
}
