import type { ExpertKernel } from "../hardware/kernels.js";
import { sum } from "../statistics.js";
import { overlapped } from "./overlapped.js";

/** Sizes of one expert. */
export interface ExpertSize {
  readonly hiddenSize: number;
  /** Inner width of one expert. */
  readonly expertWidth: number;
  /** Bytes of a weight with its scales. */
  readonly bytesPerWeight: number;
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
  const nsOf = createExpertNs(kernel, work);
  const rows = Array.from(work.rows);
  const expertsNs = sum(rows.map(nsOf));
  return hostedNs(kernel, { expertsNs, tokenBytes: work.hiddenSize * (work.tokens ?? sum(rows)) });
}

/**
 * Makes a function that says what one expert adds to the time of its GPU, from its rows; it remembers what it was asked.
 *
 * Whatever chiplet the expert is on: so the sum over all experts is that of the layer.
 */
export function createExpertNs(kernel: ExpertKernel, size: ExpertSize): (rows: number) => number {
  const { hiddenSize, expertWidth, bytesPerWeight } = size;
  const weights = 3 * hiddenSize * expertWidth;
  const weightsNs = (weights * bytesPerWeight) / kernel.memoryBytesPerNs;
  const tileNs = (2 * weights * kernel.tileRows) / kernel.flopPerNs;
  const known = new Map<number, number>();
  return (rows) => {
    const remembered = known.get(rows);
    if (remembered !== undefined) return remembered;
    const chance = Math.min(1, Math.max(0, rows));
    const tiles = Math.ceil(rows / kernel.tileRows);
    const productsNs = chance === 0 ? 0 : chance * overlapped(kernel.overlap, weightsNs, tiles * tileNs);
    const ns =
      (1 - chance) * kernel.idleExpertNs + productsNs + hiddenSize * Math.max(0, rows) * kernel.rowNsPerByte;
    known.set(rows, ns);
    return ns;
  };
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
