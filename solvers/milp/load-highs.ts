import highsModule, { type Highs } from "highs";

// The package's types describe CommonJS, in which the default export hides one level deeper than it really does.
const load = highsModule as unknown as typeof highsModule.default;

let runtime: Promise<Highs> | undefined;

/** The HiGHS runtime of this thread, compiled once. */
export function loadHighs(): Promise<Highs> {
  return (runtime ??= load());
}
