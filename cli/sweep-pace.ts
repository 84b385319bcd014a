/** How fast a sweep is. */
export interface Pace {
  /** Told of every point that is done, and after how many seconds. */
  done(index: number, seconds: number): void;
  /** Seconds that the points left take; undefined until it shows. */
  secondsLeft(): number | undefined;
}

/**
 * Tells how long the points left take from how long those done took: by their estimates, which have to be right but for a factor.
 *
 * The points that run at first are not counted, as they start threads and compile; nor is anything told where no estimate is known.
 *
 * @param estimated Seconds of every point as estimated. Shape [numPoints].
 * @param atOnce Points that run at once.
 *
 * @example
 * const pace = openPace([1, 1, 1], 1);
 * pace.done(0, 9);
 * pace.done(1, 11);
 * pace.secondsLeft(); // 2
 */
export function openPace(estimated: readonly (number | undefined)[], atOnce: number): Pace {
  const known = estimated.filter((seconds) => seconds !== undefined);
  let left = known.reduce((total, seconds) => total + seconds, 0);
  let numDone = 0;
  let [begun, now, counted] = [0, 0, 0];
  return {
    done(index, seconds) {
      const estimate = estimated[index] ?? 0;
      numDone++;
      left -= estimate;
      now = seconds;
      if (numDone <= atOnce) begun = seconds;
      else counted += estimate;
    },
    secondsLeft() {
      if (known.length < estimated.length || counted === 0) return undefined;
      return ((now - begun) / counted) * left;
    },
  };
}
