/**
 * Time of an all-to-all of equal sources on any network: `transferTime` of network.ts without listing its flows for every
 * placement. Routes are walked once for a machine; a search asks for thousands of placements.
 */
import { createRoutes, inSeriesNs, type Network } from "./network.js";

/** Time of an all-to-all; the latency of the path is the network's. */
export interface AllToAllTime {
  /** Proved lower bound: the busiest link's (or port's) bytes over its bandwidth. */
  readonly boundNs: number;
  /** Estimate of what is lost when many send to many. */
  readonly contentionNs: number;
}

/** What each destination takes. */
export interface Arrivals {
  /** From each source alike. Shape [numEndpoints]. */
  readonly bytes: ArrayLike<number>;
  /**
   * Share of those bytes that cross the links named shared: below 1 where one copy serves several destinations. Shape
   * [numEndpoints]; default 1.
   */
  readonly share?: ArrayLike<number>;
}

/**
 * Prepares an all-to-all: every endpoint sends to every other as many bytes as that one takes from each.
 *
 * The same as `transferTime` of all those flows, by the same formula. Time O(endpoints^2 * route length) to prepare; then
 * O(endpoints * (links + endpoints^2 * route length^2)) for each call.
 *
 * @param endpoints Routers that send and receive.
 * @param isShared Whether a link carries what several destinations share once; default none does.
 *
 * @example
 * const network = { numRouters: 2, links: [{ between: [0, 1], bytesPerNs: 32, latencyNs: 4 }] };
 * createAllToAll(network, [0, 1])({ bytes: [3200, 320] }).boundNs; // 100
 */
export function createAllToAll(
  network: Network,
  endpoints: readonly number[],
  isShared: (link: number) => boolean = () => false,
): (arrivals: Arrivals) => AllToAllTime {
  const flows = walkRoutes(network, endpoints);
  const { numCrossings, nsPerByte, flowsTo } = flows;
  const shared = Array.from({ length: numCrossings }, (_, index) =>
    index < 2 * network.links.length ? isShared(index >> 1) : false,
  );
  const room = {
    sums: new Float64Array(numCrossings),
    counts: new Float64Array(numCrossings),
    along: new Float64Array(numCrossings),
  };
  return ({ bytes, share }) => {
    const active = Array.from(endpoints.keys()).filter((end) => endpoints.length > 1 && bytes[end] > 0);
    active.sort((left, right) => bytes[left] - bytes[right]);
    // Nanoseconds for a byte from each source to each destination that is left.
    const busy = new Float64Array(numCrossings);
    const add = (end: number, sign: number) => {
      for (let index = 0, at = end * numCrossings; index < numCrossings; index++, at++) {
        if (flowsTo[at] === 0) continue;
        const part = shared[index] && share !== undefined ? share[end] : 1;
        busy[index] += sign * flowsTo[at] * nsPerByte[index] * part;
      }
    };
    for (const end of active) add(end, 1);
    const isLeft = new Uint8Array(endpoints.length);
    for (const end of active) isLeft[end] = 1;
    const isManyToMany = active.length > 1;
    let roundsNs = 0;
    let served = 0;
    const loads = new Float64Array(numCrossings);
    for (const end of active) {
      const step = bytes[end] - served;
      if (step > 0) {
        for (let index = 0; index < numCrossings; index++) loads[index] += step * busy[index];
        roundsNs += step * (isManyToMany ? roundNs(flows, { busy, isLeft, room }) : most(busy));
        served = bytes[end];
      }
      isLeft[end] = 0;
      add(end, -1);
    }
    const boundNs = most(loads);
    return { boundNs, contentionNs: isManyToMany ? Math.max(0, roundsNs - boundNs) : 0 };
  };
}

/** All flows of an all-to-all, numbered source * endpoints + destination, as flat arrays. */
interface WalkedRoutes {
  readonly numEndpoints: number;
  readonly numCrossings: number;
  /** Shape [numCrossings]. */
  readonly nsPerByte: Float64Array;
  /** What flow f crosses: crossed from offsets[f] to offsets[f + 1]. */
  readonly offsets: Int32Array;
  readonly crossed: Int32Array;
  /** Flows to each destination over each crossing. Shape [numEndpoints, numCrossings], row-major. */
  readonly flowsTo: Float64Array;
}

function walkRoutes(network: Network, endpoints: readonly number[]): WalkedRoutes {
  const routeOf = createRoutes(network);
  const numEndpoints = endpoints.length;
  const numCrossings = 2 * (network.links.length + network.numRouters);
  const nsPerByte = new Float64Array(numCrossings);
  const flowsTo = new Float64Array(numEndpoints * numCrossings);
  const offsets = new Int32Array(numEndpoints ** 2 + 1);
  const crossed: number[] = [];
  endpoints.forEach((from, source) => {
    endpoints.forEach((to, end) => {
      const flow = source * numEndpoints + end;
      if (from !== to) {
        for (const { index, nsPerByte: ns } of routeOf(from, to).crossed) {
          if (ns === 0) continue;
          nsPerByte[index] = ns;
          crossed.push(index);
          flowsTo[end * numCrossings + index]++;
        }
      }
      offsets[flow + 1] = crossed.length;
    });
  });
  return {
    numEndpoints,
    numCrossings,
    nsPerByte,
    offsets,
    crossed: Int32Array.from(crossed),
    flowsTo,
  };
}

/** What is left to move in a round. */
interface RoundLoads {
  /** Nanoseconds for a byte from each source to each destination that is left. Shape [numCrossings]. */
  readonly busy: Float64Array;
  /** Whether a destination is left. Shape [numEndpoints]. */
  readonly isLeft: Uint8Array;
  /** Room to work in. Shapes [numCrossings]. */
  readonly room: Readonly<Record<"sums" | "counts" | "along", Float64Array>>;
}

/** Time of a round for each byte: of the crossing whose flows take longest in the mean. Flat loops: searches ask often. */
function roundNs(
  { numEndpoints, offsets, crossed }: WalkedRoutes,
  { busy, isLeft, room: { sums, counts, along } }: RoundLoads,
): number {
  sums.fill(0);
  counts.fill(0);
  for (let flow = 0; flow + 1 < offsets.length; flow++) {
    const [from, to] = [offsets[flow], offsets[flow + 1]];
    if (from === to || isLeft[flow % numEndpoints] === 0) continue;
    for (let at = from; at < to; at++) along[at - from] = busy[crossed[at]];
    const ns = inSeriesNs(along, to - from);
    for (let at = from; at < to; at++) {
      sums[crossed[at]] += ns;
      counts[crossed[at]]++;
    }
  }
  let longest = 0;
  for (let index = 0; index < sums.length; index++) {
    if (counts[index] > 0 && sums[index] / counts[index] > longest) longest = sums[index] / counts[index];
  }
  return longest;
}

function most(values: Float64Array): number {
  let found = 0;
  for (const value of values) if (value > found) found = value;
  return found;
}
