import { expect } from "chai";
import { InputError } from "../lib/errors.js";

/** Expects a promise to be rejected with an InputError whose message includes or matches what is given. */
export async function expectRejection(promise: Promise<unknown>, message: string | RegExp): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof InputError)) throw new Error(`expected an InputError, found ${String(error)}`);
  if (typeof message === "string") expect(error.message).to.include(message);
  else expect(error.message).to.match(message);
}
