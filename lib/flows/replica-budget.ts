import type { Machine } from "../hardware/machine.js";
import { expertBytes } from "../hardware/model-shapes.js";
import { groupCapacity } from "../performance/memory.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import type { Placement } from "../placement/placement.js";
import { spreadLoad } from "../placement/spread-load.js";
import { countTraffic } from "../placement/traffic.js";
import { stepMakespanNs } from "../schedule/schedule-step.js";
import { largest, sum } from "../statistics.js";
import type { LoadTrace } from "../trace/load-trace.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { placedLayers } from "./placed-layers.js";
import { isRoutingTrace, type PosedMachine } from "./pose.js";

/** What a layer costs with as many replicas as it may get. */
export interface LayerCurve {
  readonly layer: number;
  /** Ascending by replicas; the first has as few as the layer needs. At least one. */
  readonly points: readonly {
    readonly numReplicas: number;
    /** Time of the layer, or its largest load: whatever adds up over layers and is to be small. */
    readonly cost: number;
  }[];
}

/**
 * Gives a budget of replicas over all layers to those where they gain most: of all ways to choose a point of every curve
 * within the budget, the one of the least sum of costs, and of those the one of the fewest replicas.
 *
 * Dynamic programming over layers and replicas, which needs no curve to be convex; so nothing cheaper can be had from these
 * curves. What is not proved is that a curve is the best a layer can do. Time O(layers * budget * points).
 *
 * Source: Zhao et al., CRAFT (2026): replicas by layer under one budget. Deviation: exact where they go greedily.
 *
 * @returns Replicas of every layer, by its number; undefined where the layers need more than there are.
 *
 * @example
 * const curve = (layer: number, ...costs: number[]) => ({
 *   layer, points: costs.map((cost, index) => ({ numReplicas: 8 * index, cost })) });
 * spendReplicas([curve(0, 10, 9, 8.5), curve(1, 20, 12, 11)], 16); // Map { 0 => 8, 1 => 8 }: 9 + 12 is least
 */
export function spendReplicas(
  curves: readonly LayerCurve[],
  budget: number,
): ReadonlyMap<number, number> | undefined {
  // least[b] is the least cost of the layers so far with exactly b replicas.
  let least = new Float64Array(budget + 1).fill(Infinity);
  least[0] = 0;
  const chosen = curves.map(({ points }) => {
    const next = new Float64Array(budget + 1).fill(Infinity);
    const choice = new Uint16Array(budget + 1);
    points.forEach(({ numReplicas, cost }, index) => {
      for (let total = numReplicas; total <= budget; total++) {
        const sum = least[total - numReplicas] + cost;
        if (sum >= next[total]) continue;
        next[total] = sum;
        choice[total] = index;
      }
    });
    least = next;
    return choice;
  });
  let total = least.reduce((best, cost, spent) => (cost < least[best] ? spent : best), 0);
  if (least[total] === Infinity) return undefined;
  const replicasOf = new Map<number, number>();
  for (let index = curves.length - 1; index >= 0; index--) {
    const { layer, points } = curves[index];
    const { numReplicas } = points[chosen[index][total]];
    replicasOf.set(layer, numReplicas);
    total -= numReplicas;
  }
  return new Map([...replicasOf].reverse());
}

/**
 * What every layer costs under a placement: the time of a step that is this layer alone where machine and model are known,
 * else the largest load of a chiplet, in choices of an expert.
 *
 * @throws InputError if a layer of the trace is not in the placement.
 */
export function layerCosts(
  trace: RoutingTrace | LoadTrace,
  placement: Placement,
  { hardware, shape, workload }: PosedMachine,
): ReadonlyMap<number, number> {
  if (!isRoutingTrace(trace)) {
    const chipletsOf = new Map(placement.layers.map(({ layer, chiplets }) => [layer, chiplets]));
    return new Map(
      trace.layers.map(({ layer, load }) => {
        const mean = sum(load) / placement.numChiplets;
        return [layer, spreadLoad(load, chipletsOf.get(layer) ?? []) * mean];
      }),
    );
  }
  const { chipletsPerGroup } = hardware;
  const { dispatch = defaultDispatch(hardware) } = placement;
  return new Map(
    placedLayers(trace, placement).map(({ layer, patterns, chiplets }) => {
      const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch });
      const ns = shape && stepMakespanNs([traffic], { hardware, shape, ...(workload && { workload }) });
      return [layer, ns ?? largest(traffic.chipletLoad)];
    }),
  );
}

/** Replicas for which the memories have room besides the experts, in all layers of the model together. */
export function replicaRoom({ hardware, shape }: Machine): number {
  const { groupBytes } = groupCapacity(hardware, shape);
  const held = hardware.numGroups * Math.floor((groupBytes * shape.numMoeLayers) / expertBytes(shape));
  return Math.max(0, held - shape.numExperts * shape.numMoeLayers);
}
