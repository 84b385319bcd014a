import { createRandom } from "../lib/random.js";
import { SUM_ROUNDING } from "../lib/placement/tolerance.js";
import { largest } from "../lib/statistics.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import type { Solver } from "../lib/placement/solver.js";
import { completePlacement } from "./constraints/complete-placement.js";
import { BASELINE } from "./objectives/baseline.js";
import { balanceReplicas } from "./replicas/balance-replicas.js";

/** What DeepSeek's load balancer is told besides the loads. */
export interface EplbOptions {
  /** Physical experts, replicas included (`num_replicas` there). A multiple of numChiplets, at least the experts. */
  readonly numSlots: number;
  /** Sets of consecutive experts that the router limits tokens to (`num_groups` there). Divides the experts. */
  readonly numExpertGroups: number;
  /** Servers (`num_nodes` there). Divides numChiplets. */
  readonly numChipletGroups: number;
  /** GPUs (`num_gpus` there). */
  readonly numChiplets: number;
}

/** A placement with replicas, in the terms of DeepSeek's load balancer; slot s is on chiplet floor(s / slots per chiplet). */
export interface PhysicalExperts {
  /** Expert in every slot (`phy2log` there). Shape [numSlots]. */
  readonly expertOfSlot: Int32Array;
  /** Slots of every expert in the order in which its replicas were made (`log2phy` there). Shape [numExperts][replicaCount]. */
  readonly slotsOfExpert: readonly (readonly number[])[];
  /** Replicas of every expert (`logcnt` there). Shape [numExperts]. */
  readonly replicaCount: Int32Array;
}

/**
 * Balances the loads of one layer as DeepSeek's expert-parallelism load balancer does.
 *
 * Hierarchical, where the servers divide the expert groups: expert groups are packed onto servers, the busiest expert
 * of each server gets one replica after the other, and the replicas are packed onto its GPUs. Otherwise global: the same
 * with all as one server. Packing hands the heaviest item left to the lightest pack with room. Numbers are rounded
 * to 32 bits as the original's tensors are, so ties fall alike; items of equal load keep their order.
 * Time O(numSlots * numChiplets).
 *
 * Source: deepseek-ai/EPLB, eplb.py, rebalance_experts, which does all layers at once.
 *
 * @param load Tokens of every expert. Shape [numExperts].
 */
export function rebalanceExperts(load: ArrayLike<number>, options: EplbOptions): PhysicalExperts {
  const hierarchical = options.numExpertGroups % options.numChipletGroups === 0;
  const numServers = hierarchical ? options.numChipletGroups : 1;
  const weight = Float32Array.from(load);
  const byServer = expertsByServer(weight, hierarchical ? options.numExpertGroups : 1, numServers);
  const slotsPerServer = options.numSlots / numServers;
  const chipletsPerServer = options.numChiplets / numServers;
  const slotsPerChiplet = options.numSlots / options.numChiplets;
  const expertOfSlot = new Int32Array(options.numSlots);
  const replicaCount = new Int32Array(weight.length);
  const slotsOfExpert = Array.from(weight, (): number[] => []);
  byServer.forEach((experts, server) => {
    const loads = experts.map((expert) => weight[expert]);
    const { itemOfReplica, counts } = replicateBusiest(loads, slotsPerServer);
    const loadOfReplica = itemOfReplica.map((item) => Math.fround(loads[item] / counts[item]));
    const { packOf, rankOf } = packBalanced(loadOfReplica, chipletsPerServer);
    itemOfReplica.forEach((item, replica) => {
      const slot = server * slotsPerServer + packOf[replica] * slotsPerChiplet + rankOf[replica];
      expertOfSlot[slot] = experts[item];
      slotsOfExpert[experts[item]].push(slot);
      replicaCount[experts[item]]++;
    });
  });
  return { expertOfSlot, slotsOfExpert, replicaCount };
}

/** A baseline that balances load, with replicas where there are any. */
const BALANCER = {
  ...BASELINE,
  keepsNumbers: true,
  supports: (problem: PlacementProblem): true | string =>
    problem.objective.minimise === "load" || BASELINE.supports({ ...problem, numReplicas: 0 }),
};

/** DeepSeek's load balancer, blind to servers. */
export const eplbGlobal: Solver = {
  ...BALANCER,
  name: "eplb-global",
  summary: "DeepSeek EPLB, global policy: balances load, blind to which experts a token uses together",
  solve: (problem, options) =>
    completePlacement(problem, placeByEplb(problem, 1, options.seed), { ...options, stoppedBy: "rule" }),
};

/**
 * DeepSeek's load balancer that first keeps consecutive experts on one server.
 *
 * Where the router knows no expert groups, the original falls back on the global policy; here each server then takes
 * the two of consecutive experts that DeepSeek-V3 has, so that the policy shows.
 */
export const eplbHierarchical: Solver = {
  ...BALANCER,
  name: "eplb-hierarchical",
  summary: "DeepSeek EPLB, hierarchical policy: consecutive experts to chiplet groups, then balanced load",
  solve(problem, options) {
    const numChipletGroups = problem.numChiplets / problem.chipletsPerGroup;
    return completePlacement(problem, placeByEplb(problem, numChipletGroups, options.seed), {
      ...options,
      stoppedBy: "rule",
    });
  },
};

/**
 * Places experts, and as many replicas as the problem allows, by {@link rebalanceExperts}.
 *
 * Slots that are to stay empty go to experts that no token chooses. Deviation: where the original puts two replicas of an
 * expert on one chiplet, which no placement here may, one swaps places with what another chiplet holds; where that is less
 * even than the original, replicas are swapped and given to other experts until it is not, so that what is compared with is as
 * strong as what engines run.
 *
 * @param numChipletGroups Servers, or 1 for the policy that is blind to them.
 */
export function placeByEplb(problem: PlacementProblem, numChipletGroups: number, seed: number): number[][] {
  const { numExperts, numReplicas, numChiplets, slotsPerChiplet } = problem;
  const numSlots = numChiplets * slotsPerChiplet;
  const absent = numSlots - numExperts - numReplicas;
  // Experts of a server, absent ones included, must be as many on each.
  const perServer = Math.ceil((numExperts + absent) / numChipletGroups);
  const load = new Float64Array(perServer * numChipletGroups);
  load.set(problem.load);
  const numExpertGroups = numChipletGroups * (perServer % 2 === 0 ? 2 : 1);
  const { expertOfSlot } = rebalanceExperts(load, {
    numSlots,
    numExpertGroups,
    numChipletGroups,
    numChiplets,
  });
  const enoughLoad = largestLoad(expertOfSlot, load, slotsPerChiplet);
  separateReplicas(expertOfSlot, load, slotsPerChiplet);
  const chiplets = Array.from({ length: numChiplets }, (_, chiplet) => {
    const slots = expertOfSlot.subarray(chiplet * slotsPerChiplet, (chiplet + 1) * slotsPerChiplet);
    return [...new Set(slots)].filter((expert) => expert < numExperts).sort((a, b) => a - b);
  });
  const isWhole = chiplets.flat().length === numExperts + numReplicas;
  if (isWhole && largestLoad(expertOfSlot, load, slotsPerChiplet) <= enoughLoad * (1 + SUM_ROUNDING)) {
    return chiplets;
  }
  return balanceReplicas(problem.load, {
    numPlaced: numExperts + numReplicas,
    numChiplets,
    slotsPerChiplet,
    random: createRandom(seed, problem.layer, DOUBLES_STREAM),
    ...(isWhole && { starts: [chiplets] }),
    enoughLoad,
  });
}

/** Tells the random stream of what puts doubles right from those of searches. */
const DOUBLES_STREAM = 5;

/** Largest load of a chiplet where tokens are shared out evenly over all replicas, doubles included. */
function largestLoad(expertOfSlot: Int32Array, load: Float64Array, slots: number): number {
  const counts = new Int32Array(load.length);
  for (const expert of expertOfSlot) counts[expert]++;
  const chipletLoad = new Float64Array(expertOfSlot.length / slots);
  expertOfSlot.forEach((expert, slot) => {
    chipletLoad[Math.floor(slot / slots)] += load[expert] / counts[expert];
  });
  return largest(chipletLoad);
}

/**
 * Swaps the second replica of an expert on a chiplet with a slot of another, in place, so that the larger load of the two
 * chiplets is least. A replica that fits nowhere stays.
 */
function separateReplicas(expertOfSlot: Int32Array, load: Float64Array, slots: number): void {
  const counts = new Int32Array(load.length);
  for (const expert of expertOfSlot) counts[expert]++;
  const share = (slot: number) => load[expertOfSlot[slot]] / counts[expertOfSlot[slot]];
  const slotsOf = (slot: number) => {
    const first = slot - (slot % slots);
    return Array.from({ length: slots }, (_, place) => first + place);
  };
  const loadAround = (slot: number) => slotsOf(slot).reduce((sum, neighbour) => sum + share(neighbour), 0);
  const isHeldAround = (slot: number, expert: number) =>
    slotsOf(slot).some((neighbour) => neighbour !== slot && expertOfSlot[neighbour] === expert);
  for (let slot = 0; slot < expertOfSlot.length; slot++) {
    const expert = expertOfSlot[slot];
    if (!isHeldAround(slot, expert)) continue;
    let [best, bestPeak] = [-1, Infinity];
    for (let partner = 0; partner < expertOfSlot.length; partner++) {
      if (isHeldAround(partner, expert) || expertOfSlot[partner] === expert) continue;
      if (isHeldAround(slot, expertOfSlot[partner])) continue;
      const shift = share(partner) - share(slot);
      const peak = Math.max(loadAround(slot) + shift, loadAround(partner) - shift);
      if (peak < bestPeak) [best, bestPeak] = [partner, peak];
    }
    if (best < 0) continue;
    expertOfSlot[slot] = expertOfSlot[best];
    expertOfSlot[best] = expert;
  }
}

/** Packs sets of consecutive experts onto servers. Shape [numServers][numExperts / numServers]. */
function expertsByServer(weight: Float32Array, numExpertGroups: number, numServers: number): number[][] {
  const groupSize = weight.length / numExpertGroups;
  const groupLoads = Array.from({ length: numExpertGroups }, (_, group) =>
    weight
      .subarray(group * groupSize, (group + 1) * groupSize)
      .reduce((sum, load) => Math.fround(sum + load), 0),
  );
  const { packOf, rankOf } = packBalanced(groupLoads, numServers);
  const byServer = Array.from({ length: numServers }, (): number[] => []);
  weight.forEach((_, expert) => {
    const group = Math.floor(expert / groupSize);
    byServer[packOf[group]][rankOf[group] * groupSize + (expert % groupSize)] = expert;
  });
  return byServer;
}

/** Gives the item of largest load a replica one more, until there are `numWanted`. */
function replicateBusiest(
  loads: readonly number[],
  numWanted: number,
): { itemOfReplica: number[]; counts: Int32Array } {
  const itemOfReplica = loads.map((_, item) => item);
  const counts = new Int32Array(loads.length).fill(1);
  while (itemOfReplica.length < numWanted) {
    let busiest = 0;
    for (let item = 1; item < loads.length; item++) {
      if (Math.fround(loads[item] / counts[item]) > Math.fround(loads[busiest] / counts[busiest]))
        busiest = item;
    }
    itemOfReplica.push(busiest);
    counts[busiest]++;
  }
  return { itemOfReplica, counts };
}

/** Packs items into packs of equally many, heaviest first, each into the lightest pack with room. */
function packBalanced(
  loads: readonly number[],
  numPacks: number,
): { packOf: Int32Array; rankOf: Int32Array } {
  const perPack = loads.length / numPacks;
  const packOf = Int32Array.from(loads, (_, item) => item);
  const rankOf = new Int32Array(loads.length);
  // The original keeps the order where a pack takes one item.
  if (perPack === 1) return { packOf, rankOf };
  const packLoad = new Float32Array(numPacks);
  const packItems = new Int32Array(numPacks);
  const heaviestFirst = loads.map((_, item) => item).sort((a, b) => loads[b] - loads[a]);
  for (const item of heaviestFirst) {
    let lightest = -1;
    for (let pack = 0; pack < numPacks; pack++) {
      if (packItems[pack] < perPack && (lightest < 0 || packLoad[pack] < packLoad[lightest])) lightest = pack;
    }
    packOf[item] = lightest;
    rankOf[item] = packItems[lightest]++;
    packLoad[lightest] += loads[item];
  }
  return { packOf, rankOf };
}
