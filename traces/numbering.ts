import type { SizeLimits } from "../lib/plausible-size.js";
import type { DetectOptions } from "./array-kind.js";

/** How ids in a file are to be understood, and what is to be left out. */
export interface NumberingOptions extends DetectOptions, SizeLimits {
  /** Keep runs of identical rows, which are an engine's warm-up. Default false. */
  keepWarmup?: boolean | undefined;
  /** Number of the first expert in the files, usually 0 or 1. Default 0. */
  firstExpert?: number | undefined;
  /** Added to every layer number in the files. Default 0. */
  layerOffset?: number | undefined;
  /** Number of experts where no file declares it. Default: the largest id met, rounded up to a multiple of 4. */
  numExperts?: number | undefined;
  /** Most experts of a token. Where it is given, tokens may have fewer. Default: what every token has. */
  topK?: number | undefined;
  /** Layers of the model, dense ones included, for formats that cannot tell. */
  numLayers?: number | undefined;
  /** Layers known to have experts, although all their tokens may have the same one. */
  layers?: readonly number[] | undefined;
  /** Most tokens to keep of every layer; more are sampled in blocks over the whole file. Default: as memory allows. */
  maxTokens?: number | undefined;
  /** The id that stands for no expert, or "none" where no id does. Default: see traces/padding.ts. */
  padding?: number | "none" | undefined;
  /** Ids to leave out, as in the files: shared experts, and experts that do nothing. */
  dropExperts?: readonly number[] | undefined;
}
