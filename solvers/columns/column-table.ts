import { INADMISSIBLE, type ColumnModel, type PartitionShape } from "./column-model.js";
import type { Multipliers } from "./multipliers.js";
import { countSubsets, tabulateSubsetCosts } from "./subset-costs.js";

/** Every admissible column, by tables: made to be walked under changing multipliers. */
export interface ColumnTable {
  /** Calls `visit` for every admissible column of reduced cost at most `limit`, in a fixed order. */
  walk(multipliers: Multipliers, limit: number, visit: UseColumn): void;
  /** The least reduced cost of any admissible column; Infinity if there is none. */
  leastReducedCost(multipliers: Multipliers): number;
}

/** Receives a column; `experts`, ascending, is overwritten by the next. */
export type UseColumn = (experts: Uint16Array, tokens: number, reducedCost: number) => void;

/** Number of columns, admissible or not; all that a table of them costs in memory is 4 bytes each. */
export function countColumns(shape: PartitionShape): number {
  let count = 0;
  for (let size = leastSize(shape); size <= shape.slotsPerChiplet; size++) {
    count += countSubsets(shape.numExperts, size);
  }
  return count;
}

/** Tabulates the tokens of every admissible column. Time and memory O(countColumns(model)). */
export function createColumnTable(model: ColumnModel): ColumnTable {
  const { numExperts } = model;
  const tables: { size: number; tokens: Int32Array }[] = [];
  for (let size = leastSize(model); size <= model.slotsPerChiplet; size++) {
    const tokens = tabulateSubsetCosts(model.patterns, size);
    model.markInadmissible(tokens, size);
    tables.push({ size, tokens });
  }
  return {
    walk(multipliers, limit, visit) {
      for (const { size, tokens } of tables) {
        walkSubsets(tokens, { numExperts, size, multipliers, limit }, (members, rank, reducedCost) => {
          visit(members, tokens[rank], reducedCost);
        });
      }
    },
    leastReducedCost(multipliers) {
      let least = Infinity;
      for (const { size, tokens } of tables) {
        least = Math.min(least, leastOf(tokens, { numExperts, size, multipliers }));
      }
      return least;
    },
  };
}

/** Experts a chiplet must hold at least, for the others to have room for the rest; an empty chiplet is no column. */
function leastSize({ numExperts, numChiplets, slotsPerChiplet }: PartitionShape): number {
  return Math.max(1, numExperts - (numChiplets - 1) * slotsPerChiplet);
}

/**
 * Calls `visit` for every set of `size` experts of reduced cost at most `limit`, in colexicographic order.
 *
 * The reduced cost is that of `reducedCostOf`, with the multipliers of all but the smallest expert summed once for the
 * sets that share them: the innermost loop is flat.
 */
export function walkSubsets(
  tokens: Int32Array,
  {
    numExperts,
    size,
    multipliers,
    limit,
  }: { numExperts: number; size: number; multipliers: Multipliers; limit: number },
  visit: (members: Uint16Array, rank: number, reducedCost: number) => void,
): void {
  const members = new Uint16Array(size);
  const multiplier = multipliers.expert;
  const descendInto = (left: number, below: number, start: number, multiplied: number): void => {
    if (left === 1) {
      for (let expert = 0; expert < below; expert++) {
        const reducedCost = tokens[start + expert] - multiplied - multiplier[expert];
        if (reducedCost > limit || tokens[start + expert] === INADMISSIBLE) continue;
        members[0] = expert;
        visit(members, start + expert, reducedCost);
      }
      return;
    }
    for (let largest = left - 1; largest < below; largest++) {
      members[left - 1] = largest;
      descendInto(left - 1, largest, start + countSubsets(largest, left), multiplied + multiplier[largest]);
    }
  };
  descendInto(size, numExperts, 0, multipliers.chiplet);
}

function leastOf(
  tokens: Int32Array,
  { numExperts, size, multipliers }: { numExperts: number; size: number; multipliers: Multipliers },
): number {
  const multiplier = multipliers.expert;
  const leastIn = (left: number, below: number, start: number, multiplied: number): number => {
    let least = Infinity;
    if (left === 1) {
      for (let expert = 0; expert < below; expert++) {
        const reducedCost = tokens[start + expert] - multiplier[expert];
        if (reducedCost < least) least = reducedCost;
      }
      return least - multiplied;
    }
    for (let largest = left - 1; largest < below; largest++) {
      const offset = start + countSubsets(largest, left);
      least = Math.min(least, leastIn(left - 1, largest, offset, multiplied + multiplier[largest]));
    }
    return least;
  };
  const least = leastIn(size, numExperts, 0, multipliers.chiplet);
  // Marked columns cost more tokens than there are, by far.
  return least > INADMISSIBLE / 2 ? Infinity : least;
}
