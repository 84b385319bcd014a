import type { Chiplets } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { largest, mean, sum } from "../lib/statistics.js";

/** The machine of most tables: 32 ranks of 9 slots for 256 experts. */
export const CLUSTER = { numChiplets: 32, numReplicas: 32 };

/** A placement in two figures. */
export interface Measured {
  /** C_T. */
  readonly replication: number;
  /** Largest load of a chiplet over the mean. */
  readonly load: number;
}

/** C_T and load of a placement, by the dispatch of the problem. */
export function measure(
  { patterns, chipletsPerGroup, dispatch }: PlacementProblem,
  chiplets: Chiplets,
): Measured {
  const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch });
  return {
    replication: sum(traffic.chipletTokens) / patterns.numTokens,
    load: maxOverMean(traffic.chipletLoad),
  };
}

/** Means of both figures, as cells of a table. */
export function fixedMeans(measured: readonly Measured[]): [string, string] {
  return [
    mean(measured.map(({ replication }) => replication)).toFixed(3),
    mean(measured.map(({ load }) => load)).toFixed(3),
  ];
}

/** The largest of some loads over their mean. */
export function maxOverMean(loads: readonly number[] | Float64Array): number {
  return (largest(loads) * loads.length) / sum(loads);
}
