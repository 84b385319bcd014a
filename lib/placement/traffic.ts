import type { TokenPatterns } from "../trace/token-patterns.js";
import {
  chipletsWithExperts,
  chooseBySource,
  ruleOf,
  smallestCovers,
  type ReplicaChiplets,
  type DispatchModel,
} from "./dispatch.js";
import { groupOfChiplet } from "./chiplet-group.js";
import { chipletOfExperts, type Chiplets } from "./placement.js";
import { sum } from "../statistics.js";

/**
 * What a placement makes of a layer's tokens: all that evaluation, performance model and schedule need of it.
 *
 * Counts are of the tokens given; a model of a batch of B tokens scales them by B / numTokens. They are integers
 * without replicas; with replicas they are means over the choices that the dispatch model leaves open.
 */
export interface LayerTraffic {
  readonly numTokens: number;
  readonly numChiplets: number;
  readonly chipletsPerGroup: number;
  /** Token-expert pairs served by each chiplet. Shape [numChiplets]. */
  readonly chipletLoad: Float64Array;
  /** Distinct tokens that visit each chiplet; their sum / numTokens is C_T. Shape [numChiplets]. */
  readonly chipletTokens: Float64Array;
  /** Distinct tokens that visit each chiplet group; their sum / numTokens is C_G. Shape [numGroups]. */
  readonly groupTokens: Float64Array;
  /** Token-expert pairs of every expert on every chiplet, parallel to the placement. */
  readonly expertLoad: readonly (readonly number[])[];
}

/** Options of {@link countTraffic}. */
export interface TrafficOptions {
  /** Chiplets c of group floor(c / chipletsPerGroup) sit behind one switch. */
  readonly chipletsPerGroup: number;
  /** Default nearest. Without replicas there is no choice. */
  readonly dispatch?: DispatchModel | undefined;
}

/**
 * Counts the traffic of a placement, with or without replicas. Time O(sum of pattern widths * replicas).
 *
 * @example
 * const traffic = countTraffic(patterns, [[0, 1], [2, 3]], { chipletsPerGroup: 1 });
 * traffic.chipletTokens[0]; // tokens with expert 0 or 1
 */
export function countTraffic(
  patterns: TokenPatterns,
  chiplets: Chiplets,
  { chipletsPerGroup, dispatch = "nearest" }: TrafficOptions,
): LayerTraffic {
  const { numExperts, numPatterns, offsets, experts, counts, numTokens } = patterns;
  const tally = new Tally(chiplets.length, chipletsPerGroup, numExperts);
  const chipletsOf = chipletsWithExperts(chiplets, numExperts);
  if (chipletsOf.every(({ length }) => length === 1)) {
    return countAlone(patterns, chiplets, chipletsPerGroup);
  }
  const serve = serverOf(dispatch, chipletsOf, { numChiplets: chiplets.length, chipletsPerGroup });
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    serve(experts.subarray(offsets[pattern], offsets[pattern + 1]), counts[pattern], { chipletsOf, tally });
  }
  const expertLoad = chiplets.map((experts, chiplet) =>
    experts.map((expert) => tally.loadOf(expert, chiplet)),
  );
  return {
    numTokens,
    numChiplets: chiplets.length,
    chipletsPerGroup,
    chipletLoad: Float64Array.from(expertLoad, (loads) => sum(loads)),
    chipletTokens: tally.chipletTokens,
    groupTokens: tally.groupTokens,
    expertLoad,
  };
}

/** Without replicas there is nothing to choose. Flat loops: searches count dozens of placements a layer. */
function countAlone(patterns: TokenPatterns, chiplets: Chiplets, chipletsPerGroup: number): LayerTraffic {
  const { numExperts, numPatterns, numTokens, offsets, experts, counts } = patterns;
  const numChiplets = chiplets.length;
  const chipletOf = chipletOfExperts(chiplets, numExperts);
  const load = new Float64Array(numExperts);
  const chipletTokens = new Float64Array(numChiplets);
  const groupTokens = new Float64Array(Math.ceil(numChiplets / chipletsPerGroup));
  // Pattern, from 1, that was there last.
  const chipletSeen = new Uint32Array(numChiplets);
  const groupSeen = new Uint32Array(groupTokens.length);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const count = counts[pattern];
    const end = offsets[pattern + 1];
    for (let place = offsets[pattern]; place < end; place++) {
      const expert = experts[place];
      const chiplet = chipletOf[expert];
      load[expert] += count;
      if (chipletSeen[chiplet] === pattern + 1) continue;
      chipletSeen[chiplet] = pattern + 1;
      chipletTokens[chiplet] += count;
      const group = groupOfChiplet(chiplet, chipletsPerGroup);
      if (groupSeen[group] === pattern + 1) continue;
      groupSeen[group] = pattern + 1;
      groupTokens[group] += count;
    }
  }
  const expertLoad = chiplets.map((held) => held.map((expert) => load[expert]));
  return {
    numTokens,
    numChiplets,
    chipletsPerGroup,
    chipletLoad: Float64Array.from(expertLoad, (loads) => sum(loads)),
    chipletTokens,
    groupTokens,
    expertLoad,
  };
}

/**
 * Counts what a placement makes of a token: how many distinct chiplets it visits in the mean, C_T, and how many chiplet groups, C_G.
 *
 * @example
 * countReplication(patterns, [[0, 1], [2, 3]], { chipletsPerGroup: 1 }).tokenReplication; // 1.25
 */
export function countReplication(
  patterns: TokenPatterns,
  chiplets: Chiplets,
  options: TrafficOptions,
): { tokenReplication: number; groupReplication: number } {
  const traffic = countTraffic(patterns, chiplets, options);
  return {
    tokenReplication: tokenReplicationOf(traffic),
    groupReplication: sum(traffic.groupTokens) / traffic.numTokens,
  };
}

/** Mean distinct chiplets of a token, C_T, where its traffic was counted. */
export function tokenReplicationOf({ numTokens, chipletTokens }: LayerTraffic): number {
  return sum(chipletTokens) / numTokens;
}

/** Where served tokens are added up. */
class Tally {
  readonly chipletTokens: Float64Array;
  readonly groupTokens: Float64Array;
  /** Shape [numChiplets, numExperts], row-major. */
  readonly #load: Float64Array;
  /** Walk over tokens that last saw each chiplet or group. */
  readonly #chipletSeen: Uint32Array;
  readonly #groupSeen: Uint32Array;
  #walk = 0;

  constructor(
    readonly numChiplets: number,
    readonly chipletsPerGroup: number,
    readonly numExperts: number,
  ) {
    const numGroups = Math.ceil(numChiplets / chipletsPerGroup);
    this.chipletTokens = new Float64Array(numChiplets);
    this.groupTokens = new Float64Array(numGroups);
    this.#load = new Float64Array(numChiplets * numExperts);
    this.#chipletSeen = new Uint32Array(numChiplets);
    this.#groupSeen = new Uint32Array(numGroups);
  }

  /** Begins with the tokens of another pattern, or with another of its ways. */
  begin(): void {
    this.#walk++;
  }

  /** Counts a visit, unless the tokens at hand have been there. */
  visit(chiplet: number, tokens: number): void {
    if (this.#chipletSeen[chiplet] === this.#walk) return;
    this.#chipletSeen[chiplet] = this.#walk;
    this.chipletTokens[chiplet] += tokens;
    const group = Math.floor(chiplet / this.chipletsPerGroup);
    if (this.#groupSeen[group] === this.#walk) return;
    this.#groupSeen[group] = this.#walk;
    this.groupTokens[group] += tokens;
  }

  hasVisited(chiplet: number): boolean {
    return this.#chipletSeen[chiplet] === this.#walk;
  }

  /** Has an expert serve tokens on some of its chiplets, evenly. */
  serve(expert: number, tokens: number, on: readonly number[]): void {
    for (const chiplet of on) this.#load[chiplet * this.numExperts + expert] += tokens / on.length;
  }

  loadOf(expert: number, chiplet: number): number {
    return this.#load[chiplet * this.numExperts + expert];
  }
}

/** Adds tokens of one pattern to the tally, in one way of dispatch. */
interface Into {
  readonly chipletsOf: ReplicaChiplets;
  readonly tally: Tally;
}

type Serve = (members: Uint16Array, tokens: number, into: Into) => void;

function serverOf(
  dispatch: DispatchModel,
  chipletsOf: ReplicaChiplets,
  shape: { numChiplets: number; chipletsPerGroup: number },
): Serve {
  const rule = ruleOf(dispatch);
  if (rule === "nearest") return serveNearest;
  if (rule === "uniform") return serveUniformly;
  const choice = chooseBySource(dispatch, chipletsOf, shape);
  return (members, tokens, { tally }) => {
    // Tokens start on every chiplet equally often; without a choice, all of them are served alike.
    const hasChoice = members.some((expert) => chipletsOf[expert].length > 1);
    const numSources = hasChoice ? shape.numChiplets : 1;
    for (let source = 0; source < numSources; source++) {
      tally.begin();
      for (const expert of members) {
        const chiplet = choice[source * chipletsOf.length + expert];
        tally.visit(chiplet, tokens / numSources);
        tally.serve(expert, tokens / numSources, [chiplet]);
      }
    }
  };
}

function serveNearest(members: Uint16Array, tokens: number, { chipletsOf, tally }: Into): void {
  const left: number[] = [];
  tally.begin();
  for (const expert of members) {
    if (chipletsOf[expert].length > 1) left.push(expert);
    else {
      tally.visit(chipletsOf[expert][0], tokens);
      tally.serve(expert, tokens, chipletsOf[expert]);
    }
  }
  if (left.length === 0) return;
  const away: number[] = [];
  for (const expert of left) {
    const visited = chipletsOf[expert].filter((chiplet) => tally.hasVisited(chiplet));
    if (visited.length > 0) tally.serve(expert, tokens, visited);
    else away.push(expert);
  }
  if (away.length === 0) return;
  const covers = smallestCovers(away, chipletsOf);
  const decided =
    members.length > left.length ? [...members].filter((expert) => chipletsOf[expert].length === 1) : [];
  const share = tokens / covers.length;
  for (const cover of covers) {
    // The chiplets visited anyway have been counted: walk past them again, so that their groups are not counted twice.
    tally.begin();
    for (const expert of decided) tally.visit(chipletsOf[expert][0], 0);
    for (const chiplet of cover) tally.visit(chiplet, share);
    for (const expert of away) {
      tally.serve(
        expert,
        share,
        chipletsOf[expert].filter((chiplet) => cover.includes(chiplet)),
      );
    }
  }
}

function serveUniformly(members: Uint16Array, tokens: number, { chipletsOf, tally }: Into): void {
  /** Chance that no replica drawn is on a chiplet, or in a group, of those where one may be. */
  const chipletMissed = new Map<number, number>();
  const groupMissed = new Map<number, number>();
  for (const expert of members) {
    const holders = chipletsOf[expert];
    tally.serve(expert, tokens, holders);
    const inGroup = new Map<number, number>();
    for (const chiplet of holders) {
      chipletMissed.set(chiplet, (chipletMissed.get(chiplet) ?? 1) * (1 - 1 / holders.length));
      const group = Math.floor(chiplet / tally.chipletsPerGroup);
      inGroup.set(group, (inGroup.get(group) ?? 0) + 1);
    }
    for (const [group, count] of inGroup) {
      groupMissed.set(group, (groupMissed.get(group) ?? 1) * (1 - count / holders.length));
    }
  }
  for (const [chiplet, missed] of chipletMissed) tally.chipletTokens[chiplet] += tokens * (1 - missed);
  for (const [group, missed] of groupMissed) tally.groupTokens[group] += tokens * (1 - missed);
}
