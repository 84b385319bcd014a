import { EigenvalueDecomposition } from "ml-matrix";
import { coactivationMatrix, countCoactivation, type Coactivation } from "../lib/trace/coactivation.js";
import { countTokenCopies } from "../lib/placement/cost.js";
import type { Solver } from "../lib/placement/solver.js";
import { createRandom, type Random } from "../lib/random.js";
import { finish } from "./constraints/complete-placement.js";
import { BASELINE } from "./objectives/baseline.js";
import { sum } from "../lib/statistics.js";

const STARTS = 12;
const MAX_ROUNDS = 20;

/** Balanced k-means on the leading eigenvectors of the co-activation matrix; not searched further. */
export const spectral: Solver = {
  ...BASELINE,
  name: "spectral",
  summary: "spectral embedding of the co-activation matrix, clustered into chiplets of equal size",
  solve(problem, options) {
    const { numChiplets, slotsPerChiplet, patterns, layer } = problem;
    const points = embedExperts(countCoactivation(patterns), Math.min(numChiplets, problem.numExperts));
    let best: { chipletOf: Uint16Array; tokenCopies: number } | undefined;
    for (let start = 0; start < STARTS; start++) {
      const random = createRandom(options.seed, layer, start);
      const chipletOf = clusterPoints(points, {
        numClusters: numChiplets,
        capacity: slotsPerChiplet,
        random,
      });
      const tokenCopies = countTokenCopies(patterns, chipletOf);
      if (!best || tokenCopies < best.tokenCopies) best = { chipletOf, tokenCopies };
    }
    if (!best) throw new Error("a start always ends in a placement");
    return finish(problem, best.chipletOf, { ...options, stoppedBy: "budget" });
  },
};

/**
 * Places every expert in a space in which experts that co-activate beyond their loads are close.
 *
 * Rows of the leading eigenvectors of D^-1/2 C D^-1/2, D the row sums of C, scaled to length 1. Time O(numExperts^3).
 * Source: Ng, Jordan, Weiss, "On Spectral Clustering", NIPS 2001, steps 2 to 4.
 *
 * @returns A point an expert. Shape [numExperts][numDimensions].
 */
export function embedExperts(coactivation: Coactivation, numDimensions: number): Float64Array[] {
  const { numExperts } = coactivation;
  const matrix = coactivationMatrix(coactivation);
  // An expert that is never chosen with another has no direction; it ends at the origin.
  const scale = matrix.sum("row").map((degree) => (degree > 0 ? 1 / Math.sqrt(degree) : 0));
  const normalised = matrix.mulColumnVector(scale).mulRowVector(scale);
  const { eigenvectorMatrix } = new EigenvalueDecomposition(normalised, { assumeSymmetric: true });
  return Array.from({ length: numExperts }, (_, expert) => {
    // ml-matrix sorts eigenvalues in ascending order: the leading ones are the last columns.
    const point = Float64Array.from({ length: numDimensions }, (__, dimension) =>
      eigenvectorMatrix.get(expert, numExperts - 1 - dimension),
    );
    // eslint-disable-next-line no-restricted-syntax -- a few dimensions; other roundings would be other placements
    const length = Math.hypot(...point);
    return length > 0 ? point.map((coordinate) => coordinate / length) : point;
  });
}

/** Balanced k-means: centres seeded far apart, then nearest pairs of point and centre with room are joined first. */
function clusterPoints(
  points: readonly Float64Array[],
  { numClusters, capacity, random }: { numClusters: number; capacity: number; random: Random },
): Uint16Array {
  let centres = spreadCentres(points, numClusters, random);
  let clusterOf: Uint16Array = new Uint16Array(points.length);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = assignNearest(points, centres, capacity);
    if (round > 0 && next.every((cluster, point) => cluster === clusterOf[point])) break;
    clusterOf = next;
    centres = centres.map((centre, cluster) => {
      const members = points.filter((_, point) => clusterOf[point] === cluster);
      return members.length > 0 ? meanOf(members) : centre;
    });
  }
  return clusterOf;
}

/** Seeds of k-means++: each new centre is a point drawn by its squared distance to the centres so far. */
function spreadCentres(points: readonly Float64Array[], numCentres: number, random: Random): Float64Array[] {
  const centres = [points[random.below(points.length)]];
  const nearest = points.map((point) => squaredDistance(point, centres[0]));
  while (centres.length < numCentres) {
    let remaining = random.next() * sum(nearest);
    const drawn = nearest.findIndex((distance) => (remaining -= distance) < 0);
    const centre = points[drawn >= 0 ? drawn : random.below(points.length)];
    centres.push(centre);
    points.forEach((point, index) => {
      nearest[index] = Math.min(nearest[index], squaredDistance(point, centre));
    });
  }
  return centres;
}

function assignNearest(
  points: readonly Float64Array[],
  centres: readonly Float64Array[],
  capacity: number,
): Uint16Array {
  const numCentres = centres.length;
  const distances = new Float64Array(points.length * numCentres);
  points.forEach((point, index) => {
    centres.forEach((centre, cluster) => {
      distances[index * numCentres + cluster] = squaredDistance(point, centre);
    });
  });
  const nearestFirst = Uint32Array.from(distances.keys()).sort(
    (a, b) => distances[a] - distances[b] || a - b,
  );
  const clusterOf = new Int32Array(points.length).fill(-1);
  const size = new Int32Array(centres.length);
  for (const pair of nearestFirst) {
    const index = Math.floor(pair / numCentres);
    const cluster = pair % numCentres;
    if (clusterOf[index] >= 0 || size[cluster] === capacity) continue;
    clusterOf[index] = cluster;
    size[cluster]++;
  }
  return Uint16Array.from(clusterOf);
}

/** A loop, because k-means asks for the distances of all experts to all centres again and again. */
function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let dimension = 0; dimension < a.length; dimension++) {
    const difference = a[dimension] - b[dimension];
    sum += difference * difference;
  }
  return sum;
}

function meanOf(points: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(points[0].length);
  for (const point of points) point.forEach((coordinate, dimension) => (sum[dimension] += coordinate));
  return sum.map((coordinate) => coordinate / points.length);
}
