/**
 * Tokens over every link of a machine, from what a placement makes of a layer's tokens, and what bytes and time come
 * of them. Pure functions over flat arrays: the schedule calls them for every chunk.
 */
import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { Hardware } from "../hardware/hardware.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { SERIAL_LOSS } from "./network.js";
import type { Transport } from "../hardware/workload.js";
import { largest, sum } from "../statistics.js";

/** Token copies over every link at dispatch, in each direction; combine returns the same copies the other way. */
export interface LinkLoads {
  /** From the root to every chiplet group. Shape [numGroups]. */
  readonly rootDown: Float64Array;
  /** From every chiplet group to the root; 0 where tokens start there. Shape [numGroups]. */
  readonly rootUp: Float64Array;
  /** From the switch to every chiplet. Shape [numChiplets]. */
  readonly chipletDown: Float64Array;
  /** From every chiplet to its switch; 0 where tokens start at the root. Shape [numChiplets]. */
  readonly chipletUp: Float64Array;
}

/**
 * Counts the token copies over every link at dispatch, for the tokens of the traffic.
 *
 * From the root: a chiplet's link carries the tokens that visit it (its load with one copy an expert, all tokens with
 * all-gather), a group's link the sum over its chiplets, or with one copy a group (and all-gather) the tokens that visit
 * the group. From everywhere, a token starting on each of M chiplets with equal chance: a chiplet receives all but 1 / M of
 * the tokens that visit it, and sends 1 / M of the tokens that visit the others. Time O(numChiplets).
 */
export function linkLoads(traffic: LayerTraffic, hardware: Hardware, transport: Transport): LinkLoads {
  const copies = copiesToChiplets(traffic, transport);
  const groupCopies = copiesToGroups(traffic, copies, transport);
  const everywhere = hardware.tokensStart === "everywhere";
  const [rootDown, rootUp] = bothWays(groupCopies, everywhere);
  const [chipletDown, chipletUp] = bothWays(copies, everywhere);
  return { rootDown, rootUp, chipletDown, chipletUp };
}

/** Copies of the tokens that arrive at each chiplet. Shape [numChiplets]. */
export function copiesToChiplets(traffic: LayerTraffic, transport: Transport): Float64Array {
  if (transport === "all-gather") return new Float64Array(traffic.numChiplets).fill(traffic.numTokens);
  return transport === "per-expert" ? traffic.chipletLoad : traffic.chipletTokens;
}

/** Copies that arrive at each chiplet group. Shape [numGroups]. */
function copiesToGroups(
  { groupTokens, numTokens, chipletsPerGroup }: LayerTraffic,
  copies: Float64Array,
  transport: Transport,
): Float64Array {
  if (transport === "per-group") return groupTokens;
  const arriving = new Float64Array(groupTokens.length);
  if (transport === "all-gather") return arriving.fill(numTokens);
  copies.forEach((arrivals, chiplet) => {
    arriving[groupOfChiplet(chiplet, chipletsPerGroup)] += arrivals;
  });
  return arriving;
}

/** Copies that arrive at and leave every block, from the tokens that visit it. */
function bothWays(copies: Float64Array, everywhere: boolean): [Float64Array, Float64Array] {
  if (!everywhere) return [copies.slice(), new Float64Array(copies.length)];
  const numBlocks = copies.length;
  const total = sum(copies);
  return [copies.map((own) => own * (1 - 1 / numBlocks)), copies.map((own) => (total - own) / numBlocks)];
}

/** Nanoseconds for which every link is busy in one direction, and the latency of the longest route. */
export interface LinkTimes {
  /** Shape [numGroups]. */
  readonly rootNs: Float64Array;
  /** Shape [numChiplets]. */
  readonly chipletNs: Float64Array;
  readonly latencyNs: number;
}

/**
 * Turns token copies into busy times of links, the busier direction of each, stretched by contention where tokens
 * start everywhere.
 *
 * @param bytesPerCopy Bytes of one token's activations, times the share of the tokens that move (1 for all).
 */
export function linkTimes(loads: LinkLoads, hardware: Hardware, bytesPerCopy: number): LinkTimes {
  const { root, chiplet } = hardware.links;
  const everywhere = hardware.tokensStart === "everywhere";
  // A single chiplet group needs no root link unless the tokens start behind it.
  const rootLatencyNs = everywhere && loads.rootDown.length === 1 ? 0 : root.latencyNs.value;
  const contention = everywhere ? contentionFactor(loads, hardware) : 1;
  const busy = (down: Float64Array, up: Float64Array, bytesPerNs: number) =>
    down.map((copies, link) => (Math.max(copies, up[link]) * bytesPerCopy * contention) / bytesPerNs);
  return {
    rootNs: busy(loads.rootDown, loads.rootUp, root.bytesPerNs.value),
    chipletNs: busy(loads.chipletDown, loads.chipletUp, chiplet.bytesPerNs.value),
    latencyNs: (everywhere ? 2 : 1) * (chiplet.latencyNs.value + rootLatencyNs),
  };
}

/**
 * How much longer a transfer from many chiplets to many takes than its busiest link is busy.
 *
 * The rounds of `transferTime` in lib/performance/network.ts, for equal sources: the chiplets with the fewest copies
 * are served first, then rounds go on without them. The loss at busy links in series is that of one such pair. Arriving
 * copies decide: as sources are equal, no link sends more than the busiest receives. Time O(chiplets * chiplet groups).
 */
function contentionFactor({ rootDown, chipletDown }: LinkLoads, { links }: Hardware): number {
  const chipletsPerGroup = chipletDown.length / rootDown.length;
  const groupOf = (chiplet: number) => groupOfChiplet(chiplet, chipletsPerGroup);
  const arriving = new Float64Array(rootDown.length);
  chipletDown.forEach((copies, chiplet) => {
    arriving[groupOf(chiplet)] += copies;
  });
  // With multicast, a copy for a chiplet is only part of a copy over the root link.
  const rootShare = rootDown.map((copies, group) => (arriving[group] > 0 ? copies / arriving[group] : 0));
  const served = new Float64Array(rootDown.length).fill(chipletsPerGroup);
  const rootNsOf = (copies: number) => copies / links.root.bytesPerNs.value;
  const chipletNsOf = (copies: number) => copies / links.chiplet.bytesPerNs.value;
  const order = Array.from(chipletDown.keys()).sort((a, b) => chipletDown[a] - chipletDown[b]);
  let rounds = 0;
  let done = 0;
  for (const chiplet of order) {
    const step = chipletDown[chiplet] - done;
    const mostOverRoot = served.reduce((most, count, group) => Math.max(most, count * rootShare[group]), 0);
    rounds += step * Math.max(chipletNsOf(1), rootNsOf(mostOverRoot));
    done += step;
    served[groupOf(chiplet)]--;
  }
  const bound = Math.max(chipletNsOf(largest(chipletDown, 0)), rootNsOf(largest(rootDown, 0)));
  return bound === 0 ? 1 : (rounds / bound) * (1 + SERIAL_LOSS);
}

/** Copies that cross any link of a class at dispatch. */
export function crossings(loads: LinkLoads): { root: number; chiplet: number } {
  const total = (a: Float64Array, b: Float64Array) =>
    a.reduce((sum, copies, link) => sum + copies + b[link], 0);
  return {
    root: total(loads.rootDown, loads.rootUp),
    chiplet: total(loads.chipletDown, loads.chipletUp),
  };
}

/** Time of one dispatch (or one combine) on its own: the busiest link and the latency; 0 if nothing moves. */
export function transferNs({ rootNs, chipletNs, latencyNs }: LinkTimes): number {
  const busiest = Math.max(largest(rootNs, 0), largest(chipletNs, 0));
  return busiest === 0 ? 0 : busiest + latencyNs;
}
