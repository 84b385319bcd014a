import { countCoactivation } from "../lib/trace/coactivation.js";
import type { Solver } from "../lib/placement/solver.js";
import { finish } from "./constraints/complete-placement.js";
import { balanceLoads } from "./groups/partition-loads.js";
import { BASELINE } from "./objectives/baseline.js";

/** The method of the Mozart paper: Algorithm 1 clusters experts, equation 5 balances the chiplet groups. */
export const mozart: Solver = {
  ...BASELINE,
  name: "mozart",
  summary:
    "the Mozart paper's own method: farthest-point clusters of co-activated experts, groups balanced by load",
  solve(problem, options) {
    const { numChiplets, chipletsPerGroup } = problem;
    const { pairs, load } = countCoactivation(problem.patterns);
    const clusters = clusterExperts(pairs, numChiplets);
    const clusterLoads = clusters.map((experts) => experts.reduce((sum, expert) => sum + load[expert], 0));
    const chipletOf = new Uint16Array(problem.numExperts);
    balanceLoads(clusterLoads, chipletsPerGroup)
      .flat()
      .forEach((cluster, chiplet) => {
        for (const expert of clusters[cluster]) chipletOf[expert] = chiplet;
      });
    return finish(problem, chipletOf, { ...options, stoppedBy: "rule" });
  },
};

/**
 * Clusters experts, one cluster a chiplet.
 *
 * The first cluster starts with the most co-activated pair, each later one with the unplaced expert least co-activated
 * with all placed so far; each then takes the unplaced expert most co-activated with it until it is full.
 * Time O(numExperts^2).
 *
 * Source: Mozart (arXiv:2603.07006), Algorithm 1.
 * Deviation: the printed loop test overfills clusters by one; here each holds its share. "Lowest" and "highest"
 * are of sums, and ties go to the lowest id, both of which the paper leaves open. Where the chiplets do not divide the
 * experts, the first clusters hold one more.
 *
 * @param pairs Tokens that chose both experts. Shape [numExperts, numExperts], row-major, symmetric.
 * @returns Experts of every cluster, in the order in which they joined. Shape [numClusters][].
 */
export function clusterExperts(pairs: Float64Array, numClusters: number): number[][] {
  const numExperts = Math.sqrt(pairs.length);
  const placed = new Uint8Array(numExperts);
  const toPlaced = new Float64Array(numExperts);
  return Array.from({ length: numClusters }, (_, index) => {
    const size = Math.floor(numExperts / numClusters) + (index < numExperts % numClusters ? 1 : 0);
    const toCluster = new Float64Array(numExperts);
    const cluster: number[] = [];
    const join = (expert: number) => {
      cluster.push(expert);
      placed[expert] = 1;
      for (let peer = 0; peer < numExperts; peer++) {
        toCluster[peer] += pairs[expert * numExperts + peer];
        toPlaced[peer] += pairs[expert * numExperts + peer];
      }
    };
    if (index === 0 && size >= 2) mostCoactivatedPair(pairs, numExperts).forEach(join);
    else if (size >= 1) join(leastOf(toPlaced, placed));
    while (cluster.length < size) {
      join(
        leastOf(
          toCluster.map((weight) => -weight),
          placed,
        ),
      );
    }
    return cluster;
  });
}

function mostCoactivatedPair(pairs: Float64Array, numExperts: number): [number, number] {
  let best: [number, number] = [0, 1];
  for (let i = 0; i < numExperts; i++) {
    for (let j = i + 1; j < numExperts; j++) {
      if (pairs[i * numExperts + j] > pairs[best[0] * numExperts + best[1]]) best = [i, j];
    }
  }
  return best;
}

/** The unplaced expert of least value, the lowest id among equals. */
function leastOf(values: Float64Array, placed: Uint8Array): number {
  let least = -1;
  for (let expert = 0; expert < values.length; expert++) {
    if (!placed[expert] && (least < 0 || values[expert] < values[least])) least = expert;
  }
  return least;
}
