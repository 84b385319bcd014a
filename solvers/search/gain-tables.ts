import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

/** What swaps are counted on. */
export interface SwapShape {
  /** The tokens to place for; its experts are [0, numExperts). */
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly slotsPerChiplet: number;
}

/**
 * The tables that swap-gains.ts, which says what they mean, looks gains up in, for the placement in `chipletOf`. Occupants are
 * those of all slots, the experts first.
 */
export interface GainTables {
  /** Shape [numOccupants]. */
  readonly chipletOf: Uint16Array;
  /** Tokens with an expert on each chiplet. Shape [numChiplets]. */
  readonly chipletTokens: Int32Array;
  /** Entries of a row of `penalty` and `common`, at least numOccupants. */
  readonly columns: number;
  /** Shape [numOccupants] at least. */
  readonly benefit: Int32Array;
  /** Shape [numChiplets, columns], row-major. */
  readonly penalty: Int32Array;
  /** Shape [numOccupants, columns], row-major; nobody reads the diagonal. */
  readonly common: Int32Array;
  /** Counts all tables for `chipletOf`. */
  count(): void;
  /**
   * Swaps two occupants of different chiplets.
   *
   * @returns Token copies more than before.
   */
  swap(e: number, f: number): number;
  /** Remembers all tables, for `restore`. */
  save(): void;
  restore(): void;
}
