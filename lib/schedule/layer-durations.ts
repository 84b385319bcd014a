/** The machine that a step runs on, as far as its task graph has to know. */
export interface StepSite {
  readonly numGroups: number;
  readonly chipletsPerGroup: number;
  /** Chiplets that share one memory, which serves them one at a time; divides chipletsPerGroup. */
  readonly chipletsPerMemory: number;
  /** Whether attention runs on a root chiplet, or on all chiplets, each with its share of the tokens. */
  readonly tokensStart: "root" | "everywhere";
  /**
   * Whether a chiplet starts its kernels in one fixed order, and its transfers in another, as GPUs do: both wait for the one before
   * even where a later one is ready. Without, whatever is ready starts.
   */
  readonly kernelsInOrder: boolean;
  /** SRAM of a chiplet; `Infinity` where weights stay with the chiplets and nothing has to fit. */
  readonly sramBytes: number;
}

/** How long each link of the tree is busy with one transfer, in one direction. */
export interface TransferDurations {
  /** Link between the root and each chiplet group. Shape [numGroups]. */
  readonly rootNs: Float64Array;
  /** Link of each chiplet. Shape [numChiplets]. */
  readonly chipletNs: Float64Array;
  /** Of the whole path, on top. */
  readonly latencyNs: number;
}

/**
 * How long the stages of one MoE layer take, each as if it ran alone: all that a task graph is made of.
 *
 * A part is what attention works on at a time, whole sequences; a chunk is what is dispatched at a time, and a part
 * has one or several. Forward; the backward pass moves the same bytes over the same links.
 */
export interface LayerDurations {
  /** Of one part. */
  readonly attentionNs: number;
  /** Experts that every token visits, of one part; they need no dispatch. */
  readonly sharedNs: number;
  /** Saving the activations of attention of one part, or reloading them. */
  readonly saveNs: number;
  /** Of one chunk. */
  readonly dispatch: TransferDurations;
  /** Of one chunk. */
  readonly combine: TransferDurations;
  /** All experts of each chiplet, one after another, for one chunk. Shape [numChiplets]. */
  readonly expertsNs: Float64Array;
  /** The memory of each chiplet saves (or reloads) what its experts keep of one chunk. Shape [numChiplets]. */
  readonly expertSaveNs: Float64Array;
  /** Backward compute for each unit of forward compute. */
  readonly backwardFactor: number;
  /** Share of its compute that dispatch and combine take from a chiplet while they run; 0 where links do without. */
  readonly unitShare: number;
  /** Experts whose weights stream into each chiplet. Shape [numChiplets]. */
  readonly streamedExperts: ArrayLike<number>;
  /** The memory reads or writes one expert. */
  readonly expertMemoryNs: number;
  /** One expert crosses the link of its chiplet. */
  readonly expertLinkNs: number;
  /**
   * What streams in for the backward pass, and is written back after it, for each byte of weights: more than 1 where
   * optimiser state travels with them.
   */
  readonly updateFactor: number;
  /** Weights of one expert. */
  readonly expertBytes: number;
  /** Tokens of one chunk on each chiplet, as they arrive and as they leave. Shape [numChiplets]. */
  readonly chunkBytes: Float64Array;
}
