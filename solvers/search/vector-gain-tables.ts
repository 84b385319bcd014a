import { startKernel } from "../../lib/kernels/kernel.js";
import { MemoryPlan } from "../../lib/kernels/memory-plan.js";
import { lanesOf, writeRows } from "../../lib/trace/pattern-rows.js";
import { indexPatterns } from "../../lib/trace/token-patterns.js";
import type { GainTables, SwapShape } from "./gain-tables.js";

/** The functions of kernels/swap-gains.ts; addresses are in bytes. */
interface SwapGainsKernel {
  readonly configure: (...sizesAndAddresses: readonly number[]) => void;
  readonly count: (chipletOf: number) => void;
  readonly move: (expert: number, peer: number, a: number, b: number, isSecond: number) => number;
  readonly saveChiplets: (to: number) => void;
  readonly restoreChiplets: (from: number) => void;
}

/** The kernel has a bit for each. */
const MOST_LANES = 32;

/**
 * Makes tables that a kernel keeps, by vectors.
 *
 * @returns Undefined where there are no kernels, tokens have more experts than the kernel has room for, or the tables are
 *   larger than its memory can be.
 */
export function startVectorGainTables(shape: SwapShape): GainTables | undefined {
  const { patterns, numChiplets, slotsPerChiplet } = shape;
  const { numPatterns, numExperts, counts } = patterns;
  const lanes = lanesOf(patterns);
  if (lanes > MOST_LANES) return undefined;
  const numOccupants = numChiplets * slotsPerChiplet;
  const index = indexPatterns(patterns);
  // Lanes that are not in use have a column, so that no loop asks how many are.
  const columns = numOccupants + 1;
  const plan = new MemoryPlan();
  const at = {
    rows: plan.take(2 * numPatterns * lanes, 2),
    counts: plan.take(numPatterns, 4),
    starts: plan.take(numExperts + 1, 4),
    index: plan.take(index.patterns.length, 4),
    chipletTokens: plan.take(numChiplets, 4),
    benefit: plan.take(columns, 4),
    penalty: plan.take(numChiplets * columns, 4),
    common: plan.take(numOccupants * columns, 4),
    chipletOf: plan.take(numOccupants, 2),
    savedChiplets: plan.take(numPatterns * lanes, 2),
  };
  const kernel = startKernel("swap-gains", plan.numBytes);
  if (!kernel) return undefined;
  const { buffer } = kernel;
  const { configure, count, move, saveChiplets, restoreChiplets } = kernel.exports as SwapGainsKernel;
  const rows = new Uint16Array(buffer, at.rows, 2 * numPatterns * lanes);
  // Behind the experts of a row come their chiplets, which are the kernel's to write.
  writeRows(rows, patterns, { lanes, stride: 2 * lanes, unused: numOccupants });
  new Uint32Array(buffer, at.counts).set(counts);
  new Uint32Array(buffer, at.starts).set(index.offsets);
  new Uint32Array(buffer, at.index).set(index.patterns);
  configure(
    numPatterns,
    numChiplets,
    lanes,
    columns,
    at.rows,
    at.counts,
    at.starts,
    at.index,
    at.chipletTokens,
    at.benefit,
    at.penalty,
    at.common,
  );
  const chipletOf = new Uint16Array(buffer, at.chipletOf, numOccupants);
  const tables = {
    chipletTokens: new Int32Array(buffer, at.chipletTokens, numChiplets),
    benefit: new Int32Array(buffer, at.benefit, columns),
    penalty: new Int32Array(buffer, at.penalty, numChiplets * columns),
    common: new Int32Array(buffer, at.common, numOccupants * columns),
  };
  const copied = [chipletOf, ...Object.values(tables)].map((live) => ({ live, saved: live.slice() }));
  return {
    ...tables,
    chipletOf,
    columns,
    count() {
      count(at.chipletOf);
    },
    swap(e, f) {
      const a = chipletOf[e];
      const b = chipletOf[f];
      // Fillers have no tokens and are not in the index.
      const isSecond = e < numExperts;
      let added = isSecond ? move(e, f, a, b, 0) : 0;
      if (f < numExperts) added += move(f, e, b, a, Number(isSecond));
      chipletOf[e] = b;
      chipletOf[f] = a;
      return added;
    },
    save() {
      for (const { live, saved } of copied) saved.set(live);
      saveChiplets(at.savedChiplets);
    },
    restore() {
      for (const { live, saved } of copied) live.set(saved);
      restoreChiplets(at.savedChiplets);
    },
  };
}
