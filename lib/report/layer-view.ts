import type { ComparedSolver } from "../flows/compare.js";
import type { PosedMachine } from "../flows/pose.js";
import type { Machine } from "../hardware/machine.js";
import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import { linkLoads } from "../performance/link-loads.js";
import { meshLinkShares } from "../performance/mesh-links.js";
import type { Chiplets } from "../placement/placement.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { scheduleStep } from "../schedule/schedule-step.js";
import { largest, sum } from "../statistics.js";
import { busyTimesNs } from "../task-graph/timeline.js";
import { countCoactivation } from "../trace/coactivation.js";
import { countChoices, type RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns } from "../trace/token-patterns.js";
import type { Workload } from "../hardware/workload.js";

/** One layer as one solver places it: what the pictures of a report are drawn from. */
export interface PlacedView {
  readonly solver: string;
  readonly chiplets: Chiplets;
  /** Load of every chiplet over the mean. */
  readonly load: readonly number[];
  /** Share of co-activations whose experts share a chiplet. */
  readonly togetherShare: number;
  /** Mean distinct chiplets per token, C_T. */
  readonly tokenReplication: number;
  readonly traffic: LayerTraffic;
}

/** One layer before and after placement. */
export interface LayerView {
  readonly layer: number;
  readonly numExperts: number;
  readonly numTokens: number;
  /** Load of every expert over the mean. Shape [numExperts]. */
  readonly expertLoad: readonly number[];
  /** Tokens that chose both experts. Shape [numExperts, numExperts], row-major. */
  readonly pairs: Float64Array;
  readonly before: PlacedView;
  readonly after: PlacedView;
}

/** What is looked at: the placement before, the placement after, and the chiplet groups they are for. */
export interface ViewedPlacements {
  readonly before: PlacedSolver;
  readonly after: PlacedSolver;
  readonly numGroups: number;
}

/** A solver with a placement. */
export type PlacedSolver = ComparedSolver & { answer: { status: "placed" } };

/** The solvers that found a placement. */
export function placedSolvers(solvers: readonly ComparedSolver[]): PlacedSolver[] {
  return solvers.filter((solver): solver is PlacedSolver => solver.answer.status === "placed");
}

/** Index of the layer whose gain in C_T is the median of all layers: neither the best nor the worst to show. */
export function typicalLayer({ before, after }: ViewedPlacements): number {
  const gains = after.answer.learned.layers.map(({ tokenReplication }, index) => ({
    index,
    gain: before.answer.learned.layers[index].tokenReplication - tokenReplication,
  }));
  gains.sort((left, right) => left.gain - right.gain || left.index - right.index);
  return gains[Math.floor(gains.length / 2)].index;
}

/**
 * Looks closely at one layer.
 *
 * @param trace The tokens that the placements were made from.
 */
export function viewLayer(
  trace: RoutingTrace,
  index: number,
  { before, after, numGroups }: ViewedPlacements,
): LayerView {
  const current = trace.layers[index];
  const patterns = collectPatterns(current, trace);
  const { load, pairs } = countCoactivation(patterns);
  const meanLoad = countChoices(current) / trace.numExperts;
  const view = ({ name, answer: { placement } }: PlacedSolver): PlacedView => {
    const { chiplets } = placement.layers[index];
    const traffic = countTraffic(patterns, chiplets, {
      chipletsPerGroup: chiplets.length / numGroups,
      dispatch: placement.dispatch,
    });
    const mean = sum(traffic.chipletLoad) / chiplets.length;
    return {
      solver: name,
      chiplets,
      load: Array.from(traffic.chipletLoad, (tokens) => tokens / mean),
      togetherShare: shareTogether(chiplets, pairs, trace.numExperts),
      tokenReplication: sum(traffic.chipletTokens) / traffic.numTokens,
      traffic,
    };
  };
  return {
    layer: current.layer,
    numExperts: trace.numExperts,
    numTokens: current.numTokens,
    expertLoad: Array.from(load, (tokens) => tokens / meanLoad),
    pairs,
    before: view(before),
    after: view(after),
  };
}

/** How busy the parts of a machine are in one layer, each a share from 0 to 1. */
export interface BusyShares {
  /** Shape [numGroups]. */
  readonly root: readonly number[];
  /** Its link; on a mesh the busiest of those that join it. Shape [numChiplets]. */
  readonly link: readonly number[];
  /** On a mesh, the links to the neighbours on the right and below; 0 where there is none. Shapes [numChiplets]. */
  readonly right?: readonly number[];
  readonly below?: readonly number[];
  /** Shape [numChiplets]; absent where the model's sizes are not known. */
  readonly compute?: readonly number[];
  /** The memory that serves the chiplet; absent likewise. Shape [numChiplets]. */
  readonly memory?: readonly number[];
}

/** A machine, and a model where its sizes are known. */
export interface ReportMachine {
  readonly hardware: Hardware;
  readonly shape?: ModelShape | undefined;
  readonly workload?: Workload | undefined;
}

/** The machine as flows take it. */
export function posedMachine({ hardware, shape, workload }: ReportMachine): PosedMachine {
  return { hardware, shape, ...(workload && { workload }) };
}

/**
 * How busy links, compute and memories are in the schedule of one layer alone: the busier direction of every link.
 *
 * Where the model's sizes are not known there is no time, and links are told by their copies over the most of any.
 */
export function busyShares(traffic: LayerTraffic, { hardware, shape, workload }: ReportMachine): BusyShares {
  if (shape === undefined) return copyShares(traffic, hardware);
  const machine: Machine = { hardware, shape, ...(workload && { workload }) };
  const { graph, makespanNs } = scheduleStep([traffic], machine);
  const { numChiplets, chipletsPerGroup } = traffic;
  const numGroups = numChiplets / chipletsPerGroup;
  const shares = {
    "root link": new Array<number>(numGroups).fill(0),
    "chiplet link": new Array<number>(numChiplets).fill(0),
    chiplet: new Array<number>(numChiplets).fill(0),
    memory: new Array<number>(numChiplets).fill(0),
  };
  const numMemories = graph.resources.filter((name) => /^memory \d+$/.test(name)).length;
  busyTimesNs(graph).forEach((busyNs, resource) => {
    const [, kind, number] =
      /^(root link|chiplet link|chiplet|memory) (\d+)/.exec(graph.resources[resource]) ?? [];
    if (!kind) return;
    const share = makespanNs > 0 ? busyNs / makespanNs : 0;
    const list = shares[kind as keyof typeof shares];
    const perUnit = kind === "memory" ? numChiplets / numMemories : 1;
    for (let place = 0; place < perUnit; place++) {
      const index = Number(number) * perUnit + place;
      list[index] = Math.max(list[index], share);
    }
  });
  return {
    root: shares["root link"],
    link: shares["chiplet link"],
    // The schedule has the whole mesh busy for as long as an exchange takes.
    ...meshShares(traffic, machine, largest(shares["chiplet link"])),
    compute: shares.chiplet,
    memory: shares.memory,
  };
}

/** The links of a mesh one by one, as shares of what its exchanges take; nothing on other machines. */
function meshShares(
  traffic: LayerTraffic,
  { hardware, workload }: { readonly hardware: Hardware; readonly workload?: Workload | undefined },
  exchangeShare: number,
): Partial<Pick<BusyShares, "link" | "right" | "below">> {
  const loads = linkLoads(traffic, hardware, workload?.transport ?? "per-chiplet");
  const links = meshLinkShares(loads, hardware);
  if (links === undefined || hardware.mesh === undefined) return {};
  const [right, below] = [links.right, links.below].map((shares) =>
    Array.from(shares, (share) => share * exchangeShare),
  );
  const { columns } = hardware.mesh;
  const link = right.map((own, chiplet) => {
    const before = chiplet % columns === 0 ? 0 : right[chiplet - 1];
    return largest([own, before, below[chiplet], below[chiplet - columns] ?? 0]);
  });
  return { link, right, below };
}

function copyShares(traffic: LayerTraffic, hardware: Hardware): BusyShares {
  const loads = linkLoads(traffic, hardware, "per-chiplet");
  const copies = (down: Float64Array, up: Float64Array) =>
    Array.from(down, (tokens, link) => Math.max(tokens, up[link]));
  const [root, link] = [copies(loads.rootDown, loads.rootUp), copies(loads.chipletDown, loads.chipletUp)];
  const over = (values: readonly number[]) => {
    const most = largest(values, 1);
    return values.map((value) => value / most);
  };
  const mesh = meshShares(traffic, { hardware }, 1);
  if (mesh.right === undefined || mesh.below === undefined) return { root: over(root), link: over(link) };
  const most = largest([...mesh.right, ...mesh.below], 0) || 1;
  const overMost = (shares: readonly number[] = []) => shares.map((share) => share / most);
  return {
    root: over(root),
    link: overMost(mesh.link),
    right: overMost(mesh.right),
    below: overMost(mesh.below),
  };
}

function shareTogether(chiplets: Chiplets, pairs: Float64Array, numExperts: number): number {
  let together = 0;
  for (const experts of chiplets) {
    for (const first of experts) for (const second of experts) together += pairs[first * numExperts + second];
  }
  return together / sum(pairs);
}
