import type { TokenPatterns } from "./token-patterns.js";

// Patterns as kernels read them, kernels/shared/rows.ts: rows of lanes, so many for all as the widest pattern fills of whole
// vectors.

const LANES = 8;

/** Lanes of a row: experts of the widest pattern, up to whole vectors. */
export function lanesOf({ numPatterns, offsets }: TokenPatterns): number {
  let widest = 1;
  for (let pattern = 0; pattern < numPatterns; pattern++)
    widest = Math.max(widest, offsets[pattern + 1] - offsets[pattern]);
  return LANES * Math.ceil(widest / LANES);
}

/**
 * Writes the experts of every pattern into its row.
 *
 * @param rows Shape [numPatterns, stride], row-major, of which `lanes` are written.
 * @param options.unused What a lane holds that is not in use.
 */
export function writeRows(
  rows: Uint16Array,
  { numPatterns, offsets, experts }: TokenPatterns,
  { lanes, stride, unused }: { readonly lanes: number; readonly stride: number; readonly unused: number },
): void {
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const row = pattern * stride;
    const width = offsets[pattern + 1] - offsets[pattern];
    for (let lane = 0; lane < lanes; lane++)
      rows[row + lane] = lane < width ? experts[offsets[pattern] + lane] : unused;
  }
}
