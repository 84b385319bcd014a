import highsModule, { type Highs } from "highs";

// The package's types describe CommonJS, in which the default export hides one level deeper than it really does.
const load = highsModule as unknown as typeof highsModule.default;

let runtime: Promise<Highs> | undefined;

/** The HiGHS runtime of this thread, compiled once. */
export function loadHighs(): Promise<Highs> {
  return (runtime ??= load());
}

/** Has the next who asks get a runtime of its own: one that ran out of memory or aborted is of no more use. */
export function dropHighs(): void {
  runtime = undefined;
}
