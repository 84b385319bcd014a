import type { Chiplets } from "../placement/placement.js";
import { countTraffic } from "../placement/traffic.js";
import { placeTrace, type PlaceTraceOptions } from "./place.js";
import { poseLayer } from "./pose.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { largest, mean, sum } from "../statistics.js";

/** A point of the trade-off of traffic against balance: means over the layers of a placement. */
export interface FrontierPoint {
  /** Cap on the largest chiplet load over the mean under which the placement was made; Infinity for none. */
  readonly maxLoad: number;
  readonly tokenReplication: number;
  readonly loadMaxOverMean: number;
  /** Whether every layer's C_T is proved least under the cap. */
  readonly isProved: boolean;
}

/** Caps from none to nearly perfect balance. */
export const FRONTIER_CAPS: readonly number[] = [Infinity, 2, 1.6, 1.4, 1.3, 1.2, 1.1, 1.05];

/**
 * Traces the trade-off of C_T against load: the least C_T under one cap on the load after another.
 *
 * Caps that no placement keeps, and points that another beats in both, are left out.
 *
 * @returns By descending load.
 *
 * @example
 * const points = await traceFrontier(trace, options, [Infinity, 2]);
 * points[0]; // { maxLoad: Infinity, tokenReplication: 5.37, loadMaxOverMean: 1.705, isProved: false }
 */
export async function traceFrontier(
  trace: RoutingTrace,
  options: PlaceTraceOptions,
  caps: readonly number[] = FRONTIER_CAPS,
): Promise<FrontierPoint[]> {
  const { maxLoad: tightest = Infinity } = options.posing;
  const points: FrontierPoint[] = [];
  // Every placement is the start under the next laxer cap, so that a laxer cap is never worse.
  let starts: ReadonlyMap<number, Chiplets> = new Map();
  for (const maxLoad of caps.filter((cap) => cap <= tightest).sort((a, b) => a - b)) {
    const posing = { ...options.posing, maxLoad, objective: { minimise: "traffic" } } as const;
    const outcome = await placeTrace(trace, { ...options, posing, starts });
    if (outcome.status !== "placed") continue;
    const { layers } = outcome.placement;
    starts = new Map(layers.map(({ layer, chiplets }) => [layer, chiplets]));
    const measured = layers.map(({ chiplets, cost = NaN, status }, index) => {
      const problem = poseLayer(trace, trace.layers[index], posing);
      const { chipletLoad } = countTraffic(problem.patterns, chiplets, problem);
      const mean = sum(chipletLoad) / chipletLoad.length;
      return { cost, loadMaxOverMean: largest(chipletLoad) / mean, isProved: status === "optimal" };
    });
    points.push({
      maxLoad,
      tokenReplication: mean(measured.map(({ cost }) => cost)),
      loadMaxOverMean: mean(measured.map(({ loadMaxOverMean }) => loadMaxOverMean)),
      isProved: measured.every(({ isProved }) => isProved),
    });
  }
  // Of equals the first stays: that under the laxest cap.
  return withoutDominated(points.reverse());
}

/** Leaves out points that another is no worse than in both ways, the first of equals excepted. */
export function withoutDominated(points: readonly FrontierPoint[]): FrontierPoint[] {
  return points
    .filter((point, index) => !points.some((rival, at) => dominates(rival, point, at < index)))
    .sort((a, b) => b.loadMaxOverMean - a.loadMaxOverMean);
}

function dominates(a: FrontierPoint, b: FrontierPoint, winsTies: boolean): boolean {
  const traffic = b.tokenReplication - a.tokenReplication;
  const load = b.loadMaxOverMean - a.loadMaxOverMean;
  return traffic >= 0 && load >= 0 && (traffic > 0 || load > 0 || winsTies);
}
