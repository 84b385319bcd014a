import { chipletsWithExperts } from "./dispatch.js";
import type { Chiplets } from "./placement.js";
import { largest, sum } from "../statistics.js";

/**
 * Largest load of a chiplet over the mean, where copies share their expert's load evenly.
 *
 * @param load Times each expert was chosen. Shape [numExperts].
 *
 * @example
 * spreadLoad(Float64Array.of(4, 2), [[0], [0, 1]]); // 1.3333, 4 of a mean of 3
 */
export function spreadLoad(load: ArrayLike<number>, chiplets: Chiplets): number {
  const copies = chipletsWithExperts(chiplets, load.length);
  const loads = chiplets.map((experts) =>
    experts.reduce((sum, expert) => sum + load[expert] / copies[expert].length, 0),
  );
  const mean = sum(loads) / loads.length;
  return largest(loads) / mean;
}
