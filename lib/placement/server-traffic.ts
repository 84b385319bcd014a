import { groupOfChiplet } from "./chiplet-group.js";
import type { TokenPatterns } from "../trace/token-patterns.js";
import { chipletsWithExperts, smallestCovers } from "./dispatch.js";
import type { Chiplets } from "./placement.js";
import type { LayerTraffic } from "./traffic.js";
import { sum } from "../statistics.js";

/** Copies of a token at dispatch, in the mean over tokens and over the GPUs at which they may start. */
export interface TokenCopies {
  /** Copies that cross from one server to another. */
  readonly betweenServers: number;
  /** Copies that go from one GPU to another of the same server. */
  readonly insideServers: number;
}

/**
 * What a placement makes of a layer's tokens on GPUs in servers: a GPU is a chiplet, a server a chiplet group.
 *
 * A token starts on any GPU with equal chance, and what it needs there crosses nothing. Combine returns the same
 * copies the other way.
 */
export interface ServerTraffic {
  /** One copy for every distinct GPU, straight to it: plain all-to-all. */
  readonly direct: TokenCopies;
  /** One copy for every distinct server, to its GPU of the same place, which passes it on inside: DeepEP, multicast. */
  readonly forwarded: TokenCopies;
  /**
   * Share of the tokens that n servers can serve, and no fewer. With replicas, by the copies that need fewest servers.
   * What a router that is limited to some servers would have to change is the sum beyond its limit. Shape [numGroups + 1].
   */
  readonly tokensByServers: readonly number[];
}

/**
 * Counts token copies between servers and inside them.
 *
 * With t GPUs and s servers visited by a token, M GPUs in G servers, means over the starting GPU are:
 * direct: t (1 - 1/G) between, t (1/G - 1/M) inside; forwarded: s (1 - 1/G) between, t (1 - G/M) inside, because
 * a copy arrives on the right GPU of a server with chance G/M wherever it starts.
 * Time O(sum of pattern widths), more with replicas.
 * Source: DeepEP (github.com/deepseek-ai/DeepEP), normal dispatch; the means are derived here.
 *
 * @example
 * const traffic = countTraffic(patterns, [[0, 1], [2, 3]], { chipletsPerGroup: 1 });
 * countServerTraffic(patterns, [[0, 1], [2, 3]], traffic).forwarded.betweenServers; // 0.625
 */
export function countServerTraffic(
  patterns: TokenPatterns,
  chiplets: Chiplets,
  { numTokens, numChiplets, chipletsPerGroup, chipletTokens, groupTokens }: LayerTraffic,
): ServerTraffic {
  const numGroups = numChiplets / chipletsPerGroup;
  const gpus = sum(chipletTokens) / numTokens;
  const servers = sum(groupTokens) / numTokens;
  return {
    direct: {
      betweenServers: gpus * (1 - 1 / numGroups),
      insideServers: gpus * (1 / numGroups - 1 / numChiplets),
    },
    forwarded: {
      betweenServers: servers * (1 - 1 / numGroups),
      insideServers: gpus * (1 - numGroups / numChiplets),
    },
    tokensByServers: shareByServers(patterns, chiplets, chipletsPerGroup),
  };
}

/** The mean of several layers, each of the same weight. */
export function meanServerTraffic(layers: readonly ServerTraffic[]): ServerTraffic {
  const mean = (pick: (layer: ServerTraffic) => number) => sum(layers.map(pick)) / layers.length;
  const meanCopies = (pick: (layer: ServerTraffic) => TokenCopies): TokenCopies => ({
    betweenServers: mean((layer) => pick(layer).betweenServers),
    insideServers: mean((layer) => pick(layer).insideServers),
  });
  return {
    direct: meanCopies(({ direct }) => direct),
    forwarded: meanCopies(({ forwarded }) => forwarded),
    tokensByServers: layers[0].tokensByServers.map((_, servers) =>
      mean(({ tokensByServers }) => tokensByServers[servers]),
    ),
  };
}

function shareByServers(patterns: TokenPatterns, chiplets: Chiplets, chipletsPerGroup: number): number[] {
  const { numExperts, numPatterns, offsets, experts, counts, numTokens } = patterns;
  const serversOf = chipletsWithExperts(chiplets, numExperts).map((holders) => [
    ...new Set(holders.map((chiplet) => groupOfChiplet(chiplet, chipletsPerGroup))),
  ]);
  const hasChoice = serversOf.some((servers) => servers.length > 1);
  const tokens = new Array<number>(chiplets.length / chipletsPerGroup + 1).fill(0);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const members = [...experts.subarray(offsets[pattern], offsets[pattern + 1])];
    const numServers = hasChoice
      ? smallestCovers(members, serversOf)[0].length
      : new Set(members.map((expert) => serversOf[expert][0])).size;
    tokens[numServers] += counts[pattern];
  }
  return tokens.map((count) => count / numTokens);
}
