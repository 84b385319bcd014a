import { expertInput, type ModelShape } from "../hardware/model-shapes.js";
import { tokenBytes, weightBytes, type NumberFormat } from "../hardware/number-format.js";
import type { Workload } from "../hardware/workload.js";

/** A micro-batch, or a piece of one. */
export interface Piece {
  readonly workload: Workload;
  /** Of all chiplets together. */
  readonly tokens: number;
  /** Whether other pieces compute while its tokens travel, which slows down the kernels of GPUs; default false. */
  readonly besideCompute?: boolean | undefined;
}

/** Bytes of a token on a link, scales included. */
export function wireBytes(shape: ModelShape, format: NumberFormat): number {
  return expertInput(shape) * tokenBytes(format);
}

/** Bytes of one expert weight: as chosen, or as the model is served. */
export function weightBytesOf({ bytesPerWeight }: ModelShape, { formats: { weights } }: Workload): number {
  return weights === undefined ? bytesPerWeight : weightBytes(weights);
}
