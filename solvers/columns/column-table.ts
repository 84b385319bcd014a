import { constraintsOf, isAbove } from "../../lib/placement/constraints.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { countSubsets, tabulateSubsetCosts } from "./subset-costs.js";

/** Every admissible chiplet column of a problem, by tables: made to be walked under changing prices. */
export interface ColumnTable {
  /** Calls `visit` for every admissible column of reduced cost at most `limit`, in a fixed order. */
  walk(prices: Prices, limit: number, visit: ColumnVisitor): void;
  /** The least reduced cost of any admissible column; Infinity if there is none. */
  leastReducedCost(prices: Prices): number;
}

/** Receives a column; `experts`, ascending, is overwritten by the next. */
export type ColumnVisitor = (experts: Uint16Array, tokens: number, reducedCost: number) => void;

/** Prices of a set-partitioning LP: a column's reduced cost is its tokens less the prices of what it covers. */
export interface Prices {
  /** Shape [numExperts]. */
  readonly expert: Float64Array;
  /** Price of one more chiplet in use, at most 0. */
  readonly chiplet: number;
}

/** Tokens of a column that is not admissible. */
const INADMISSIBLE = 0x7fffffff;

/** Columns that a problem has, admissible or not; all that a table of them costs in memory is 4 bytes each. */
export function countColumns({ numExperts, numChiplets, slotsPerChiplet }: PlacementProblem): number {
  let count = 0;
  for (let size = leastSize(numExperts, numChiplets, slotsPerChiplet); size <= slotsPerChiplet; size++) {
    count += countSubsets(numExperts, size);
  }
  return count;
}

/**
 * Tabulates the tokens of every column and marks those that break a constraint or part pinned experts.
 *
 * Time and memory O(countColumns(problem)).
 */
export function createColumnTable(problem: PlacementProblem): ColumnTable {
  const { numExperts, numChiplets, slotsPerChiplet, patterns } = problem;
  const tables: { size: number; tokens: Int32Array }[] = [];
  for (let size = leastSize(numExperts, numChiplets, slotsPerChiplet); size <= slotsPerChiplet; size++) {
    const tokens = tabulateSubsetCosts(patterns, size);
    markInadmissible(problem, tokens, size);
    tables.push({ size, tokens });
  }
  return {
    walk(prices, limit, visit) {
      for (const { size, tokens } of tables) {
        walkSubsets(tokens, { numExperts, size, prices, limit }, (members, rank, reducedCost) => {
          visit(members, tokens[rank], reducedCost);
        });
      }
    },
    leastReducedCost(prices) {
      let least = Infinity;
      for (const { size, tokens } of tables) {
        least = Math.min(least, leastOf(tokens, { numExperts, size, prices }));
      }
      return least;
    },
  };
}

/** Experts a chiplet must hold at least, for the others to have room for the rest; an empty chiplet is no column. */
function leastSize(numExperts: number, numChiplets: number, slots: number): number {
  return Math.max(1, numExperts - (numChiplets - 1) * slots);
}

/** Walks sets in colexicographic order with the sum of their prices; the innermost loop is flat. */
function walkSubsets(
  tokens: Int32Array,
  { numExperts, size, prices, limit }: { numExperts: number; size: number; prices: Prices; limit: number },
  visit: (members: Uint16Array, rank: number, reducedCost: number) => void,
): void {
  const members = new Uint16Array(size);
  const price = prices.expert;
  const descendInto = (left: number, below: number, start: number, paid: number): void => {
    if (left === 1) {
      for (let expert = 0; expert < below; expert++) {
        const reducedCost = tokens[start + expert] - paid - price[expert];
        if (reducedCost > limit || tokens[start + expert] === INADMISSIBLE) continue;
        members[0] = expert;
        visit(members, start + expert, reducedCost);
      }
      return;
    }
    for (let largest = left - 1; largest < below; largest++) {
      members[left - 1] = largest;
      descendInto(left - 1, largest, start + countSubsets(largest, left), paid + price[largest]);
    }
  };
  descendInto(size, numExperts, 0, prices.chiplet);
}

function leastOf(
  tokens: Int32Array,
  { numExperts, size, prices }: { numExperts: number; size: number; prices: Prices },
): number {
  const price = prices.expert;
  const leastIn = (left: number, below: number, start: number, paid: number): number => {
    let least = Infinity;
    if (left === 1) {
      for (let expert = 0; expert < below; expert++) {
        const reducedCost = tokens[start + expert] - price[expert];
        if (reducedCost < least) least = reducedCost;
      }
      return least - paid;
    }
    for (let largest = left - 1; largest < below; largest++) {
      const offset = start + countSubsets(largest, left);
      least = Math.min(least, leastIn(left - 1, largest, offset, paid + price[largest]));
    }
    return least;
  };
  const least = leastIn(size, numExperts, 0, prices.chiplet);
  // Marked columns cost more tokens than there are, by far.
  return least > INADMISSIBLE / 2 ? Infinity : least;
}

/** Marks columns that cannot be on any chiplet: those above a cap, be it of their whole group, and those that part pins. */
function markInadmissible(problem: PlacementProblem, tokens: Int32Array, size: number): void {
  const free = { expert: new Float64Array(problem.numExperts), chiplet: 0 };
  const markIf = (isBad: (members: Uint16Array) => boolean) => {
    walkSubsets(
      tokens,
      { numExperts: problem.numExperts, size, prices: free, limit: Infinity },
      (members, rank) => {
        if (isBad(members)) tokens[rank] = INADMISSIBLE;
      },
    );
  };
  for (const { measure, weight, cap } of constraintsOf(problem)) {
    if (measure === "tokens") {
      for (let rank = 0; rank < tokens.length; rank++) {
        if (isAbove(tokens[rank], cap)) tokens[rank] = INADMISSIBLE;
      }
    } else {
      markIf((members) => {
        let sum = 0;
        for (const expert of members) sum += weight[expert];
        return isAbove(sum, cap);
      });
    }
  }
  if (problem.pins.length > 0) markIf(createPinTest(problem));
}

/** Experts pinned to one chiplet go there together; experts pinned to two never share one. */
function createPinTest({
  numExperts,
  numChiplets,
  pins,
}: PlacementProblem): (members: Uint16Array) => boolean {
  const pinnedTo = new Int32Array(numExperts).fill(-1);
  const pinsOn = new Uint16Array(numChiplets);
  for (const { expert, chiplet } of pins) {
    pinnedTo[expert] = chiplet;
    pinsOn[chiplet]++;
  }
  return (members) => {
    const chiplets = [...members].map((expert) => pinnedTo[expert]).filter((chiplet) => chiplet >= 0);
    return (
      chiplets.length > 0 &&
      (chiplets.some((chiplet) => chiplet !== chiplets[0]) || chiplets.length !== pinsOn[chiplets[0]])
    );
  };
}
