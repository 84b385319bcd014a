import { UndirectedGraph } from "graphology";
import { Matrix } from "ml-matrix";
import type { TokenPatterns } from "./token-patterns.js";
import { sum } from "../statistics.js";

/** How often experts are chosen, alone and in pairs, in one MoE layer. */
export interface Coactivation {
  readonly numExperts: number;
  readonly numTokens: number;
  /** Tokens that chose each expert. Shape [numExperts]. */
  readonly load: Float64Array;
  /** Tokens that chose both experts; the diagonal is 0. Shape [numExperts, numExperts], row-major, symmetric. */
  readonly pairs: Float64Array;
}

/** An undirected graph: a node an expert with its `load`, an edge a co-activated pair with its `weight`. */
export type CoactivationGraph = UndirectedGraph<{ load: number }, { weight: number }>;

/**
 * Counts loads and co-activations of a layer.
 *
 * C_ij = tokens that chose both i and j. Time O(numPatterns * topK^2), memory O(numExperts^2).
 * Source: Mozart (arXiv:2603.07006), section 3, equations 3 and 4, left as counts.
 */
export function countCoactivation(patterns: TokenPatterns): Coactivation {
  const { numExperts, numPatterns, offsets, experts, counts } = patterns;
  const load = new Float64Array(numExperts);
  const pairs = new Float64Array(numExperts * numExperts);
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const count = counts[pattern];
    for (let first = offsets[pattern]; first < offsets[pattern + 1]; first++) {
      load[experts[first]] += count;
      for (let second = first + 1; second < offsets[pattern + 1]; second++) {
        pairs[experts[first] * numExperts + experts[second]] += count;
        pairs[experts[second] * numExperts + experts[first]] += count;
      }
    }
  }
  return { numExperts, numTokens: patterns.numTokens, load, pairs };
}

/**
 * The co-activation a layer would show if every pick of a token's experts were drawn by load alone.
 *
 * N_ij = load_i * load_j * (k - 1) / total load, k the mean number of experts a token has: the null model to
 * subtract before communities are sought, because raw counts only show which experts are busy.
 *
 * @returns Shape [numExperts, numExperts], row-major; the diagonal is 0.
 */
export function expectedPairs({ numExperts, numTokens, load }: Coactivation): Float64Array {
  const total = sum(load);
  const factor = (total / numTokens - 1) / total;
  const expected = new Float64Array(numExperts * numExperts);
  for (let expert = 0; expert < numExperts; expert++) {
    for (let partner = 0; partner < numExperts; partner++) {
      if (expert !== partner) expected[expert * numExperts + partner] = load[expert] * load[partner] * factor;
    }
  }
  return expected;
}

/**
 * Makes the weighted co-activation graph of a layer.
 *
 * @param weights Weight of every pair, positive ones become edges; by default the co-activation counts.
 *   Shape [numExperts, numExperts], row-major, symmetric.
 */
export function coactivationGraph(
  { numExperts, load, pairs }: Coactivation,
  weights: Float64Array = pairs,
): CoactivationGraph {
  const graph: CoactivationGraph = new UndirectedGraph();
  for (let expert = 0; expert < numExperts; expert++) graph.addNode(expert, { load: load[expert] });
  for (let expert = 0; expert < numExperts; expert++) {
    for (let partner = expert + 1; partner < numExperts; partner++) {
      const weight = weights[expert * numExperts + partner];
      if (weight > 0) graph.addEdge(expert, partner, { weight });
    }
  }
  return graph;
}

/** The co-activation counts as an ml-matrix matrix. Shape [numExperts, numExperts], diagonal 0. */
export function coactivationMatrix({ numExperts, pairs }: Coactivation): Matrix {
  return Matrix.from1DArray(numExperts, numExperts, pairs);
}
