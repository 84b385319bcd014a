import { InputError } from "../lib/errors.js";

/** Tokens are sampled in blocks of so many in a row, so that neighbours stay together. */
export const SAMPLE_BLOCK = 64;

/** Ids held at once, 2 bytes each, before tokens are sampled of which nobody asked to. */
const MAX_IDS = 2 ** 27;

/** The rows that are held of one layer of one trace. */
interface SampledRows {
  readonly rowsHeld: number;
  /** Drops the blocks that are not kept any more, after the stride was doubled. */
  thin(): void;
}

/**
 * Which tokens are kept of traces that are read together: one block in `stride`, the same ones in all layers.
 *
 * Blocks are drawn by a hash of their number, not at regular distances, which might fall into step with sequences of
 * equal length. Whatever is kept at some stride is among what is kept at half of it, so one pass over a file of any
 * length will do. Block 0 is always kept: no layer, however short, gets lost.
 */
export class Sampling {
  /** A power of two; 1 keeps all. */
  stride = 1;

  readonly #maxTokens: number;
  readonly #layers = new Map<number, SampledRows[]>();

  /**
   * @param maxTokens Most tokens to hold of every layer.
   * @param numTraces Traces read together; each has a block 0.
   * @throws InputError if that is less than the blocks that are always kept.
   */
  constructor(maxTokens = Infinity, numTraces = 1) {
    if (maxTokens < SAMPLE_BLOCK * numTraces) {
      throw new InputError(
        `max-tokens: found ${maxTokens}, expected at least ${SAMPLE_BLOCK * numTraces}, ` +
          `one block of ${SAMPLE_BLOCK} tokens of every trace`,
      );
    }
    this.#maxTokens = maxTokens;
  }

  /** Takes the rows of a layer into account that are, or will be, held. */
  add(layer: number, rows: SampledRows): void {
    this.#layers.set(layer, [...(this.#layers.get(layer) ?? []), rows]);
  }

  /** Most rows that a layer may hold of a trace. */
  maxRows(topK: number): number {
    return Math.min(this.#maxTokens, MAX_IDS / topK);
  }

  /** Keeps fewer blocks until what is held is within the limits. */
  limit(topK: number): void {
    for (;;) {
      let total = 0;
      let most = 0;
      for (const parts of this.#layers.values()) {
        let held = 0;
        for (const rows of parts) held += rows.rowsHeld;
        total += held;
        most = Math.max(most, held);
      }
      if (most <= this.#maxTokens && total * topK <= MAX_IDS) return;
      this.stride *= 2;
      for (const rows of [...this.#layers.values()].flat()) rows.thin();
    }
  }
}

/**
 * Whether a block is kept at a stride, which is a power of two.
 *
 * The number is hashed by the finalizer of MurmurHash3, a bijection of 32-bit numbers that maps 0 to 0.
 */
export function keepsBlock(block: number, stride: number): boolean {
  let hash = block;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return (hash & (stride - 1)) === 0;
}
