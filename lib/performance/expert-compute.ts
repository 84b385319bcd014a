import type { ExpertKernel } from "../hardware/kernels.js";
import { overlapped } from "./overlapped.js";

/** The experts of one GPU in one layer, and what arrives for them. */
export interface ExpertWork {
  /** Rows (tokens that chose it) of every expert of the GPU; fractions are expectations. Shape [numLocalExperts]. */
  readonly rows: ArrayLike<number>;
  readonly hiddenSize: number;
  /** Inner width of one expert. */
  readonly expertWidth: number;
  /** Bytes of a weight with its scales. */
  readonly bytesPerWeight: number;
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
  const { rows, hiddenSize, expertWidth, bytesPerWeight } = work;
  const weights = 3 * hiddenSize * expertWidth;
  const weightsNs = (weights * bytesPerWeight) / kernel.memoryBytesPerNs;
  const tileNs = (2 * weights * kernel.tileRows) / kernel.flopPerNs;
  // Most experts have as many tiles as some other one.
  const nsOfTiles = new Map<number, number>();
  let [total, active, expertsNs] = [0, 0, 0];
  for (let expert = 0; expert < rows.length; expert++) {
    if (rows[expert] <= 0) continue;
    const chance = Math.min(1, rows[expert]);
    total += rows[expert];
    active += chance;
    const tiles = Math.ceil(rows[expert] / kernel.tileRows);
    const ns = nsOfTiles.get(tiles) ?? overlapped(kernel.overlap, weightsNs, tiles * tileNs);
    nsOfTiles.set(tiles, ns);
    expertsNs += chance * ns;
  }
  const { tokens = total } = work;
  const gpuNs =
    kernel.floorNs +
    (rows.length - active) * kernel.idleExpertNs +
    expertsNs +
    hiddenSize * (tokens * kernel.tokenNsPerByte + total * kernel.rowNsPerByte);
  return overlapped(HOST_OVERLAP, kernel.hostNs, gpuNs);
}

/** The host is a good deal ahead or it is not: in between there is little. */
const HOST_OVERLAP = 6;
