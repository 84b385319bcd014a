import louvainModule from "graphology-communities-louvain";
import {
  coactivationGraph,
  countCoactivation,
  expectedPairs,
  type Coactivation,
  type CoactivationGraph,
} from "../../lib/trace/coactivation.js";
import { countTokenCopies } from "../../lib/placement/cost.js";
import { createRandom, type Random } from "../../lib/random.js";
import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

// The package's types describe CommonJS, in which the default export hides one level deeper than it really does.
const findByLouvain = louvainModule as unknown as typeof louvainModule.default;

const RESOLUTIONS = [0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6];
const SEEDS_PER_RESOLUTION = 6;
/** Of so many experts, whose graphs have hundreds of thousands of edges. */
const MANY_EXPERTS = 512;
const SEEDS_OF_MANY = 2;

/** The room that communities are packed into. */
export interface ChipletRoom {
  readonly numChiplets: number;
  readonly slotsPerChiplet: number;
}

/** The best placement by communities of patterns, by what else it depends on. */
const bestOf = new WeakMap<TokenPatterns, Map<string, Uint16Array>>();

/**
 * The cheapest of {@link placeCommunities}, which is remembered: every search of a layer begins with it, under each cap on the load.
 *
 * @returns Shape [numExperts].
 */
export function bestCommunities(
  model: ChipletRoom & { readonly patterns: TokenPatterns },
  { seed, layer }: { readonly seed: number; readonly layer: number },
): Uint16Array {
  const { patterns, numChiplets, slotsPerChiplet } = model;
  const ofPatterns = bestOf.get(patterns) ?? new Map<string, Uint16Array>();
  bestOf.set(patterns, ofPatterns);
  const key = [numChiplets, slotsPerChiplet, seed, layer].join();
  const best = ofPatterns.get(key) ?? placeCommunities(model, createRandom(seed, layer))[0];
  ofPatterns.set(key, best);
  return best.slice();
}

/**
 * Finds communities at many resolutions and packs each partition onto the chiplets.
 *
 * @returns Distinct placements, cheapest in C_T first. Shape [numPlacements][numExperts].
 */
export function placeCommunities(
  { patterns, ...room }: ChipletRoom & { readonly patterns: TokenPatterns },
  random: Random,
): Uint16Array[] {
  const coactivation = countCoactivation(patterns);
  const excess = excessPairs(coactivation);
  const graph = coactivationGraph(coactivation, excess);
  const seen = new Map<string, { chipletOf: Uint16Array; tokenCopies: number }>();
  const numSeeds = patterns.numExperts > MANY_EXPERTS ? SEEDS_OF_MANY : SEEDS_PER_RESOLUTION;
  for (const resolution of RESOLUTIONS) {
    for (let run = 0; run < numSeeds; run++) {
      const communityOf = communitiesOf(graph, resolution, random);
      const chipletOf = packCommunities(communityOf, excess, room);
      const key = chipletOf.join();
      if (!seen.has(key)) seen.set(key, { chipletOf, tokenCopies: countTokenCopies(patterns, chipletOf) });
    }
  }
  return [...seen.values()].sort((a, b) => a.tokenCopies - b.tokenCopies).map(({ chipletOf }) => chipletOf);
}

/**
 * Finds the communities of experts that tokens choose together beyond their loads, by the Louvain method.
 *
 * Source: Blondel et al., "Fast unfolding of communities in large networks", 2008; graphology-communities-louvain.
 *
 * @returns Community of every expert, counted from 0. Shape [numExperts].
 *
 * @example
 * findCommunities(countCoactivation(patterns), { random: createRandom(1) }); // Uint16Array [0, 0, 0, 1]
 */
export function findCommunities(
  coactivation: Coactivation,
  {
    resolution = 1,
    random,
  }: {
    /** More than 1 for smaller communities, less for larger ones; default 1. */
    readonly resolution?: number;
    readonly random: Random;
  },
): Uint16Array {
  return communitiesOf(coactivationGraph(coactivation, excessPairs(coactivation)), resolution, random);
}

function communitiesOf(graph: CoactivationGraph, resolution: number, random: Random): Uint16Array {
  const communities = findByLouvain(graph, {
    getEdgeWeight: "weight",
    resolution,
    rng: () => random.next(),
  });
  return Uint16Array.from({ length: graph.order }, (_, expert) => communities[expert]);
}

/**
 * Packs communities onto chiplets under their slots.
 *
 * A community larger than a chiplet gives up, again and again, the chipletful of experts that hold together most; what
 * is left of all communities goes, largest first, to the chiplet it is most attracted to among those with room, and is dealt out
 * expert by expert where none has. Time O(numExperts^2 * numChiplets).
 *
 * @param communityOf Community of every expert. Shape [numExperts].
 * @param weights Attraction of every pair, negative if repelled. Shape [numExperts, numExperts], row-major.
 * @returns Chiplet of every expert. Shape [numExperts].
 */
export function packCommunities(
  communityOf: Uint16Array,
  weights: Float64Array,
  { numChiplets, slotsPerChiplet }: ChipletRoom,
): Uint16Array {
  const numExperts = communityOf.length;
  const attraction = (expert: number, experts: readonly number[]) =>
    experts.reduce((sum, peer) => sum + weights[expert * numExperts + peer], 0);
  const chiplets: number[][] = [];
  const rests: number[][] = [];
  for (const community of membersOf(communityOf)) {
    let rest = community;
    while (rest.length >= slotsPerChiplet && chiplets.length < numChiplets) {
      const column = peelColumn(rest, slotsPerChiplet, weights);
      chiplets.push(column);
      rest = rest.filter((expert) => !column.includes(expert));
    }
    if (rest.length > 0) rests.push(rest);
  }
  while (chiplets.length < numChiplets) chiplets.push([]);
  rests.sort((a, b) => b.length - a.length || a[0] - b[0]);
  const mostAttractive = (experts: readonly number[], room: number) =>
    maxBy(
      chiplets.filter((members) => slotsPerChiplet - members.length >= room),
      (members) => experts.reduce((sum, expert) => sum + attraction(expert, members), 0),
    );
  for (const rest of rests) {
    const chiplet = mostAttractive(rest, rest.length);
    if (chiplet) for (const added of rest) chiplet.push(added);
    else for (const expert of rest) mostAttractive([expert], 1)?.push(expert);
  }
  const chipletOf = new Uint16Array(numExperts);
  chiplets.forEach((members, chiplet) => {
    for (const expert of members) chipletOf[expert] = chiplet;
  });
  return chipletOf;
}

/** Co-activation beyond what loads alone explain. Shape [numExperts, numExperts], row-major. */
function excessPairs(coactivation: Coactivation): Float64Array {
  const expected = expectedPairs(coactivation);
  return coactivation.pairs.map((pair, index) => pair - expected[index]);
}

function membersOf(communityOf: Uint16Array): number[][] {
  const members = new Map<number, number[]>();
  communityOf.forEach((community, expert) => {
    members.set(community, [...(members.get(community) ?? []), expert]);
  });
  return [...members.values()];
}

/** Takes from a community the expert most attracted to the rest, and those most attracted to it. Time O(size * members). */
function peelColumn(community: readonly number[], size: number, weights: Float64Array): number[] {
  const numExperts = Math.sqrt(weights.length);
  const column: number[] = [];
  let left = community;
  let attractionOf = community.map((expert) =>
    community.reduce((sum, peer) => sum + weights[expert * numExperts + peer], 0),
  );
  while (column.length < size && left.length > 0) {
    let best = 0;
    for (let at = 1; at < left.length; at++) if (attractionOf[at] > attractionOf[best]) best = at;
    const next = left[best];
    const before = column.length === 0 ? left.map(() => 0) : attractionOf;
    attractionOf = before
      .map((attraction, at) => attraction + weights[left[at] * numExperts + next])
      .filter((_, at) => at !== best);
    left = left.filter((_, at) => at !== best);
    column.push(next);
  }
  return column;
}

/** The item of largest value, the first among equals. */
function maxBy<T>(items: readonly T[], valueOf: (item: T) => number): T | undefined {
  let best: T | undefined;
  let bestValue = -Infinity;
  for (const item of items) {
    const value = valueOf(item);
    if (value <= bestValue) continue;
    best = item;
    bestValue = value;
  }
  return best;
}
