/**
 * Time of a set of flows on any tree or mesh of links: the general road, from explicit links and flows.
 *
 * What commands need of it is the same for equal sources without listing flows for every placement: all-to-all.ts.
 */
import { largest } from "../statistics.js";

/** A full-duplex link between two routers. */
export interface NetworkLink {
  readonly between: readonly [number, number];
  /** In each direction. */
  readonly bytesPerNs: number;
  readonly latencyNs: number;
}

/** Routers 0 to numRouters - 1 and their links, each used in both directions. */
export interface Network {
  readonly numRouters: number;
  readonly links: readonly NetworkLink[];
  /** Columns of a mesh, where router r sits at row floor(r / columns); a tree without it. */
  readonly meshColumns?: number;
  /** Bandwidth, in each direction, of the port through which a router's own traffic enters and leaves. Default no limit. */
  readonly portBytesPerNs?: number;
}

/** Bytes that router `from` sends to router `to`. */
export interface Flow {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** How long a set of flows takes that all begin at once. */
export interface TransferTime {
  /** Proved lower bound: the busiest link's (or port's) bytes over its bandwidth. */
  readonly boundNs: number;
  /** Largest latency of a route in use. */
  readonly pathNs: number;
  /** Estimate of what is lost when many send to many: nothing from or to a single router. */
  readonly contentionNs: number;
  /** Sum of the three. */
  readonly totalNs: number;
}

/**
 * Loss at busy links in series, see {@link transferTime}.
 *
 * Source: fitted to flit-level simulation by `npm run bench:network`; docs/performance-model.md, "Network".
 */
export const SERIAL_LOSS = 0.035;

/**
 * Models how long flows take that all begin at once.
 *
 * bound = max over links and ports of bytes / bandwidth, exact for fluid flows on fixed routes. Routes are the only
 * path of a tree, or along the row and then the column of a mesh (XY).
 *
 * Where several routers send and several receive, two things come on top. Sources serve their flows in turn, so small
 * flows end first and large ones are left over: with flow sizes s1 < s2 < ..., the flows of at least s_r move from
 * s_(r-1) to s_r in round r. And packets lose time at busy links in series: a round takes as long as the link (or port) whose
 * flows take longest in the mean, a flow as {@link inSeriesNs} says. No time falls where any link is slower. Time O(numRounds *
 * flows * route length^2).
 *
 * @example
 * const network = { numRouters: 2, links: [{ between: [0, 1], bytesPerNs: 32, latencyNs: 4 }] };
 * transferTime(network, [{ from: 0, to: 1, bytes: 3200 }]).totalNs; // 104
 */
export function transferTime(
  network: Network,
  flows: readonly Flow[],
  serialLoss = SERIAL_LOSS,
): TransferTime {
  const routes = routedFlows(network, flows);
  const boundNs = largest(
    busyTimes(routes, ({ bytes }) => bytes),
    0,
  );
  const pathNs = routes.reduce((most, { latencyNs }) => Math.max(most, latencyNs), 0);
  const contentionNs = isManyToMany(routes) ? roundsNs(routes, serialLoss) - boundNs : 0;
  return { boundNs, pathNs, contentionNs, totalNs: boundNs + pathNs + contentionNs };
}

/**
 * Prepares the routes of a network.
 *
 * @returns A function that lists the routers from one to another, both included.
 */
export function createRouting(network: Network): (from: number, to: number) => number[] {
  return network.meshColumns === undefined ? treeRouting(network) : meshRouting(network.meshColumns);
}

/** What a flow from one router to another crosses. */
export interface Route {
  /**
   * Directed links, 2 * link and one more from its second router to its first, then ports: the entry of router r is
   * 2 * links + r, its exit numRouters further. With nanoseconds a byte there.
   */
  readonly crossed: readonly { index: number; nsPerByte: number }[];
  readonly latencyNs: number;
}

/** Prepares the routes of a network, with all that they cross. */
export function createRoutes(network: Network): (from: number, to: number) => Route {
  const { links, numRouters, portBytesPerNs = Infinity } = network;
  const routeOf = createRouting(network);
  const linkOf = indexLinks(network);
  const port = (index: number) => ({ index: 2 * links.length + index, nsPerByte: 1 / portBytesPerNs });
  return (start, end) => {
    const routers = routeOf(start, end);
    const hops = routers.slice(1).map((to, hop) => linkOf(routers[hop], to));
    return {
      crossed: [
        port(start),
        ...hops.map((index) => ({ index, nsPerByte: 1 / links[index >> 1].bytesPerNs })),
        port(numRouters + end),
      ],
      latencyNs: hops.reduce((sum, index) => sum + links[index >> 1].latencyNs, 0),
    };
  };
}

/** Nanoseconds for which every link moves bytes, in its busier direction. Shape [numLinks]. */
export function linkBusyNs(network: Network, flows: readonly Flow[]): Float64Array {
  const busy = busyTimes(routedFlows(network, flows), ({ bytes }) => bytes);
  return Float64Array.from(network.links, (_, link) =>
    Math.max(busy[2 * link] ?? 0, busy[2 * link + 1] ?? 0),
  );
}

/** A flow that moves, with its route. */
type RoutedFlow = Flow & Route;

function routedFlows(network: Network, flows: readonly Flow[]): RoutedFlow[] {
  const routeOf = createRoutes(network);
  return flows
    .filter(({ from, to, bytes }) => from !== to && bytes > 0)
    .map((flow) => ({ ...flow, ...routeOf(flow.from, flow.to) }));
}

/** Nanoseconds for which each directed link and port is busy. */
function busyTimes(routes: readonly RoutedFlow[], bytesOf: (flow: RoutedFlow) => number): number[] {
  const busy: number[] = [];
  for (const flow of routes) {
    const bytes = bytesOf(flow);
    for (const { index, nsPerByte } of flow.crossed) busy[index] = (busy[index] ?? 0) + bytes * nsPerByte;
  }
  return busy;
}

function isManyToMany(routes: readonly RoutedFlow[]): boolean {
  return new Set(routes.map(({ from }) => from)).size > 1 && new Set(routes.map(({ to }) => to)).size > 1;
}

/** Time of all rounds, see {@link transferTime}. */
function roundsNs(routes: readonly RoutedFlow[], serialLoss: number): number {
  const sizes = [...new Set(routes.map(({ bytes }) => bytes))].sort((a, b) => a - b);
  let totalNs = 0;
  sizes.forEach((size, round) => {
    const moving = routes.filter(({ bytes }) => bytes >= size);
    const step = size - (sizes[round - 1] ?? 0);
    const busy = busyTimes(moving, () => step);
    const sums: { ns: number; flows: number }[] = [];
    for (const { crossed } of moving) {
      const along = Float64Array.from(crossed, ({ index }) => busy[index]);
      const ns = inSeriesNs(along, along.length, serialLoss);
      for (const { index } of crossed) {
        sums[index] ??= { ns: 0, flows: 0 };
        sums[index].ns += ns;
        sums[index].flows++;
      }
    }
    totalNs += largest(Object.values(sums).map(({ ns, flows }) => ns / flows));
  });
  return totalNs;
}

/**
 * Time of packets that pass links in series, each busy for some time: the longest of t (1 + serialLoss h^2) over the links'
 * times t, h the sum of min(1, time / t)^8 over the other links.
 *
 * At least the busiest link's time, and never shorter where any link is busy for longer: for a given t no term falls, and t may
 * be anything up to the busiest link's time, but is best at one of the links' own. Time O(count^2).
 *
 * @param busyNs The first `count` of them are the links of the route.
 *
 * @example
 * inSeriesNs(Float64Array.of(100, 100), 2); // 103.5
 */
export function inSeriesNs(busyNs: Float64Array, count: number, serialLoss = SERIAL_LOSS): number {
  const most = 1 + serialLoss * (count - 1) ** 2;
  let longest = 0;
  for (let at = 0; at < count; at++) {
    const ns = busyNs[at];
    if (ns * most <= longest) continue;
    let others = -1;
    for (let other = 0; other < count; other++) {
      if (busyNs[other] >= ns) others++;
      else {
        const share = (busyNs[other] / ns) ** 2;
        others += share * share * (share * share);
      }
    }
    const taken = ns * (1 + serialLoss * others * others);
    if (taken > longest) longest = taken;
  }
  return longest;
}

/** Index of each link in each direction: 2 * link, one more from its second router to its first. */
function indexLinks({ links }: Network): (from: number, to: number) => number {
  const index = new Map<string, number>();
  links.forEach(({ between: [from, to] }, link) => {
    index.set(`${from}-${to}`, 2 * link);
    index.set(`${to}-${from}`, 2 * link + 1);
  });
  return (from, to) => {
    const direction = index.get(`${from}-${to}`);
    if (direction === undefined) throw new Error(`network: routers ${from} and ${to} have no link`);
    return direction;
  };
}

/** The only path between two routers of a tree, over their last common ancestor. */
function treeRouting({ numRouters, links }: Network): (from: number, to: number) => number[] {
  const neighbours = Array.from({ length: numRouters }, (): number[] => []);
  for (const {
    between: [from, to],
  } of links) {
    neighbours[from].push(to);
    neighbours[to].push(from);
  }
  const parentOf = new Int32Array(numRouters).fill(-1);
  const depthOf = new Int32Array(numRouters).fill(-1);
  depthOf[0] = 0;
  const queue = [0];
  for (const router of queue) {
    for (const neighbour of neighbours[router]) {
      if (depthOf[neighbour] !== -1) continue;
      depthOf[neighbour] = depthOf[router] + 1;
      parentOf[neighbour] = router;
      queue.push(neighbour);
    }
  }
  if (links.length !== numRouters - 1 || queue.length !== numRouters) {
    throw new Error("network: found links that form no tree, expected a tree or a mesh with meshColumns");
  }
  return (from, to) => {
    const up = [from];
    const down = [to];
    const last = (path: number[]) => path[path.length - 1];
    while (last(up) !== last(down)) {
      const climbing = depthOf[last(up)] >= depthOf[last(down)] ? up : down;
      climbing.push(parentOf[last(climbing)]);
    }
    return [...up, ...down.reverse().slice(1)];
  };
}

function meshRouting(columns: number): (from: number, to: number) => number[] {
  return (from, to) => {
    const path = [from];
    let at = from;
    const walk = (step: number, hasArrived: () => boolean) => {
      while (!hasArrived()) path.push((at += step));
    };
    walk(Math.sign((to % columns) - (from % columns)), () => at % columns === to % columns);
    walk(columns * Math.sign(to - at), () => at === to);
    return path;
  };
}
