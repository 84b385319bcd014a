import type { Hardware } from "./hardware.js";
import type { ModelShape } from "./model-shapes.js";
import type { Workload } from "./workload.js";

/** A machine and the model whose experts it holds: what time and energy are told of. */
export interface Machine {
  readonly hardware: Hardware;
  readonly shape: ModelShape;
  /** What a step is; default as `createWorkload` makes it. */
  readonly workload?: Workload;
}
