import { createRouting, type Flow, type Network } from "../lib/performance/network.js";

/** How the simulated routers are built; all links move one flit a cycle. */
export interface FlitOptions {
  readonly flitBytes: number;
  readonly packetFlits: number;
  readonly virtualChannels: number;
  /** Flits of room in every virtual channel. */
  readonly bufferFlits: number;
  /** Ports through which each router's own traffic enters and leaves, one flit a cycle each. Default 1. */
  readonly portsOf?: (router: number) => number;
}

interface Flit {
  readonly to: number;
  /** Own port of the router `to` through which it leaves. */
  readonly exit: number;
  readonly isHead: boolean;
  readonly isTail: boolean;
}

/** A virtual channel of an input: its flits, and the output held by the packet at its head (-1: none). */
interface Channel {
  readonly flits: Flit[];
  output: number;
  outputChannel: number;
}

/** Inputs and outputs are numbered alike: first the neighbours, then the own ports. */
interface Router {
  readonly neighbours: readonly number[];
  readonly latencies: readonly number[];
  /** Which input of each neighbour is fed from here. */
  readonly inputThere: readonly number[];
  /** Shape [inputs, virtualChannels]. */
  readonly inputs: readonly Channel[][];
  /** Flits that may still be sent into each channel behind each output. Shape [neighbours, virtualChannels]. */
  readonly credits: number[][];
  /** Whether a packet holds the channel behind the output. Shape [neighbours, virtualChannels]. */
  readonly held: boolean[][];
  /** Flits still to enter through each own port, in order. */
  readonly sources: Flit[][];
  /** The channel that each own port is column. */
  readonly column: number[];
  /** Round-robin pointers, of outputs over inputs and of inputs over channels. */
  readonly nextInput: number[];
  readonly nextChannel: number[];
  firstToHold: number;
}

/**
 * Simulates flows flit by flit through wormhole routers with virtual channels.
 *
 * Every source sends a packet of each of its flows in turn. Separable switch allocation, round robin, one pass a
 * cycle; credits travel back as long as flits travel forth.
 * Source: Dally and Towles, Principles and Practices of Interconnection Networks, chapters 16 to 19, as in BookSim2's
 * iq_router. Deviation: routers themselves take no cycles; their delay belongs to the links.
 *
 * @returns The cycle at which the last flit has arrived.
 */
export function simulateFlits(network: Network, flows: readonly Flow[], options: FlitOptions): number {
  const nextHop = nextHops(network);
  const routers = createRouters(network, options);
  let left = fillSources(routers, flows, options);
  const calendar = new Map<number, (() => void)[]>();
  const after = (cycle: number, action: () => void) => {
    const actions = calendar.get(cycle);
    if (actions) actions.push(action);
    else calendar.set(cycle, [action]);
  };
  let cycle = 0;
  for (; left > 0; cycle++) {
    for (const action of calendar.get(cycle) ?? []) action();
    calendar.delete(cycle);
    routers.forEach((router, id) => {
      inject(router, options);
      holdOutputs(router, (flit) =>
        flit.to === id
          ? router.neighbours.length + flit.exit
          : router.neighbours.indexOf(nextHop[id][flit.to]),
      );
      for (const { input, channel } of allocateSwitch(router)) {
        const from = router.inputs[input][channel];
        const { output, outputChannel } = from;
        const flit = from.flits.shift() as Flit;
        if (flit.isTail) from.output = -1;
        if (input < router.neighbours.length) {
          const { credits } = routers[router.neighbours[input]];
          const outputThere = router.inputThere[input];
          after(cycle + router.latencies[input], () => credits[outputThere][channel]++);
        }
        if (output >= router.neighbours.length) {
          left--;
          continue;
        }
        router.credits[output][outputChannel]--;
        if (flit.isTail) router.held[output][outputChannel] = false;
        const there = routers[router.neighbours[output]].inputs[router.inputThere[output]][outputChannel];
        after(cycle + router.latencies[output], () => there.flits.push(flit));
      }
    });
  }
  return cycle;
}

/** The router that follows each on the way to each. Shape [numRouters, numRouters]. */
function nextHops(network: Network): number[][] {
  const routeOf = createRouting(network);
  const routers = Array.from({ length: network.numRouters }, (_, router) => router);
  return routers.map((from) => routers.map((to) => (from === to ? to : routeOf(from, to)[1])));
}

function createRouters({ numRouters, links }: Network, options: FlitOptions): Router[] {
  const { virtualChannels, bufferFlits, portsOf = () => 1 } = options;
  const linksOf = Array.from({ length: numRouters }, (): { to: number; latencyNs: number }[] => []);
  for (const { between, latencyNs } of links) {
    linksOf[between[0]].push({ to: between[1], latencyNs });
    linksOf[between[1]].push({ to: between[0], latencyNs });
  }
  return linksOf.map((own, id) => {
    const numInputs = own.length + portsOf(id);
    const zeros = () => new Array<number>(numInputs).fill(0);
    return {
      neighbours: own.map(({ to }) => to),
      latencies: own.map(({ latencyNs }) => Math.max(1, latencyNs)),
      inputThere: own.map(({ to }) => linksOf[to].findIndex((back) => back.to === id)),
      inputs: Array.from({ length: numInputs }, () =>
        Array.from({ length: virtualChannels }, () => ({ flits: [], output: -1, outputChannel: 0 })),
      ),
      credits: own.map(() => new Array<number>(virtualChannels).fill(bufferFlits)),
      held: own.map(() => new Array<boolean>(virtualChannels).fill(false)),
      sources: Array.from({ length: portsOf(id) }, () => []),
      column: new Array<number>(portsOf(id)).fill(0),
      nextInput: zeros(),
      nextChannel: zeros(),
      firstToHold: 0,
    };
  });
}

/** Cuts flows into packets and queues them, a packet of each flow in turn; returns the number of flits. */
function fillSources(routers: readonly Router[], flows: readonly Flow[], options: FlitOptions): number {
  const { flitBytes, packetFlits } = options;
  let total = 0;
  const pending = flows.map((flow, index) => ({ ...flow, index, flits: Math.ceil(flow.bytes / flitBytes) }));
  while (pending.some(({ flits }) => flits > 0)) {
    for (const flow of pending) {
      const length = Math.min(packetFlits, flow.flits);
      const { sources } = routers[flow.from];
      // Routers with several own ports deal out the flows evenly, in order.
      const portOf = (router: number) =>
        Math.floor((flow.index * routers[router].sources.length) / flows.length);
      const exit = portOf(flow.to);
      for (let place = 0; place < length; place++) {
        const flit = { to: flow.to, exit, isHead: place === 0, isTail: place === length - 1 };
        sources[portOf(flow.from)].push(flit);
      }
      flow.flits -= length;
      total += length;
    }
  }
  for (const { sources } of routers) for (const queue of sources) queue.reverse();
  return total;
}

/** Lets one flit enter through every own port; a packet stays in the channel where its head went. */
function inject({ neighbours, inputs, sources, column }: Router, { bufferFlits }: FlitOptions): void {
  sources.forEach((queue, port) => {
    if (queue.length === 0) return;
    const channels = inputs[neighbours.length + port];
    if (queue[queue.length - 1].isHead) {
      const free = channels.findIndex((_, step) => {
        const { flits } = channels[(column[port] + 1 + step) % channels.length];
        return flits.length < bufferFlits && (flits.at(-1)?.isTail ?? true);
      });
      if (free === -1) return;
      column[port] = (column[port] + 1 + free) % channels.length;
    }
    const { flits } = channels[column[port]];
    if (flits.length < bufferFlits) flits.push(queue.pop() as Flit);
  });
}

/** Gives every packet head a channel behind its output, where one is free. */
function holdOutputs(router: Router, outputOf: (flit: Flit) => number): void {
  const { inputs, neighbours, held } = router;
  const numChannels = inputs[0].length;
  const total = inputs.length * numChannels;
  const first = router.firstToHold++ % total;
  for (let step = 0; step < total; step++) {
    const index = (first + step) % total;
    const channel = inputs[Math.floor(index / numChannels)][index % numChannels];
    if (channel.output !== -1 || channel.flits.length === 0) continue;
    const output = outputOf(channel.flits[0]);
    if (output >= neighbours.length) {
      channel.output = output;
      continue;
    }
    for (let offset = 0; offset < numChannels; offset++) {
      const candidate = ((index % numChannels) + offset) % numChannels;
      if (held[output][candidate]) continue;
      held[output][candidate] = true;
      channel.output = output;
      channel.outputChannel = candidate;
      break;
    }
  }
}

/** Chooses at most one flit for every input and every output: inputs propose, outputs choose, both in turn. */
function allocateSwitch(router: Router): { input: number; channel: number }[] {
  const { inputs, neighbours, credits, nextInput, nextChannel } = router;
  const proposals = new Map<number, { input: number; channel: number }[]>();
  inputs.forEach((channels, input) => {
    for (let step = 0; step < channels.length; step++) {
      const index = (nextChannel[input] + step) % channels.length;
      const { flits, output, outputChannel } = channels[index];
      if (flits.length === 0 || output === -1) continue;
      if (output < neighbours.length && credits[output][outputChannel] === 0) continue;
      const proposed = proposals.get(output) ?? [];
      proposed.push({ input, channel: index });
      proposals.set(output, proposed);
      break;
    }
  });
  return [...proposals].map(([output, proposed]) => {
    const turn = ({ input }: { input: number }) =>
      (input - nextInput[output] + inputs.length) % inputs.length;
    const granted = proposed.reduce((first, next) => (turn(next) < turn(first) ? next : first));
    nextInput[output] = (granted.input + 1) % inputs.length;
    nextChannel[granted.input] = (granted.channel + 1) % inputs[granted.input].length;
    return granted;
  });
}
