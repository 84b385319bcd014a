/**
 * Time of matrix products on a chiplet: systolic arrays by their closed form, or a roofline. Nanoseconds throughout.
 */
import { formatBytes, isNarrow, type NumberFormat } from "../hardware/number-format.js";
import type { Compute, Dataflow, RooflineCompute, SystolicCompute } from "../hardware/hardware.js";

/** The product of an M x K and a K x N matrix. */
export interface Gemm {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** How many such products there are, independent of each other; default 1. */
  readonly count?: number;
  /** Bytes of a number of the K x N matrix, where it is stored in another format. */
  readonly bytesPerWeight?: number;
}

/** Multiply-accumulates of a product. */
export function gemmMacs({ m, k, n, count = 1 }: Gemm): number {
  return m * k * n * count;
}

/**
 * Cycles of one product on one systolic array that never waits for memory, fill and drain included.
 *
 * folds = ceil(Sr / R) * ceil(Sc / C); weight and input stationary: (2R + C + T - 2) * folds - 1, output stationary:
 * (R + C + T - 2) * folds - 1. Weight stationary: Sr = K, Sc = N, T = M; input stationary: Sr = K, Sc = M, T = N;
 * output stationary: Sr = M, Sc = N, T = K. An empty product takes 0.
 * Source: SCALE-Sim v2 (Samajdar et al., ISPASS 2020), equations 1 to 4, as its simulator counts.
 *
 * @example
 * arrayCycles({ m: 100, k: 130, n: 70 }, { rows: 16, columns: 24, dataflow: "weight stationary" }); // 4157
 */
export function arrayCycles(
  gemm: Gemm,
  array: { rows: number; columns: number; dataflow: Dataflow; numArrays?: number },
): number {
  if (gemmMacs(gemm) === 0) return 0;
  const { rows, columns, dataflow, numArrays = 1 } = array;
  const [spatialRows, spatialColumns, steps] = mapOnto(gemm, dataflow);
  const folds = Math.ceil(spatialRows / rows) * Math.ceil(spatialColumns / columns) * (gemm.count ?? 1);
  // Arrays that would find no fold left share the streaming of the others.
  const sharers = Math.max(1, Math.floor(numArrays / folds));
  const fill = dataflow === "output stationary" ? rows + columns - 2 : 2 * rows + columns - 2;
  return (fill + Math.ceil(steps / sharers)) * Math.ceil(folds / numArrays) - 1;
}

/**
 * Time of one product on all of a chiplet.
 *
 * Systolic: the larger of the arrays' time, folds dealt out to all arrays, and of each operand and the result once
 * over the SRAM bandwidth. Roofline: the larger of operations / rate and the same bytes / memory bandwidth.
 * Either is divided by the efficiency. Assumed: reuse inside a tile is perfect, and adding up partial sums between
 * arrays is free.
 */
export function gemmNs(gemm: Gemm, compute: Compute, format: NumberFormat = "fp16"): number {
  const bytes = gemmBytes(gemm, format);
  const idealNs =
    compute.kind === "systolic"
      ? Math.max(arraysNs(gemm, compute, format), bytes / sramBytesPerNs(compute))
      : Math.max(2 * gemmMacs(gemm) * flopNs(compute, format), bytes / compute.memoryBytesPerNs.value);
  return idealNs / compute.efficiency.value;
}

/** Bytes of both operands and the result. */
export function gemmBytes(
  { m, k, n, count = 1, bytesPerWeight }: Gemm,
  format: NumberFormat = "fp16",
): number {
  const bytes = formatBytes(format);
  return m * k * n === 0 ? 0 : ((m * k + m * n) * bytes + k * n * (bytesPerWeight ?? bytes)) * count;
}

/** Time of multiply-accumulates alone on a processor that is known by its peaks. */
export function multiplyNs(macs: number, compute: RooflineCompute, format: NumberFormat): number {
  return (2 * macs * flopNs(compute, format)) / compute.efficiency.value;
}

/** Time of bytes to or from the memory of a processor that is known by its peaks. */
export function memoryNs(bytes: number, compute: RooflineCompute): number {
  return bytes / compute.memoryBytesPerNs.value / compute.efficiency.value;
}

/** Bandwidth of all the SRAM of a chiplet together. */
export function sramBytesPerNs(compute: SystolicCompute): number {
  return compute.tiles.value * compute.sramBytesPerNsPerTile.value;
}

/** Bytes of all the SRAM of a chiplet. */
export function sramBytes(compute: Compute): number {
  return compute.kind === "systolic"
    ? compute.tiles.value * compute.sramBytesPerTile.value
    : compute.sramBytes.value;
}

function mapOnto({ m, k, n }: Gemm, dataflow: Dataflow): [number, number, number] {
  switch (dataflow) {
    case "weight stationary":
      return [k, n, m];
    case "input stationary":
      return [k, m, n];
    case "output stationary":
      return [m, n, k];
  }
}

function arraysNs(gemm: Gemm, compute: SystolicCompute, format: NumberFormat): number {
  const cycles = arrayCycles(gemm, {
    rows: compute.rows.value,
    columns: compute.columns.value,
    dataflow: compute.dataflow,
    numArrays: compute.tiles.value * compute.arraysPerTile.value,
  });
  const speedup = isNarrow(format) ? compute.fp8Speedup.value : 1;
  return cycles / compute.clockGhz.value / speedup;
}

function flopNs(compute: RooflineCompute, format: NumberFormat): number {
  const speedup = isNarrow(format) ? compute.fp8Speedup.value : 1;
  return 1 / (compute.flopPerNs.value * speedup);
}
