import type { StepSite } from "./layer-durations.js";
import type { Overlap } from "./overlap.js";

/** What a step is, besides its layers. */
export interface StepPlan {
  readonly site: StepSite;
  /** Its parts divide its chunks. */
  readonly overlap: Overlap;
  readonly numMicroBatches: number;
  /** Whether a backward pass follows, and the weights are updated. */
  readonly training: boolean;
  /** What layers are called by, in their order; default from 0. Names of tasks have them. */
  readonly layerNumbers?: readonly number[] | undefined;
}
