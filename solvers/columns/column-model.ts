import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

/** Set partitioning without the columns: each expert in exactly one, no more columns than chiplets. */
export interface PartitionShape {
  readonly numExperts: number;
  readonly numChiplets: number;
  /** Most experts in a column. */
  readonly slotsPerChiplet: number;
}

/** All that is known of a placement problem where columns are generated, priced and chosen. */
export interface ColumnModel extends PartitionShape {
  /** The tokens that columns cost; its experts are [0, numExperts). */
  readonly patterns: TokenPatterns;
  /** Whether experts may share a chiplet, by its limits and separations; absent where any may. */
  readonly admits: ((experts: readonly number[]) => boolean) | undefined;
  /** 1 for experts that have to be on one given chiplet. Shape [numExperts]. */
  readonly isPinned: Uint8Array;
  /**
   * Given the tokens of all sets of `size` experts in colexicographic order, turns those of sets that cannot be on any
   * chiplet into {@link INADMISSIBLE}.
   */
  readonly markInadmissible: (tokens: Int32Array, size: number) => void;
}

/** Tokens of a column that is not admissible. */
export const INADMISSIBLE = 0x7fffffff;
