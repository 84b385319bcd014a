import type { ExpertKernel } from "../hardware/kernels.js";
import { sum } from "../statistics.js";
import { overlapped } from "./overlapped.js";
import { leastOfChoices, type ReplicatedRows } from "./replicated-experts.js";

/** Sizes of one expert. */
export interface ExpertSize {
  readonly hiddenSize: number;
  /** Inner width of one expert. */
  readonly expertWidth: number;
  /** Bytes of a weight with its scales. */
  readonly bytesPerWeight: number;
}

/** Sizes of one expert, and how many a GPU has. */
export interface LocalExperts extends ExpertSize {
  readonly expertsPerGpu: number;
}

/** The experts of one GPU in one layer, and what arrives for them. */
export interface ExpertWork extends ExpertSize {
  /** Rows (tokens that chose it) of every expert of the GPU; fractions are expectations. Shape [numLocalExperts]. */
  readonly rows: ArrayLike<number>;
  /** Tokens whose rows are sorted: all that arrive, each once. Default the sum of rows. */
  readonly tokens?: number;
}

/**
 * Time of all experts of one GPU in one layer: gate, up and down products with what comes before and between.
 *
 * floor + idle experts + sum over experts with rows of overlapped(weights / memory, tiles of rows / rate) + tokens and rows
 * moved, at the same time as the host prepares. An expert whose expected rows are below 1 has any with that chance.
 * Weights are read once however few rows there are, so that skew costs nothing while memory binds.
 *
 * @example
 * // h200-8x8, 8 experts of DeepSeek-V3 with 4 rows each, decode: 0.11 ms
 * expertComputeNs(kernels.experts.decode, { rows: [4, 4, 4, 4, 4, 4, 4, 4], hiddenSize: 7168, expertWidth: 2048, bytesPerWeight: 1 });
 */
export function expertComputeNs(kernel: ExpertKernel, work: ExpertWork): number {
  const nsOf = createExpertNs(kernel, { ...work, expertsPerGpu: work.rows.length });
  const rows = Array.from(work.rows);
  const expertsNs = sum(rows.map(nsOf));
  return hostedNs(kernel, { expertsNs, tokenBytes: work.hiddenSize * (work.tokens ?? sum(rows)) });
}

/**
 * Makes a function that says what one expert adds to the time of its GPU, from its rows; it remembers what it was asked.
 *
 * Whatever chiplet the expert is on: so the sum over all experts is that of the layer.
 */
export function createExpertNs(kernel: ExpertKernel, size: LocalExperts): (rows: number) => number {
  const { weightsNs, tileNs, idleNs } = partsOf(kernel, size);
  const { hiddenSize } = size;
  const known = new Map<number, number>();
  return (rows) => {
    const remembered = known.get(rows);
    if (remembered !== undefined) return remembered;
    const chance = Math.min(1, Math.max(0, rows));
    const tiles = Math.ceil(rows / kernel.tileRows);
    const productsNs = chance === 0 ? 0 : chance * overlapped(kernel.overlap, weightsNs, tiles * tileNs);
    const ns = (1 - chance) * idleNs + productsNs + hiddenSize * Math.max(0, rows) * kernel.rowNsPerByte;
    known.set(rows, ns);
    return ns;
  };
}

/** Reading an expert, multiplying a tile of its rows, and an expert without rows. */
function partsOf(kernel: ExpertKernel, size: LocalExperts) {
  const weights = 3 * size.hiddenSize * size.expertWidth;
  const weightsNs = (weights * size.bytesPerWeight) / kernel.memoryBytesPerNs;
  const tileNs = (2 * weights * kernel.tileRows) / kernel.flopPerNs;
  const idleNs = kernel.idleExpertNs / size.expertsPerGpu ** (kernel.idleExponent ?? 0);
  return { weightsNs, tileNs, idleNs: Math.min(idleNs, overlapped(kernel.overlap, weightsNs, tileNs)) };
}

/**
 * What experts with replicas add to the times of all GPUs together at least, whichever experts have them and in whatever parts
 * they share the rows; of {@link createExpertNs}.
 *
 * Where each of the c replicas of an expert has a row or more, they read its weights c times and multiply no fewer tiles than all its rows fill,
 * and what overlaps of both is a norm, which is no more of sums than in sum. Else each has any rows with the chance min(1, its rows), whose sum
 * is least where all but one have the least share s: p(c) = (c - 1) min(1, s r) + min(1, (1 - (c - 1) s) r); reading weights p(c) times and
 * multiplying r rows take no less than the longer of both.
 */
export function leastReplicatedNs(
  kernel: ExpertKernel,
  size: LocalExperts,
  replicas: ReplicatedRows,
): number {
  const { rows, leastShare } = replicas;
  const { weightsNs, tileNs, idleNs } = partsOf(kernel, size);
  const busyNs = (count: number, all: number) => {
    if ((count === 1 ? 1 : leastShare) * all >= 1) {
      const tilesNs = Math.ceil(all / kernel.tileRows) * tileNs;
      return overlapped(Math.max(1, kernel.overlap), count * weightsNs, tilesNs);
    }
    const reads =
      (count - 1) * Math.min(1, leastShare * all) + Math.min(1, (1 - (count - 1) * leastShare) * all);
    return Math.max(reads * weightsNs, (all * tileNs) / kernel.tileRows);
  };
  const once = rows.map((all) => Math.max(0, 1 - all) * idleNs + size.hiddenSize * all * kernel.rowNsPerByte);
  return sum(once) + leastOfChoices(replicas, busyNs);
}

/**
 * Time of a GPU from what its experts add up to: with the floor, the tokens that are sorted, and the host beside it.
 *
 * Convex and growing in both.
 *
 * @param work.tokenBytes Numbers of all tokens that arrive, each once.
 */
export function hostedNs(
  kernel: ExpertKernel,
  { expertsNs, tokenBytes }: { expertsNs: number; tokenBytes: number },
): number {
  return overlapped(
    HOST_OVERLAP,
    kernel.hostNs,
    kernel.floorNs + expertsNs + tokenBytes * kernel.tokenNsPerByte,
  );
}

/** The host is a good deal ahead or it is not: in between there is little. */
const HOST_OVERLAP = 6;
