/** What may happen at the same time in a step. */
export interface Overlap {
  /**
   * Which stages run one after another, each waiting for all of the one before:
   * - all: every stage, streaming included.
   * - transfers: attention, dispatch, experts and combine of a micro-batch and of those before it, while weights and
   *   activations stream and shared experts run beside them: "all-to-all cannot be overlapped".
   * - none: whatever has its data and its resources runs.
   */
  readonly apart: "all" | "transfers" | "none";
  /**
   * Pieces into which the tokens of a micro-batch are cut, each with its own dispatch, experts and combine; with 1,
   * whole micro-batches overlap.
   */
  readonly chunks: number;
  /**
   * Parts into which attention is cut, whole sequences each, so that a part can be dispatched while the next is
   * attended to; as many of them as divide both chunks and sequences.
   */
  readonly parts: number;
  /** Whether experts of the next layer stream in as far as the SRAM has room beside those of this layer. */
  readonly prefetch: boolean;
}

/**
 * How a step is run: the Mozart paper's ways, and beyond.
 *
 * Source: Mozart (arXiv:2603.07006), sections 4.3 and 5. `chunked` goes beyond the paper, which holds that the
 * all-to-all cannot be overlapped: transfers and compute overlap chunk by chunk, micro-batches follow each other
 * without waiting, and weights are fetched ahead. Its chunk is a micro-batch: docs/decisions/one-time.md says why.
 */
export const OVERLAPS = {
  serial: { apart: "all", chunks: 1, parts: 1, prefetch: false },
  mozart: { apart: "transfers", chunks: 1, parts: 1, prefetch: true },
  chunked: { apart: "none", chunks: 1, parts: 1, prefetch: true },
} as const satisfies Record<string, Overlap>;
