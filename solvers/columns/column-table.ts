import { INADMISSIBLE, type ColumnModel, type PartitionShape } from "./column-model.js";
import type { Multipliers } from "./multipliers.js";
import { countSubsets, tabulateSubsetCosts } from "./subset-costs.js";

/** Every admissible column, by tables: made to be walked under changing multipliers. */
export interface ColumnTable {
  /** Calls `visit` for every admissible column of reduced cost at most `limit`, in a fixed order. */
  walk(multipliers: Multipliers, limit: number, visit: UseColumn): void;
  /** The least reduced cost of any admissible column; Infinity if there is none. */
  leastReducedCost(multipliers: Multipliers): number;
  /** Those of its columns that keep caps. Time O(its columns), memory O(those kept). */
  within(caps: ColumnCaps): ColumnTable;
}

/** What a column may serve and be visited by. */
export interface ColumnCaps {
  /** Tokens that chose each expert. Shape [numExperts]. */
  readonly load: ArrayLike<number>;
  /** Sum over the experts of a column, at most. */
  readonly maxLoad: number;
  /** Tokens that chose at least one of them, at most. */
  readonly maxTokens: number;
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
  const tables: SizedTable[] = [];
  for (let size = leastSize(model); size <= model.slotsPerChiplet; size++) {
    const tokens = tabulateSubsetCosts(model.patterns, size);
    model.markInadmissible(tokens, size);
    tables.push({ size, tokens });
  }
  return tableOf(tables, model);
}

/** Tokens of the sets of one size, in colexicographic order. */
interface SizedTable {
  readonly size: number;
  readonly tokens: Int32Array;
}

function tableOf(
  tables: readonly SizedTable[],
  { numExperts }: Pick<PartitionShape, "numExperts">,
): ColumnTable {
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
    within: (caps) => listOf(tables.map(({ size, tokens }) => columnsWithin(tokens, size, caps))),
  };
}

/** Some sets of one size, one after the other: few of the table, so that their members are listed. */
interface SizedList {
  readonly size: number;
  /** Shape [numColumns, size]. */
  readonly members: Uint16Array;
  /** Shape [numColumns]. */
  readonly tokens: Int32Array;
}

function columnsWithin(
  tokens: Int32Array,
  size: number,
  { load, maxLoad, maxTokens }: ColumnCaps,
): SizedList {
  const members: number[] = [];
  const kept: number[] = [];
  const numExperts = load.length;
  // Under such multipliers the reduced cost of a column is what it is visited by and what it serves together.
  const multipliers = { expert: Float64Array.from(load, (tokensOf) => -tokensOf), chiplet: 0 };
  walkSubsets(tokens, { numExperts, size, multipliers, limit: maxTokens + maxLoad }, (column, rank, both) => {
    if (tokens[rank] > maxTokens || both - tokens[rank] > maxLoad) return;
    for (const member of column) members.push(member);
    kept.push(tokens[rank]);
  });
  return { size, members: Uint16Array.from(members), tokens: Int32Array.from(kept) };
}

function listOf(lists: readonly SizedList[]): ColumnTable {
  return {
    walk(multipliers, limit, visit) {
      for (const { size, members, tokens } of lists) {
        const column = new Uint16Array(size);
        for (let at = 0, first = 0; at < tokens.length; at++, first += size) {
          const reducedCost = reducedCostAt(members, first, size, multipliers, tokens[at]);
          if (reducedCost > limit) continue;
          for (let place = 0; place < size; place++) column[place] = members[first + place];
          visit(column, tokens[at], reducedCost);
        }
      }
    },
    leastReducedCost(multipliers) {
      let least = Infinity;
      for (const { size, members, tokens } of lists) {
        for (let at = 0, first = 0; at < tokens.length; at++, first += size) {
          const reducedCost = reducedCostAt(members, first, size, multipliers, tokens[at]);
          if (reducedCost < least) least = reducedCost;
        }
      }
      return least;
    },
    within: (caps) => listOf(lists.map((list) => listWithin(list, caps))),
  };
}

function listWithin(
  { size, members, tokens }: SizedList,
  { load, maxLoad, maxTokens }: ColumnCaps,
): SizedList {
  const kept = { size, members: new Uint16Array(members.length), tokens: new Int32Array(tokens.length) };
  let count = 0;
  for (let at = 0, first = 0; at < tokens.length; at++, first += size) {
    if (tokens[at] > maxTokens) continue;
    let served = 0;
    for (let place = first; place < first + size; place++) served += load[members[place]];
    if (served > maxLoad) continue;
    kept.members.set(members.subarray(first, first + size), count * size);
    kept.tokens[count++] = tokens[at];
  }
  return { size, members: kept.members.slice(0, count * size), tokens: kept.tokens.slice(0, count) };
}

/** Reduced cost of the column whose members begin at some place: innermost, so that its arguments are flat. */
function reducedCostAt(
  members: Uint16Array,
  first: number,
  size: number,
  { expert, chiplet }: Multipliers,
  tokens: number,
): number {
  let reducedCost = tokens - chiplet;
  for (let place = 0; place < size; place++) reducedCost -= expert[members[first + place]];
  return reducedCost;
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
