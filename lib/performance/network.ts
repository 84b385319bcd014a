/**
 * Time of a set of flows on any tree or mesh of links: the general road, from explicit links and flows.
 *
 * For the two-level tree of a `Hardware` and millions of tokens, lib/performance/link-loads.ts gets the same link loads
 * without listing flows; a test holds the two together.
 */

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
}

/** Bytes that router `from` sends to router `to`. */
export interface Flow {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** How long a set of flows takes that all begin at once. */
export interface TransferTime {
  /** Proved lower bound: the busiest link's bytes over its bandwidth. */
  readonly boundNs: number;
  /** Largest latency of a route in use. */
  readonly pathNs: number;
  /** Estimate of what flows lose by standing in each other's way; 0 from or to one router. */
  readonly contentionNs: number;
  /** Sum of the three. */
  readonly totalNs: number;
}

/**
 * Share of the bound that traffic between many sources and many sinks loses to flows in each other's way.
 *
 * Source: fitted to flit-level simulation; docs/performance-model.md, "Network".
 */
export const CONTENTION = { tree: 0.12, mesh: 0.5 } as const;

/**
 * Models how long flows take that all begin at once.
 *
 * bound = max over links of bytes / bandwidth; total = bound + path latency + contention. Routes are the only path of
 * a tree, or along the row and then the column of a mesh (XY). Time O(flows * route length).
 * Source: the bound is exact for fluid flows on fixed routes.
 *
 * @example
 * const network = { numRouters: 2, links: [{ between: [0, 1], bytesPerNs: 32, latencyNs: 4 }] };
 * transferTime(network, [{ from: 0, to: 1, bytes: 3200 }]).totalNs; // 104
 */
export function transferTime(network: Network, flows: readonly Flow[]): TransferTime {
  const routeOf = network.meshColumns === undefined ? treeRouter(network) : meshRouter(network.meshColumns);
  const linkOf = indexLinks(network);
  const bytes = new Float64Array(2 * network.links.length);
  let pathNs = 0;
  for (const flow of flows) {
    if (flow.bytes === 0) continue;
    const routers = routeOf(flow.from, flow.to);
    let latency = 0;
    for (let hop = 1; hop < routers.length; hop++) {
      const direction = linkOf(routers[hop - 1], routers[hop]);
      bytes[direction] += flow.bytes;
      latency += network.links[direction >> 1].latencyNs;
    }
    pathNs = Math.max(pathNs, latency);
  }
  let boundNs = 0;
  for (let direction = 0; direction < bytes.length; direction++) {
    boundNs = Math.max(boundNs, bytes[direction] / network.links[direction >> 1].bytesPerNs);
  }
  const factor = network.meshColumns === undefined ? CONTENTION.tree : CONTENTION.mesh;
  const contentionNs = manyToMany(flows) ? factor * boundNs : 0;
  return { boundNs, pathNs, contentionNs, totalNs: boundNs + pathNs + contentionNs };
}

/** Whether several routers send and several receive; otherwise no flow waits for a link while its own is free. */
function manyToMany(flows: readonly Flow[]): boolean {
  const moving = flows.filter(({ from, to, bytes }) => from !== to && bytes > 0);
  const sources = new Set(moving.map(({ from }) => from));
  const sinks = new Set(moving.map(({ to }) => to));
  return sources.size > 1 && sinks.size > 1;
}

type Router = (from: number, to: number) => number[];

/** Index of each link in each direction: 2 * link, one more from its second router to its first. */
function indexLinks({ links }: Network): (from: number, to: number) => number {
  const index = new Map<string, number>();
  links.forEach(({ between: [one, other] }, link) => {
    index.set(`${one}-${other}`, 2 * link);
    index.set(`${other}-${one}`, 2 * link + 1);
  });
  return (from, to) => {
    const direction = index.get(`${from}-${to}`);
    if (direction === undefined) throw new Error(`network: routers ${from} and ${to} have no link`);
    return direction;
  };
}

/** Routers on the only path between two routers of a tree. */
function treeRouter({ numRouters, links }: Network): Router {
  const neighbours = Array.from({ length: numRouters }, (): number[] => []);
  for (const {
    between: [one, other],
  } of links) {
    neighbours[one].push(other);
    neighbours[other].push(one);
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

function meshRouter(columns: number): Router {
  return (from, to) => {
    const path = [from];
    let at = from;
    const walk = (step: number, arrived: () => boolean) => {
      while (!arrived()) path.push((at += step));
    };
    walk(Math.sign((to % columns) - (from % columns)), () => at % columns === to % columns);
    walk(columns * Math.sign(to - at), () => at === to);
    return path;
  };
}
