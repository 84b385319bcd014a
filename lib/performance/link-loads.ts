/**
 * Tokens over every link of a machine, from what a placement makes of a layer's tokens, and what bytes and time come
 * of them. Pure functions over flat arrays: the schedule calls them for every chunk.
 */
import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { Hardware } from "../hardware/hardware.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { createAllToAll, type AllToAllTime } from "./all-to-all.js";
import { hopsToEach, leastMeshNs, machineNetwork } from "./machine-network.js";
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
 * Turns token copies into busy times of links, the busier direction of each. On a mesh every chiplet is busy for the whole
 * exchange: all of its links are shared by all.
 *
 * @param bytesPerCopy Bytes of one token's activations, times the share of the tokens that move (1 for all).
 */
export function linkTimes(loads: LinkLoads, hardware: Hardware, bytesPerCopy: number): LinkTimes {
  return createLinkTimer(hardware)(loads)(bytesPerCopy);
}

/**
 * Makes {@link linkTimes} for one machine, which walks its routes once.
 *
 * Where tokens start everywhere, all links are stretched by what `transferTime` of lib/performance/network.ts adds to its
 * bound for contention; times are in proportion to bytes.
 */
export function createLinkTimer(
  hardware: Hardware,
): (loads: LinkLoads) => (bytesPerCopy: number) => LinkTimes {
  let known: ReturnType<typeof createExchange> | undefined;
  const latencyNs = pathNs(hardware);
  return (loads) => {
    if (hardware.tokensStart === "root") {
      return (bytesPerCopy) => busyTimes(loads, hardware, { bytesPerCopy, latencyNs });
    }
    // Machines with measured kernels never ask.
    known ??= createExchange(hardware);
    const { boundNs, contentionNs } = known(loads);
    if (hardware.mesh !== undefined) {
      return (bytesPerCopy) => wholeMesh(loads, { ns: (boundNs + contentionNs) * bytesPerCopy, latencyNs });
    }
    const contention = boundNs === 0 ? 1 : 1 + contentionNs / boundNs;
    return (bytesPerCopy) =>
      busyTimes(loads, hardware, { bytesPerCopy: bytesPerCopy * contention, latencyNs });
  };
}

/**
 * Busy times that no placement with as many copies is below in the mean over links of a class: those of even traffic,
 * without contention, which is least for skewed traffic on some trees.
 *
 * @param even Copies over every link with even traffic.
 */
export function leastLinkTimes(even: LinkLoads, hardware: Hardware, bytesPerCopy: number): LinkTimes {
  const latencyNs = pathNs(hardware);
  if (hardware.mesh === undefined) return busyTimes(even, hardware, { bytesPerCopy, latencyNs });
  const numChiplets = even.chipletDown.length;
  const copies = sum(even.chipletDown) / (1 - 1 / numChiplets);
  return wholeMesh(even, {
    ns: numChiplets === 1 ? 0 : copies * leastMeshNs(hardware, bytesPerCopy),
    latencyNs,
  });
}

function wholeMesh(loads: LinkLoads, { ns, latencyNs }: { ns: number; latencyNs: number }): LinkTimes {
  const chipletNs = new Float64Array(loads.chipletDown.length).fill(ns);
  return { rootNs: new Float64Array(loads.rootDown.length), chipletNs, latencyNs };
}

function busyTimes(
  loads: LinkLoads,
  { links: { root, chiplet } }: Hardware,
  { bytesPerCopy, latencyNs }: { bytesPerCopy: number; latencyNs: number },
): LinkTimes {
  const busy = (down: Float64Array, up: Float64Array, bytesPerNs: number) =>
    down.map((copies, link) => (Math.max(copies, up[link]) * bytesPerCopy) / bytesPerNs);
  return {
    rootNs: busy(loads.rootDown, loads.rootUp, root.bytesPerNs.value),
    chipletNs: busy(loads.chipletDown, loads.chipletUp, chiplet.bytesPerNs.value),
    latencyNs,
  };
}

/** Latency of the longest route. */
function pathNs({ tokensStart, numGroups, chipletsPerGroup, links, mesh }: Hardware): number {
  const { root, chiplet } = links;
  if (mesh !== undefined) {
    const rows = (numGroups * chipletsPerGroup) / mesh.columns;
    return (mesh.columns - 1 + rows - 1) * chiplet.latencyNs.value;
  }
  if (tokensStart === "root") return chiplet.latencyNs.value + root.latencyNs.value;
  // A single chiplet group needs no root link unless the tokens start behind it.
  return 2 * (chiplet.latencyNs.value + (numGroups === 1 ? 0 : root.latencyNs.value));
}

/** Time of one exchange for each byte of a copy. With multicast, a copy for a chiplet is part of a copy over the root link. */
function createExchange(hardware: Hardware): (loads: LinkLoads) => AllToAllTime {
  const { numGroups, chipletsPerGroup } = hardware;
  const numChiplets = numGroups * chipletsPerGroup;
  const { network, routerOf, isRootLink } = machineNetwork(hardware);
  const timeOf = createAllToAll(network, routerOf, isRootLink);
  return ({ rootDown, chipletDown }) => {
    // Every chiplet sends itself nothing: of what arrives from others, each sends as much.
    const bytes = chipletDown.map((copies) => (numChiplets === 1 ? 0 : copies / (numChiplets - 1)));
    const arriving = new Float64Array(numGroups);
    bytes.forEach((own, chiplet) => {
      arriving[groupOfChiplet(chiplet, chipletsPerGroup)] += own;
    });
    const outside = numChiplets - chipletsPerGroup;
    const share = bytes.map((_, chiplet) => {
      const group = groupOfChiplet(chiplet, chipletsPerGroup);
      return outside === 0 || arriving[group] === 0 ? 1 : rootDown[group] / (arriving[group] * outside);
    });
    return timeOf({ bytes, share });
  };
}

/** Copies that cross any link of a class at dispatch; on a mesh one for every link of the way. */
export function crossings(loads: LinkLoads, hardware: Hardware): { root: number; chiplet: number } {
  if (hardware.mesh !== undefined) {
    const hops = hopsToEach(machineNetwork(hardware));
    const others = Math.max(1, loads.chipletDown.length - 1);
    return {
      root: 0,
      chiplet: sum(loads.chipletDown.map((copies, chiplet) => (copies * hops[chiplet]) / others)),
    };
  }
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
