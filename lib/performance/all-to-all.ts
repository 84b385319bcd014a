/**
 * Time of an all-to-all of equal sources on any network: `transferTime` of network.ts without listing its flows for every
 * placement. Routes are walked once for a machine; a search asks for thousands of placements.
 */
import { SUM_ROUNDING } from "../placement/tolerance.js";
import { createRoutes, SERIAL_LOSS, type Network } from "./network.js";

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
 * O(endpoints * (links + flows through the busiest link * route length)) for each call.
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
  const room = new Float64Array(numCrossings);
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
    const totals = { roundsNs: 0, served: 0 };
    const loads = new Float64Array(numCrossings);
    active.forEach((end) => {
      const step = bytes[end] - totals.served;
      if (step > 0) {
        for (let index = 0; index < numCrossings; index++) loads[index] += step * busy[index];
        const busiest = most(busy);
        const serial = isManyToMany ? serialLoad(flows, { busy, busiest, isLeft, loads: room }) : 0;
        totals.roundsNs += step * busiest * (1 + SERIAL_LOSS * serial ** 2);
        totals.served = bytes[end];
      }
      isLeft[end] = 0;
      add(end, -1);
    });
    const boundNs = most(loads);
    return { boundNs, contentionNs: isManyToMany ? Math.max(0, totals.roundsNs - boundNs) : 0 };
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
  /** Flows through each crossing. */
  readonly through: readonly Int32Array[];
}

function walkRoutes(network: Network, endpoints: readonly number[]): WalkedRoutes {
  const routeOf = createRoutes(network);
  const numEndpoints = endpoints.length;
  const numCrossings = 2 * (network.links.length + network.numRouters);
  const nsPerByte = new Float64Array(numCrossings);
  const flowsTo = new Float64Array(numEndpoints * numCrossings);
  const through = Array.from({ length: numCrossings }, (): number[] => []);
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
          through[index].push(flow);
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
    through: through.map((list) => Int32Array.from(list)),
  };
}

/** What is left to move in a round. */
interface RoundLoads {
  /** Nanoseconds for a byte from each source to each destination that is left. Shape [numCrossings]. */
  readonly busy: Float64Array;
  /** The largest of them. */
  readonly busiest: number;
  /** Whether a destination is left. Shape [numEndpoints]. */
  readonly isLeft: Uint8Array;
  /** Room to work in. Shape [numCrossings]. */
  readonly loads: Float64Array;
}

/** How busy the other links are on the routes through the busiest one; the worst where several are the busiest. */
function serialLoad(
  { numEndpoints, offsets, crossed, through }: WalkedRoutes,
  { busy, busiest, isLeft, loads }: RoundLoads,
): number {
  for (let index = 0; index < busy.length; index++) {
    const square = (busy[index] / busiest) * (busy[index] / busiest);
    loads[index] = square * square;
  }
  let worst = 0;
  for (let index = 0; index < busy.length; index++) {
    if (busy[index] < busiest * (1 - SUM_ROUNDING)) continue;
    let total = 0;
    let numFlows = 0;
    const flows = through[index];
    for (let place = 0; place < flows.length; place++) {
      const flow = flows[place];
      if (isLeft[flow % numEndpoints] === 0) continue;
      for (let at = offsets[flow]; at < offsets[flow + 1]; at++) total += loads[crossed[at]];
      // A crossing's own share, 1 at a busiest link, is no other link.
      total--;
      numFlows++;
    }
    worst = Math.max(worst, total / numFlows);
  }
  return worst;
}

function most(values: Float64Array): number {
  let found = 0;
  for (const value of values) if (value > found) found = value;
  return found;
}
