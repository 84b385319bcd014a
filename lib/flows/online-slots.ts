import { gpusWithoutNetwork } from "../performance/gpu-volumes.js";
import { evenOut } from "../placement/online-slots.js";
import type { Placement } from "../placement/placement.js";
import { mean, sum } from "../statistics.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { spreadOf, trafficOfBatches, type BatchSpread } from "./batches.js";
import type { PosedMachine } from "./pose.js";

/** Largest load of a chiplet over the mean, where engines even loads out in every batch. */
export interface OnlineSlots {
  /** Of every chiplet, for replicas of experts of its domain. */
  readonly slots: number;
  /** Chiplets of a domain: those of a server, or all of a fabric. */
  readonly perDomain: number;
  /** Over batches, each in the mean over layers. */
  readonly loadMaxOverMean: BatchSpread;
  /** Proved: in the mean over batches and layers, nothing that slots hold leaves less. */
  readonly atLeast: number;
}

/**
 * Measures what is left for a placement to even out where engines hold replicas in some slots of every GPU, chosen anew in
 * every batch inside the domain in which weights travel fast: batch by batch as `measureBatches`, with the best loads that
 * `evenOut` finds.
 *
 * @param machine With as many chiplets as the placement has.
 *
 * @example
 * measureOnlineSlots(trace, placement, { hardware, slots: 2 }).loadMaxOverMean.mean; // 1.118
 */
export function measureOnlineSlots(
  trace: RoutingTrace,
  placement: Placement,
  { slots, ...machine }: PosedMachine & { readonly slots: number },
): OnlineSlots {
  const perDomain = gpusWithoutNetwork(machine.hardware);
  const batches = Array.from(trafficOfBatches(trace, placement, machine).each, (traffic) => {
    const evened = traffic.map((layer) => {
      const { largestLoad, atLeast } = evenOut(layer, { perDomain, slots });
      const meanLoad = sum(layer.chipletLoad) / layer.numChiplets;
      return { largest: largestLoad / meanLoad, atLeast: atLeast / meanLoad };
    });
    return {
      loadMaxOverMean: mean(evened.map(({ largest }) => largest)),
      atLeast: mean(evened.map(({ atLeast }) => atLeast)),
    };
  });
  return {
    slots,
    perDomain,
    loadMaxOverMean: spreadOf(batches.map(({ loadMaxOverMean }) => loadMaxOverMean)),
    atLeast: mean(batches.map(({ atLeast }) => atLeast)),
  };
}
