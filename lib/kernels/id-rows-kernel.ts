import { startKernel } from "./kernel.js";

/** The loops of kernels/id-rows.ts, over 16-bit ids; all addresses and sizes are in bytes. */
export interface IdRowsKernel {
  /** The largest id in [at, end). */
  readonly largest: (at: number, end: number) => number;
  /** Lanes, a bit each, that equal one of those of their row that the four vectors at `turns` bring there, in any row. */
  readonly equalTurned: (at: number, end: number, rowBytes: number, turns: number) => number;
  /** Lanes, a bit each, in which a vector at `at`, `at + step`, ... before `end` equals the one `distance` further. */
  readonly equalAhead: (at: number, end: number, step: number, distance: number) => number;
  /** Writes numbers of 8 bits as 16 bits each, and says, by 0 and 1, whether any has its highest bit set. */
  readonly widenBytes: (from: number, end: number, to: number) => number;
  /** Writes numbers of 32 bits as 16 bits each, and says, by 0 and 1, whether any does not fit. */
  readonly narrowWords: (from: number, end: number, to: number) => number;
  /**
   * Copies rows of `width` bytes at `from`, `from + stride`, ... before `end` to `to`, one behind the other. Up to 15 bytes
   * behind the last one are written too.
   */
  readonly gatherRows: (from: number, end: number, stride: number, to: number, width: number) => void;
}

/** Starts the loops over ids in so much memory; undefined where there are no kernels. */
export function startIdRows(numBytes: number): { exports: IdRowsKernel; buffer: ArrayBuffer } | undefined {
  const started = startKernel("id-rows", numBytes);
  return started && { exports: started.exports as IdRowsKernel, buffer: started.buffer };
}
