/** A line that says how far the work is. */
export interface Progress {
  say(line: () => string): void;
  /** Takes the line away, until it is said again. */
  clear(): void;
  end(): void;
}

/** What of a stream says whether somebody watches. */
export type ProgressStream = Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">;

/** Where somebody watches, the line shows the time that passes. */
const WATCHED_MS = 1000;
/** A log is told for the first time then, and again after twice as long each time: the same again is not worth a line. */
const LOGGED_MS = 10_000;
const LOGGED_MOST_MS = 600_000;

/**
 * Says again and again how far the work is: in place where somebody watches, else as a line after ten seconds, twenty, forty and
 * so on, so that who reads a log knows that it goes on.
 *
 * @param options.everyMs How often, and in a log how soon; default 1 s where somebody watches and 10 s where not.
 */
export function openProgress(
  stream: ProgressStream,
  { quiet, everyMs }: { quiet: boolean; everyMs?: number },
): Progress {
  const isWatched = stream.isTTY;
  const tick = everyMs ?? (isWatched ? WATCHED_MS : LOGGED_MS);
  let pause = tick;
  let current: (() => string) | undefined;
  let clock: NodeJS.Timeout | undefined;
  let hasLine = false;
  let lastMs = performance.now();
  const clear = () => {
    if (hasLine) stream.write("\r\x1b[K");
    hasLine = false;
  };
  const show = () => {
    if (current === undefined) return;
    lastMs = performance.now();
    if (!isWatched) {
      pause = Math.min(2 * pause, LOGGED_MOST_MS);
      stream.write(`${current()}\n`);
      return;
    }
    clear();
    stream.write(current().slice(0, stream.columns - 1));
    hasLine = true;
  };
  const showInTime = () => {
    if (isWatched || performance.now() - lastMs >= pause) show();
  };
  return {
    say(line) {
      if (quiet) return;
      current = line;
      if (clock === undefined) {
        lastMs = performance.now();
        clock = setInterval(showInTime, tick).unref();
      }
      // Work in this thread lets no clock tick.
      showInTime();
    },
    clear,
    end() {
      clear();
      clearInterval(clock);
      [current, clock] = [undefined, undefined];
    },
  };
}
