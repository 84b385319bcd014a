import { BOUND_MARGIN } from "../placement/tolerance.js";
import type { EvenTraffic, ReplicatedExperts } from "../performance/replicated-experts.js";
import type { Peaks } from "../placement/placement.js";
import type { Machine } from "../hardware/machine.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { sharesCopies } from "../performance/workload.js";
import { largest, mean } from "../statistics.js";
import { remainingPathsNs } from "../task-graph/path-lengths.js";
import { resourceWorkNs } from "../task-graph/task-graph.js";
import { eitherBoundNs } from "./either-bound.js";
import type { LeastDurations } from "./kernel-bound.js";
import type { LayerDurations } from "./layer-durations.js";
import { hottestDurations, leastDurations, peakDurations, type Cut } from "./model-durations.js";
import { planOf, type ScheduleOptions } from "./schedule-step.js";
import { buildStepGraph } from "./step-graph.js";
import type { StepPlan } from "./step-plan.js";
import { streamBoundNs } from "./stream-bound.js";
import { turnBoundNs } from "./turn-bound.js";

/** A layer of which something is proved. */
export interface BoundedLayer {
  /** Of any placement without replicas, or with as many. */
  readonly traffic: LayerTraffic;
  /** Where some experts have several. */
  readonly replicated?: ReplicatedExperts | undefined;
  /** No placement has a smaller C_T; 1 where nothing is proved. */
  readonly tokenReplication: number;
  /** No placement has a smaller C_G; default what C_T comes to. */
  readonly groupReplication?: number | undefined;
  /** Every placement without replicas has at least what one of these says; default nothing is known. */
  readonly peaks?: readonly Peaks[] | undefined;
  /** Room on every chiplet, in experts; default for all of them. */
  readonly slotsPerChiplet?: number;
}

/**
 * A time that no placement with as many replicas is below, under the clock that every command shows.
 *
 * The makespan of any schedule is at least the longest path through its task graph, and at least the work of each
 * resource. Both are maxima of sums of durations, hence convex in them, and the same when chiplets of a group, or groups, are
 * renumbered. So their value at the mean of all renumberings (Jensen's inequality), where every chiplet has the mean
 * duration of its stage, is a lower bound: durations are sums over chiplets that no placement changes (compute, weights), or
 * grow with token copies, of which there are at least C_T and C_G. Contention of links is left out, and a mesh takes at least
 * what its ports and middle cuts do (`leastMeshNs`); measured kernels take at least what `leastGpuStages` has of them. That
 * weights and tokens have to fit the SRAM is left out, which only takes waiting away.
 *
 * Where GPUs have kernels all of them wait for each other before and after the experts of every layer, so that the step takes
 * what whichever GPU is last takes, layer by layer (`kernelBoundNs`). A root chiplet has nothing to attend to while a training step
 * turns, where chunks have to fit the SRAM and so come in one order (`turnBoundNs`), nor before weights have come (`streamBoundNs`).
 *
 * @throws InputError if the traffic is for other chiplets than the machine has.
 *
 * @example
 * stepBoundNs([{ traffic, tokenReplication: 3.98 }], { hardware, shape }) <= stepMakespanNs([traffic], { hardware, shape }); // true
 */
export function stepBoundNs(layers: readonly BoundedLayer[], options: ScheduleOptions): number {
  const { cut, plan } = planOf(options);
  const known = layers.map((layer) => ({
    least: leastOf(layer, options, cut),
    either: sharesCopies(cut.workload)
      ? (layer.peaks ?? []).map((peaks) => peakOf(layer, { ...options, peaks }, cut))
      : [],
  }));
  const hasKernels = known.every(({ least }) => least.hottest.length > 0);
  const boundNs = hasKernels
    ? eitherBoundNs(known, plan)
    : evenBoundNs(
        layers,
        known.map(({ least }) => least.even),
        plan,
      );
  return boundNs * (1 - BOUND_MARGIN);
}

/** What chiplets of a layer take at least in any placement. */
function leastOf(layer: BoundedLayer, machine: Machine, cut: Cut): LeastDurations {
  const { slotsPerChiplet = Infinity, traffic } = layer;
  const even = evenTraffic(layer);
  return {
    even: evened(leastDurations(even, machine, cut), traffic),
    hottest: hottestDurations(even, machine, { ...cut, slotsPerChiplet }),
  };
}

/** The same in any placement that has such peaks. */
function peakOf(
  layer: BoundedLayer,
  { peaks, ...machine }: Machine & { readonly peaks: Peaks },
  cut: Cut,
): LeastDurations {
  const { slotsPerChiplet = Infinity } = layer;
  const peaked = { ...layer, tokenReplication: Math.max(layer.tokenReplication, peaks.cost) };
  const { even, hottest } = leastOf(peaked, machine, cut);
  const own = peakDurations(evenTraffic(peaked), machine, { ...cut, slotsPerChiplet, peaks });
  return { even, hottest: [...hottest, ...own] };
}

/** Where all chiplets take the mean of all. */
function evenBoundNs(
  layers: readonly BoundedLayer[],
  durations: readonly LayerDurations[],
  plan: StepPlan,
): number {
  const graph = buildStepGraph(durations, { ...plan, site: { ...plan.site, sramBytes: Infinity } });
  const fromRoot = plan.site.tokensStart === "root";
  const streamed = layers.map((layer, index) => ({
    even: durations[index],
    activeShare: activeShareOf(layer),
  }));
  return Math.max(
    largest(remainingPathsNs(graph)),
    largest(resourceWorkNs(graph)),
    plan.training && fromRoot && plan.site.sramBytes < Infinity ? turnBoundNs(durations, plan) : 0,
    fromRoot ? streamBoundNs(streamed, plan) : 0,
  );
}

/** Experts that have tokens, against all that are placed; of one with replicas some may have none. */
function activeShareOf({ traffic, replicated }: BoundedLayer): number {
  const placed = traffic.expertLoad.flat();
  return Array.from(replicated?.load ?? placed).filter((load) => load > 0).length / placed.length;
}

/** The same experts with even loads, and with the fewest copies that are possible. */
function evenTraffic({ traffic, replicated, ...least }: BoundedLayer): EvenTraffic {
  const { numTokens, numChiplets, chipletsPerGroup, chipletLoad, groupTokens, expertLoad } = traffic;
  const { groupReplication = 1 } = least;
  const tokenReplication = Math.max(least.tokenReplication, groupReplication);
  const leastGroups = Math.max(groupReplication, tokenReplication / chipletsPerGroup, 1);
  return {
    numTokens,
    numChiplets,
    chipletsPerGroup,
    chipletLoad: new Float64Array(numChiplets).fill(mean(chipletLoad)),
    chipletTokens: new Float64Array(numChiplets).fill((tokenReplication * numTokens) / numChiplets),
    groupTokens: new Float64Array(groupTokens.length).fill((leastGroups * numTokens) / groupTokens.length),
    expertLoad,
    replicated,
  };
}

/** Every chiplet with the mean of all. */
function evened(durations: LayerDurations, { expertLoad }: LayerTraffic): LayerDurations {
  const { expertsNs, streamedExperts, expertMemoryNs, expertLinkNs } = durations;
  // Experts that do not divide by the chiplets: as many tasks on each, each of them shorter.
  const slots = largest(expertLoad.map(({ length }) => length));
  const share = expertLoad.reduce((sum, { length }) => sum + length, 0) / (slots * expertLoad.length);
  const streams = Array.from(streamedExperts).some((count) => count > 0);
  return {
    ...durations,
    expertsNs: expertsNs.map(() => mean(expertsNs)),
    streamedExperts: new Array<number>(expertLoad.length).fill(streams ? slots : 0),
    expertMemoryNs: expertMemoryNs * share,
    expertLinkNs: expertLinkNs * share,
    chunkBytes: new Float64Array(expertLoad.length),
  };
}
